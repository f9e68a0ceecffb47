//! A weighted sum.

use super::{
    AnyImageLoss, ImageLoss, ImageLossConfig, Images, Pictures, SsimLossConfig, TotalVariationLossConfig,
    VariationAverage,
};
use crate::terms::{ByTerm, Terms, sum};
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
/// For several objectives on the same images with fixed weights and one reduction, such as [`SsimLoss`](super::SsimLoss) with a
/// little [`TotalVariationLoss`](super::TotalVariationLoss). [`JointLossConfig`](crate::composition::JointLossConfig) has terms of
/// several families, such as an error per pixel, weights that change during training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::image::{SsimLossConfig, TotalVariationLossConfig, WeightedSumLossConfig};
/// use burn_losses::{composition::Terms, prelude::*};
///
/// let terms = Terms::new()
///     .with("similarity", 1.0, SsimLossConfig::new().with_window(3))
///     .with("smoothness", 0.5, TotalVariationLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let image = Tensor::<4>::from_floats([[[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]], &Device::flex());
/// // The image is right, but not smooth.
/// assert_eq!(loss.forward(image.clone(), image).into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. Elsewhere one adds reduced values by hand, which is what
/// [`JointLossConfig`](crate::composition::JointLossConfig) does.
#[loss(image, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyImageLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("ssim", 1.0, SsimLossConfig::new()).with("total_variation", 0.1, TotalVariationLossConfig::new().with_average(VariationAverage::Mean)))]
    pub terms: Terms<ImageLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

impl Images for WeightedSumLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let values = self.losses.iter().map(|loss| loss.values(predictions.clone(), targets.clone()));
        sum(self.config.terms.weigh(values))
    }

    fn least_side(&self) -> usize {
        self.losses.iter().map(Images::least_side).max().unwrap_or(1)
    }

    fn needs_targets(&self) -> bool {
        self.losses.iter().any(Images::needs_targets)
    }
}

impl ImageLoss for WeightedSumLoss {}
