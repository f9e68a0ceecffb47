//! Knowledge distillation.

use super::{DistributionInput, DistributionLoss, TargetForm};
use crate::engine::distributions::Distributions;
use crate::engine::primitives::gather::gather;
use crate::engine::primitives::softmax::log_softmax;
use crate::engine::rows::{self, Target};
use crate::formula::{Real, RowFormula};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Knowledge distillation (Hinton et al. 2015, [arXiv 1503.02531](https://arxiv.org/abs/1503.02531)).
///
/// # Formula
/// ```text
/// (1 - hard_weight) T^2 KL(t_T || p_T) + hard_weight (-ln p_y)
/// p_T ~ p^(1/T), p the student's distribution;  t_T ~ t^(1/T), t the teacher's
/// ```
/// A softened distribution is the softmax of the logits over T, which log-probabilities give as well as logits. The factor T^2
/// keeps the gradient at the same size for every T.
///
/// A `hard_weight` above 0 needs the labels y: see [`forward_with_labels`](super::HardLabels::forward_with_labels).
///
/// # When to use
/// For knowledge distillation: a small model (the student) learns from the logits of a large one (the teacher), with or without
/// labels. A temperature above 1 shows how the teacher ranks the wrong classes; a teacher that was trained with label smoothing
/// has less to show (Müller et al. 2019, [arXiv 1906.02629](https://arxiv.org/abs/1906.02629)). At temperature 1 without labels
/// it is [`KlDivergenceLoss`](super::KlDivergenceLoss).
///
/// # Numerics
/// Teacher probabilities below 1e-37 are treated as zero at every temperature. At high temperatures both distributions are nearly
/// uniform, and T^2 multiplies the rounding error of their difference, to about T^2 1e-7 in f32.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{distribution::{DistillationLossConfig, DistributionInput}, prelude::*};
///
/// let device = Device::flex();
/// let config = DistillationLossConfig::new().with_temperature(2.0).with_input(DistributionInput::Logits);
/// let student = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
/// let teacher = Tensor::<2>::from_floats([[0.5, 0.5]], &device);
///
/// let value = config.init(&device).forward(student.clone(), teacher.clone());
/// let odds = 1.0 + (-0.5f32).exp(); // p = 1 / odds
/// assert!((value.into_scalar::<f32>() - 4.0 * (odds.ln() + 0.25 - 2f32.ln())).abs() < 1e-5);
///
/// let loss = config.with_hard_weight(1.0).init(&device);
/// let value = loss.forward_with_labels(student, teacher, Tensor::<1, Int>::from_ints([0], &device), Extras::new());
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchdistill.losses.mid_level.KDLoss`: its `alpha` is `hard_weight`; without labels it leaves T^2 out.
/// - `mmdet.models.losses.KnowledgeDistillationKLDivLoss`: without labels, and divided by C; its `T` is 10 by default.
///
/// PyTorch has none; its tutorial has the same formula with other names for the weights.
#[loss(
    distribution,
    "distillation",
    "Knowledge distillation: matches a teacher's softened distribution, optionally with hard labels"
)]
pub struct DistillationLoss {
    config: DistillationLossConfig,
}

/// Config of [`DistillationLoss`].
#[loss_config]
pub struct DistillationLossConfig {
    /// The temperature T, which softens both distributions.
    #[field(default = 4.0, range = "[0.001, 1e6]")]
    pub temperature: f64,
    /// The share of the cross-entropy with the labels; a share above 0 needs labels.
    #[field(default = 0.0, range = "[0, 1]")]
    pub hard_weight: f64,
    /// Whether the teacher's targets are probabilities or their logarithms.
    #[field(default = TargetForm::Probabilities)]
    pub target: TargetForm,
    /// Whether the model gives log-probabilities or logits.
    #[field(default = DistributionInput::LogProbabilities)]
    pub input: DistributionInput,
}

impl DistributionLoss for DistillationLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
    // The softmax over the temperature normalizes the distributions itself.
    fn needs_normalized(&self) -> bool {
        false
    }
}

/// KL(q || p) is the mean under q of ln q - ln p.
impl RowFormula for DistillationLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, log_q: R) -> R {
        log_q - log_p
    }
}

impl Distributions for DistillationLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let sharpness = 1.0 / self.config.temperature;
        let factor = self.config.temperature * self.config.temperature * (1.0 - self.config.hard_weight);
        let is_logarithm = self.config.target == TargetForm::LogProbabilities;
        let values = rows::values_of(self, log_p, &Target::Teacher { of: targets, sharpness, is_logarithm });
        values.lit(factor).weigh(values)
    }

    fn labeled_rows(&self, values: Tensor<1>, log_p: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let classes = log_p.dims()[1] as i64;
        let outside = labels.clone().lower_elem(0).bool_or(labels.clone().greater_equal_elem(classes));
        let picked = gather(log_softmax(log_p), labels.mask_fill(outside.clone(), 0));
        (values - picked * self.config.hard_weight).mask_fill(outside, f64::NAN)
    }

    fn needs_labels(&self) -> bool {
        self.config.hard_weight > 0.0
    }
}
