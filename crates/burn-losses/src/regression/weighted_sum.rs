//! A weighted sum.

use super::{AnyRegressionLoss, MaeLossConfig, MseLossConfig, RegressionLoss, RegressionLossConfig};
use crate::engine::curved::Part;
use crate::engine::pointwise::{PointKernel, Pointwise};
use crate::loss::Weighted;
use crate::reduction::Unreduced;
use crate::terms::{ByTerm, Terms};
use burn::tensor::{Bool, Device, Tensor};
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
/// For several objectives on the same predictions with fixed weights and one reduction, such as [`MseLoss`](super::MseLoss) with
/// [`QuantileLoss`](super::QuantileLoss). [`JointLossConfig`](crate::composition::JointLossConfig) has terms of several
/// families, weights that change during training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{composition::Terms, prelude::*, regression::{HuberLossConfig, MseLossConfig, WeightedSumLossConfig}};
///
/// let terms = Terms::new().with("square", 0.5, MseLossConfig::new()).with("robust", 1.0, HuberLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let predictions = Tensor::<1>::from_floats([2.0, 0.0], &Device::flex());
/// let value = loss.forward(predictions.clone(), predictions.zeros_like());
/// assert_eq!(value.into_scalar::<f32>(), (0.5 * 4.0 + 1.5) / 2.0);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. In PyTorch a sum is written in the training loop; Keras has `loss_weights`, one number per
/// output of a model.
#[loss(regression, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyRegressionLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("mse", 1.0, MseLossConfig::new()).with("mae", 1.0, MaeLossConfig::new()))]
    pub terms: Terms<RegressionLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

impl RegressionLoss for WeightedSumLoss {
    fn takes_negative_targets(&self) -> bool {
        self.losses.iter().all(RegressionLoss::takes_negative_targets)
    }
}

impl WeightedSumLoss {
    fn weighted(&self) -> Weighted<'_, RegressionLossConfig, AnyRegressionLoss> {
        Weighted { terms: &self.config.terms, losses: &self.losses }
    }
}

impl Pointwise for WeightedSumLoss {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        self.weighted().values(first, targets, mask)
    }
    fn kernel(&self) -> Option<PointKernel> {
        self.weighted().kernel()
    }
    fn parts(&self, first: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>> {
        self.weighted().parts(first, targets, mask)
    }
    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        self.weighted().accepts(shape)
    }
}
