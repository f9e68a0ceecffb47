//! Jensen-Shannon divergence.

use super::{Base, DistributionInput, DistributionLoss, TargetForm};
use crate::engine::distributions::{Distributions, LEAST, probability, row_sums, target};
use crate::engine::pointwise::PointKernel;
use crate::formula::{Formula, Real, safe::is_below};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Jensen-Shannon divergence (Lin 1991, [doi 10.1109/18.61115](https://doi.org/10.1109/18.61115)).
///
/// # Formula
/// `beta sum_c t_c ln(t_c / m_c) + (1 - beta) sum_c p_c ln(p_c / m_c)` with m = beta t + (1 - beta) p. With beta = 1/2 the value is in
/// [0, ln 2] nats, or with `base = 2` in [0, 1] bits. Divided by beta, it tends to the forward
/// [`KlDivergenceLoss`](super::KlDivergenceLoss) as beta goes to 0; divided by 1 - beta, to the reverse one as beta goes to 1.
///
/// # When to use
/// For a symmetric and bounded distance of two distributions, such as the consistency of two augmented views or the members of an
/// ensemble; for a student that learns from a teacher, `beta` chooses between the two directions of the divergence
/// (generalized knowledge distillation, Agarwal et al. 2024, [arXiv 2306.13649](https://arxiv.org/abs/2306.13649)). With noisy labels
/// as targets it is more tolerant than [`CrossEntropyLoss`](super::CrossEntropyLoss). Where the two hardly overlap its gradient is
/// small: begin with [`KlDivergenceLoss`](super::KlDivergenceLoss) there.
///
/// # Numerics
/// A term with t = 0 or p = 0 is 0 and has the gradient 0; below 1e-37 a probability counts as 0. The value may be negative by
/// a rounding error where the two are nearly the same.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{distribution::{Base, JsDivergenceLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = JsDivergenceLossConfig::new().with_base(Base::Two).init(&device);
/// // Nothing in common.
/// let predictions = Tensor::<2>::from_floats([[0.0, -1e4]], &device);
/// let value = loss.forward(predictions, Tensor::from_floats([[0.0, 1.0]], &device));
/// assert!((value.into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `scipy.spatial.distance.jensenshannon`: this loss is the square of it; scipy normalizes the arguments.
/// - `kornia.losses.js_div_loss_2d`: the same divergence over the pixels of two heatmaps of probabilities.
/// - `trl.experimental.gkd.GKDTrainer`: its `beta` is the same, and at 0 and 1 it is a Kullback-Leibler divergence; not compared by a
///   test.
///
/// timm's `JsdCrossEntropy` is another loss: cross-entropy and the divergence of three or more views.
#[loss(distribution, "js_divergence", "Jensen-Shannon divergence: symmetric and bounded")]
pub struct JsDivergenceLoss {
    config: JsDivergenceLossConfig,
}

/// Config of [`JsDivergenceLoss`].
#[loss_config]
pub struct JsDivergenceLossConfig {
    /// The weight of the targets in the mixture of the two distributions, and of the first of the two sums.
    #[field(default = 0.5, range = "(0, 1)")]
    pub beta: f64,
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

impl DistributionLoss for JsDivergenceLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
}

impl Formula for JsDivergenceLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, targets: R) -> R {
        let (p, log_p) = probability(log_p);
        let (t, log_t) = target(targets, self.config.target);
        let beta = self.config.beta;
        let middle = t.clone() * beta + p.clone() * (1.0 - beta);
        let nothing = is_below(&middle, LEAST);
        let log_middle = R::select(&nothing, middle.lit(1.0), middle.clone()).ln();
        let value = t * (log_t - log_middle.clone()) * beta + p * (log_p - log_middle) * (1.0 - beta);
        self.config.base.of_nats(value)
    }
}

impl Distributions for JsDivergenceLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        row_sums(self, log_p, targets)
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}
