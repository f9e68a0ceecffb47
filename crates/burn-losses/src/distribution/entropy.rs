//! Entropy.

use super::{Base, DistributionInput, DistributionLoss};
use crate::engine::distributions::{Distributions, probability, row_sums};
use crate::engine::pointwise::PointKernel;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Entropy of the prediction (Shannon 1948,
/// [doi 10.1002/j.1538-7305.1948.tb01338.x](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x)).
///
/// # Formula
/// `-sum_c p_c ln p_c`, in nats, or with `base = 2` in bits. The targets are not used: the loss takes them so that it can be
/// swapped for another one of its family.
///
/// # When to use
/// As a term next to another loss, such as [`CrossEntropyLoss`](super::CrossEntropyLoss) in a
/// [`WeightedSumLoss`](super::WeightedSumLoss). Minimized, it makes predictions certain (entropy minimization, in
/// semi-supervised learning and test-time adaptation). With a negative weight it makes them uncertain (the entropy bonus of
/// reinforcement learning, the confidence penalty against over-confidence).
///
/// # Numerics
/// A term with p = 0 is 0 and has the gradient 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{distribution::{Base, DistributionInput, EntropyLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = EntropyLossConfig::new().with_input(DistributionInput::Logits).with_base(Base::Two).init(&device);
/// let logits = Tensor::<2>::zeros([1, 8], &device);
/// let value = loss.forward(logits.clone(), logits);
/// assert!((value.into_scalar::<f32>() - 3.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.distributions.Categorical.entropy`: the same formula in nats, for `Categorical(logits=..)`.
/// - `scipy.stats.entropy`: it takes probabilities, which it normalizes; its `base` is any number.
/// - `scipy.special.entr`: the terms of this loss, in nats, from probabilities; the reference values agree with it.
#[loss(
    distribution,
    "entropy",
    "Entropy of the prediction: minimized for confident outputs, a bonus with a negative weight"
)]
pub struct EntropyLoss {
    config: EntropyLossConfig,
}

/// Config of [`EntropyLoss`].
#[loss_config]
pub struct EntropyLossConfig {
    /// The base of the logarithms: nats or bits.
    #[field(default = Base::E)]
    pub base: Base,
    /// Whether the model gives log-probabilities or logits.
    #[field(default = DistributionInput::LogProbabilities)]
    pub input: DistributionInput,
}

impl DistributionLoss for EntropyLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
    fn needs_targets(&self) -> bool {
        false
    }
}

impl Formula for EntropyLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, _: R) -> R {
        let (p, log_p) = probability(log_p);
        self.config.base.of_nats(-(p * log_p))
    }
}

impl Distributions for EntropyLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        row_sums(self, log_p, targets)
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}
