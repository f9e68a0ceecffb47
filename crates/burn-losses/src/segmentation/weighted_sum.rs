//! A weighted sum.

use super::{Regions, SegmentationLoss};
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::macros::{kind_and_reduction, weighted_sum};
use crate::terms::{said, sum};
use burn::tensor::Tensor;

weighted_sum! {
    segmentation: AnySegmentationLoss, SegmentationLossConfig, [dice: DiceLossConfig, jaccard: JaccardLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::segmentation::{DiceLossConfig, JaccardLossConfig, WeightedSumLossConfig};
    /// use burn_losses::{composition::Terms, prelude::*};
    ///
    /// let terms = Terms::new().with("dice", 0.5, DiceLossConfig::new()).with("iou", 1.0, JaccardLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let logits = Tensor::<3>::full([1, 1, 4], 50.0, &Device::flex());
    /// // Everything is found, and there is nothing else: both are 0.
    /// let value = loss.forward(logits.clone(), logits.ones_like());
    /// assert!(value.into_scalar::<f32>().abs() < 1e-6);
    /// ```
    validate |config| {
        let shared = ["activation", "over", "background", "absent_classes", "ignore_index"];
        shared.into_iter().try_for_each(|field| config.terms.agree(field, |loss| said(loss, field)))
    };
}

impl Segmentation for WeightedSumLoss {
    fn values(&self, _: &Regions, pixels: Pixels) -> Tensor<2> {
        let values = self.losses.iter().map(|loss| regions::of_pixels(loss, &loss.regions(), pixels.clone()));
        sum(self.config.terms.weigh(values))
    }
}

impl SegmentationLoss for WeightedSumLoss {
    kind_and_reduction!("weighted_sum");
    fn regions(&self) -> Regions {
        self.losses[0].regions()
    }
}
