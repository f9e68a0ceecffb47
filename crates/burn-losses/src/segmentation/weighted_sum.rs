//! A weighted sum.

use super::{
    AnySegmentationLoss, DiceLossConfig, JaccardLossConfig, RegionOptions, SegmentationLoss, SegmentationLossConfig,
};
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::error::ConfigError;
use crate::terms::{ByTerm, Terms, find_setting, sum};
use burn::tensor::{Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// A sum of losses of this family, each with its weight.
///
/// # Formula
/// ```text
/// sum_k w_k l_k
/// ```
/// where l_k are the unreduced values of term k. Their sum is reduced once, by the `reduction` of this config: a term has none
/// of its own. A mean divides by sum_k |w_k| n_k / sum_k |w_k|, where n_k is the divisor of the mean of term k alone: the
/// number of its values, of its pairs, or the sum of its class weights. So a sum of one term of weight 1 is that term.
/// `JointLossConfig` adds up means that each have their own divisor.
///
/// # When to use
/// To optimize several criteria of one family at once, such as [`DiceLoss`](super::DiceLoss) and
/// [`JaccardLoss`](super::JaccardLoss), from one config. [`JointLossConfig`](crate::composition::JointLossConfig) has terms of
/// several families, weights that change during training, and one curve per term.
///
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
///
/// # Elsewhere
/// No library that we know of has it. Elsewhere one adds reduced values by hand, which is what
/// [`JointLossConfig`](crate::composition::JointLossConfig) does.
#[loss(segmentation, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnySegmentationLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config(check = check)]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("dice", 1.0, DiceLossConfig::new()).with("jaccard", 1.0, JaccardLossConfig::new()))]
    pub terms: Terms<SegmentationLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

fn check(config: &WeightedSumLossConfig) -> Result<(), ConfigError> {
    let shared = ["activation", "over", "background", "absent_classes", "ignore_index"];
    shared.into_iter().try_for_each(|field| config.terms.check_same(field, |loss| find_setting(loss, field)))
}

impl Segmentation for WeightedSumLoss {
    fn values(&self, _: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let values = self.losses.iter().map(|loss| regions::of_pixels(loss, &loss.regions(), pixels.clone()));
        sum(self.config.terms.weigh(values))
    }
}

impl SegmentationLoss for WeightedSumLoss {
    fn regions(&self) -> RegionOptions {
        self.losses[0].regions()
    }
}
