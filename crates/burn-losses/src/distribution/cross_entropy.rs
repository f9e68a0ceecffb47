//! Cross-entropy between distributions.

use super::{Base, DistributionInput, DistributionLoss, TargetForm};
use crate::engine::distributions::{Distributions, row_sums, target, weighted};
use crate::engine::pointwise::PointKernel;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Cross-entropy of a target distribution and a prediction.
///
/// # Formula
/// `-sum_c t_c ln p_c`, in nats, or with `base = 2` in bits. It is the entropy of the target plus
/// [`KlDivergenceLoss`](super::KlDivergenceLoss), and has the same gradient as the latter.
///
/// # When to use
/// For targets that are distributions, such as soft labels of several annotators or mixup. Take
/// [`KlDivergenceLoss`](super::KlDivergenceLoss) where a perfect prediction should have the value 0, and
/// [`DistillationLoss`](super::DistillationLoss) for a teacher's logits. Class weights, label smoothing and masks are in the
/// family `classification`: [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss).
///
/// # Numerics
/// A term with t = 0 is 0 and has the gradient 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{distribution::CrossEntropyLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().init(&device);
/// let predictions = Tensor::<2>::from_floats([[0.25, 0.75]], &device).log();
/// let value = loss.forward(predictions, Tensor::from_floats([[1.0, 0.0]], &device));
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CrossEntropyLoss`: with probabilities as targets it is this loss with `input = "logits"`; the reference values
///   agree with it.
/// - `keras.losses.CategoricalCrossentropy`: it takes probabilities, clipped at 1e-7, or logits with `from_logits`.
/// - `optax.losses.safe_softmax_cross_entropy`: with `input = "logits"`; a term with a target of 0 is 0 there, too.
/// - `optax.losses.softmax_cross_entropy`: with `input = "logits"`; a logit of minus infinity makes it NaN, also where the target
///   is 0.
/// - `timm.loss.SoftTargetCrossEntropy`: with `input = "logits"`.
#[loss(distribution, "cross_entropy", "Cross-entropy of a target distribution and a predicted distribution")]
pub struct CrossEntropyLoss {
    config: CrossEntropyLossConfig,
}

/// Config of [`CrossEntropyLoss`].
#[loss_config]
pub struct CrossEntropyLossConfig {
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

impl DistributionLoss for CrossEntropyLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
}

impl Formula for CrossEntropyLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, targets: R) -> R {
        let (t, _) = target(targets, self.config.target);
        self.config.base.of_nats(weighted(t, -log_p))
    }
}

impl Distributions for CrossEntropyLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        row_sums(self, log_p, targets)
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}
