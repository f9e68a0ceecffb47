//! A weighted sum.

use super::{
    AnyDistributionLoss, DistributionInput, DistributionLoss, DistributionLossConfig, JsDivergenceLossConfig,
    KlDivergenceLossConfig,
};
use crate::engine::distributions::{self, Distributions};
use crate::engine::pointwise::PointKernel;
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
/// For several objectives on the same predictions with fixed weights and one reduction, such as
/// [`CrossEntropyLoss`](super::CrossEntropyLoss) with a negative weight of [`EntropyLoss`](super::EntropyLoss), the confidence
/// penalty. [`JointLossConfig`](crate::composition::JointLossConfig) has terms of several families, weights that change during
/// training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::distribution::{CrossEntropyLossConfig, EntropyLossConfig, WeightedSumLossConfig};
/// use burn_losses::{composition::Terms, prelude::*};
///
/// // The entropy with a negative weight is a confidence penalty.
/// let terms = Terms::new()
///     .with("fit", 1.0, CrossEntropyLossConfig::new())
///     .with("confidence", -0.1, EntropyLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let log_p = Tensor::<2>::from_floats([[0.5f32.ln(), 0.5f32.ln()]], &Device::flex());
/// let value = loss.forward(log_p, Tensor::from_floats([[1.0, 0.0]], &Device::flex()));
/// assert!((value.into_scalar::<f32>() - 0.9 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. In PyTorch a sum is written in the training loop; Keras has `loss_weights`, one number per
/// output of a model.
#[loss(distribution, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyDistributionLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config(check = check)]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("kl_divergence", 1.0, KlDivergenceLossConfig::new()).with("js_divergence", 1.0, JsDivergenceLossConfig::new()))]
    pub terms: Terms<DistributionLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

fn check(config: &WeightedSumLossConfig) -> Result<(), ConfigError> {
    config.terms.check_same("input", |loss| find_setting(loss, "input"))?;
    config.terms.check_same("target", |loss| find_setting(loss, "target"))?;
    match config.terms.iter().find(|(_, term)| takes_labels(&term.loss)) {
        None => Ok(()),
        Some((name, _)) => Err(ConfigError::InvalidValue {
            loss: "weighted_sum",
            field: format!("terms.{name}.hard_weight"),
            value: "more than 0".into(),
            allowed: "0: a sum has no labels".into(),
        }),
    }
}

fn takes_labels(loss: &DistributionLossConfig) -> bool {
    find_setting(loss, "hard_weight").is_some_and(|weight| weight.as_f64() != Some(0.0))
}

impl Distributions for WeightedSumLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let input = DistributionInput::LogProbabilities;
        let values = self.losses.iter().map(|loss| {
            distributions::values(loss, input, log_p.clone(), targets.clone(), None, None).values.squeeze_dim(1)
        });
        sum(self.config.terms.weigh(values))
    }

    fn kernel(&self) -> Option<PointKernel> {
        PointKernel::weighted_sum(self.config.terms.weigh(self.losses.iter().map(Distributions::kernel)))
    }
}

impl DistributionLoss for WeightedSumLoss {
    fn input(&self) -> DistributionInput {
        self.losses[0].input()
    }
    fn needs_normalized(&self) -> bool {
        self.losses.iter().any(DistributionLoss::needs_normalized)
    }
}
