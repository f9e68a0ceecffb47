//! TODO: its name.

use super::{DistributionInput, DistributionLoss};
use crate::engine::distributions::{Distributions, row_sums};
use crate::engine::pointwise::PointKernel;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale sum_c (p_c - t_c)^2` of the prediction p and the target t. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{distribution::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let predicted = Tensor::<2>::from_floats([[0.5, 0.5]], &device).log();
/// let value = loss.forward(predicted, Tensor::from_floats([[1.0, 0.0]], &device));
/// assert!((value.into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(distribution, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
    /// Whether the model gives log-probabilities or logits.
    #[field(default = DistributionInput::LogProbabilities)]
    pub input: DistributionInput,
}

impl DistributionLoss for TemplateLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
}

/// The term of a class.
impl Formula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, target: R) -> R {
        (log_p.exp() - target).square() * self.config.scale
    }
}

impl Distributions for TemplateLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        row_sums(self, log_p, targets)
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}
