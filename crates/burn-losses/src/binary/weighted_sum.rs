//! A weighted sum.

use super::{AnyBinaryLoss, BceLossConfig, BinaryLoss, BinaryLossConfig, FocalLossConfig};
use crate::engine::curved::Part;
use crate::engine::pointwise::{PointKernel, Pointwise, Positives};
use crate::error::ConfigError;
use crate::loss::Weighted;
use crate::reduction::Unreduced;
use crate::terms::{ByTerm, Terms, find_setting};
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
/// For several objectives on the same logits with fixed weights and one reduction, such as [`BceLoss`](super::BceLoss) with
/// [`FocalLoss`](super::FocalLoss). [`JointLossConfig`](crate::composition::JointLossConfig) has terms of several families,
/// weights that change during training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::{HingeLossConfig, RampLossConfig, WeightedSumLossConfig}, composition::Terms, prelude::*};
///
/// let terms = Terms::new().with("hinge", 0.5, HingeLossConfig::new()).with("ramp", 1.0, RampLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let logits = Tensor::<1>::from_floats([-2.0], &Device::flex());
/// let value = loss.forward(logits.clone(), logits.ones_like());
/// // The ramp is the hinge, capped at 2.
/// assert_eq!(value.into_scalar::<f32>(), 0.5 * 3.0 + 2.0);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. In PyTorch a sum is written in the training loop; Keras has `loss_weights`, one number per
/// output of a model.
#[loss(binary, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyBinaryLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config(check = check)]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("bce", 1.0, BceLossConfig::new()).with("focal", 1.0, FocalLossConfig::new()))]
    pub terms: Terms<BinaryLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

fn check(config: &WeightedSumLossConfig) -> Result<(), ConfigError> {
    config.terms.check_same("input", |loss| find_setting(loss, "input").or(Some("logits".into())))
}

impl WeightedSumLoss {
    fn weighted(&self) -> Weighted<'_, BinaryLossConfig, AnyBinaryLoss> {
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

impl BinaryLoss for WeightedSumLoss {
    fn input(&self) -> &'static str {
        self.losses[0].input()
    }

    /// As the terms say, if they agree.
    fn positives(&self) -> Positives {
        let mut all = self.losses.iter().map(BinaryLoss::positives);
        let first = all.next().unwrap_or_default();
        if all.all(|other| other == first) { first } else { Positives::default() }
    }
}
