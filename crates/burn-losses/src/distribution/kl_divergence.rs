//! Kullback-Leibler divergence.

use super::{Base, DistributionInput, DistributionLoss, TargetForm};
use crate::engine::distributions::{Distributions, probability, row_sums, target, weighted};
use crate::engine::pointwise::PointKernel;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// Which distribution is measured against which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Direction {
    /// KL(t || p): the prediction has to cover whatever the target has. PyTorch's.
    #[default]
    Forward,
    /// KL(p || t): the prediction has to stay where the target is.
    Reverse,
}

/// The logarithm of a target probability of 0, as in binary cross-entropy.
const LEAST_LOG: f64 = -100.0;

/// Kullback-Leibler divergence (Kullback and Leibler 1951,
/// [doi 10.1214/aoms/1177729694](https://doi.org/10.1214/aoms/1177729694)).
///
/// # Formula
/// ```text
/// sum_c t_c (ln t_c - ln p_c)        forward
/// sum_c p_c (ln p_c - ln t_c)        reverse
/// ```
/// in nats, or with `base = 2` in bits. Its mean over the samples is [`Reduction::Mean`](crate::Reduction::Mean) (one value per
/// row), PyTorch's `batchmean`.
///
/// # When to use
/// For learning from soft labels or another model, for variational inference, and to hold a policy near an old one in
/// reinforcement learning. `forward` makes the prediction cover all of the target, `reverse` lets it pick one mode.
/// [`JsDivergenceLoss`](super::JsDivergenceLoss) is bounded and symmetric, [`DistillationLoss`](super::DistillationLoss) has a
/// temperature, and [`CrossEntropyLoss`](super::CrossEntropyLoss) has the same gradient and leaves out the term of the target's
/// entropy. For Gaussians take [`KlGaussianLoss`](crate::generative::KlGaussianLoss).
///
/// # Numerics
/// A term with t = 0 (reverse: p = 0) is 0 and has the gradient 0. In the reverse direction ln 0 of a target counts as -100.
///
/// # Example
/// Eight kinds of weather, and a code of 2 to 5 bits for each: on average it takes 4.58 bits to send what has 2.23 bits of
/// information, 2.35 too many.
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::distribution::{Base, CrossEntropyLossConfig, EntropyLossConfig, KlDivergenceLossConfig};
/// use burn_losses::prelude::*;
///
/// let device = Device::flex();
/// let weather = Tensor::<2>::from_floats([[0.01, 0.01, 0.04, 0.04, 0.1, 0.1, 0.35, 0.35]], &device);
/// let bits = Tensor::<2>::from_floats([[2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]], &device);
/// let code = bits * -2f64.ln(); // ln of 2^-bits
///
/// let kl = KlDivergenceLossConfig::new().with_base(Base::Two).init(&device);
/// let value: f32 = kl.forward(code.clone(), weather.clone()).into_scalar();
/// assert!((value - 2.35).abs() < 0.005);
///
/// let cross_entropy = CrossEntropyLossConfig::new().with_base(Base::Two).init(&device);
/// let value: f32 = cross_entropy.forward(code, weather.clone()).into_scalar();
/// assert!((value - 4.58).abs() < 0.005);
///
/// let entropy = EntropyLossConfig::new().with_base(Base::Two).init(&device);
/// let value: f32 = entropy.forward(weather.clone().log(), weather).into_scalar();
/// assert!((value - 2.23).abs() < 0.005);
/// ```
///
/// # Elsewhere
/// - `torch.nn.KLDivLoss`: the forward direction, in nats; for `[N, C]` its `reduction="batchmean"` is the mean here, and its
///   own `mean` divides by N C. Its `log_target` is `target = "log_probabilities"`.
/// - `optax.losses.kl_divergence`: the same formula, not compared by a test.
/// - `optax.losses.kl_divergence_with_log_targets`: with `target = "log_probabilities"`.
/// - `keras.losses.KLDivergence`: it takes probabilities on both sides, clipped at 1e-7.
/// - `burn.nn.loss.KLDivLoss`: the forward direction, in nats; for `[N, C]` its `BatchMean` is the mean here, and
///   `KlDivergenceLossConfig::from` takes its config.
/// - `kornia.losses.kl_div_loss_2d`: the same divergence over the pixels of two heatmaps of probabilities.
/// - `scipy.special.rel_entr`: the terms of this loss, from probabilities; the reference values agree with it.
///
/// `scipy.stats.entropy` of two arguments is this loss, too; it normalizes them.
#[loss(
    distribution,
    "kl_divergence",
    "Kullback-Leibler divergence from target to prediction (forward), or the reverse"
)]
pub struct KlDivergenceLoss {
    config: KlDivergenceLossConfig,
}

/// Config of [`KlDivergenceLoss`].
#[loss_config]
pub struct KlDivergenceLossConfig {
    /// Which distribution is measured against which.
    #[field(default = Direction::Forward)]
    pub direction: Direction,
    /// Whether the targets are probabilities or their logarithms.
    #[field(default = TargetForm::Probabilities)]
    pub target: TargetForm,
    /// The base of the logarithms: nats or bits.
    #[field(default = Base::E)]
    pub base: Base,
    /// Whether the model gives log-probabilities or logits.
    #[field(default = DistributionInput::LogProbabilities)]
    pub input: DistributionInput,
}

impl DistributionLoss for KlDivergenceLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
}

impl Formula for KlDivergenceLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, targets: R) -> R {
        let value = match self.config.direction {
            Direction::Forward => {
                let (t, log_t) = target(targets, self.config.target);
                weighted(t, log_t - log_p)
            }
            Direction::Reverse => {
                let least = targets.lit(LEAST_LOG);
                let log_t = match self.config.target {
                    TargetForm::Probabilities => {
                        let (t, log_t) = target(targets, TargetForm::Probabilities);
                        R::select(&t.gt_lit(0.0), log_t, least.clone())
                    }
                    TargetForm::LogProbabilities => targets,
                };
                let (p, log_p) = probability(log_p);
                weighted(p, log_p - log_t.maximum(least))
            }
        };
        self.config.base.of_nats(value)
    }
}

impl Distributions for KlDivergenceLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        row_sums(self, log_p, targets)
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}
