//! A weighted sum.

use super::{BoxFormat, BoxUnit, BoxesLoss};
use crate::engine::boxes::{self, BoxTargets, Boxes};
use crate::macros::{kind_and_reduction, weighted_sum};
use crate::terms::{said, sum};
use burn::tensor::Tensor;

weighted_sum! {
    boxes: AnyBoxesLoss, BoxesLossConfig, [ciou: CiouLossConfig, giou: GiouLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{boxes::{GiouLossConfig, IouLossConfig, WeightedSumLossConfig}, composition::Terms, prelude::*};
    ///
    /// let terms = Terms::new().with("iou", 0.5, IouLossConfig::new()).with("giou", 1.0, GiouLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let boxes = |numbers: [f32; 4]| Tensor::<2>::from_floats([numbers], &Device::flex());
    /// let value = loss.forward(boxes([0.0, 0.0, 1.0, 1.0]), boxes([1.0, 0.0, 2.0, 1.0]));
    /// assert!((value.into_scalar::<f32>() - 1.5).abs() < 1e-6);
    /// ```
    validate |config| config.terms.agree("format", |loss| said(loss, "format"));
}

impl Boxes for WeightedSumLoss {
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1> {
        let values = self.losses.iter().map(|loss| boxes::values(loss, predictions.clone(), targets.clone(), format));
        sum(self.config.terms.weigh(values))
    }

    fn accepts(&self, width: usize) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| loss.accepts(width))
    }

    /// Boxes and bins have other widths, so all terms have the same.
    fn targets(&self) -> BoxTargets {
        self.losses[0].targets()
    }
}

impl BoxesLoss for WeightedSumLoss {
    kind_and_reduction!("weighted_sum");
    fn format(&self) -> BoxFormat {
        self.losses[0].format()
    }
    fn units(&self) -> Vec<BoxUnit> {
        self.losses.iter().flat_map(BoxesLoss::units).collect()
    }
}
