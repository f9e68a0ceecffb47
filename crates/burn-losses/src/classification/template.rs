//! TODO: its name.

use super::{ClassificationLoss, SoftTargets};
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `-ln p_y + scale (1 - p_y)`, p = softmax(x). TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// assert!((value.into_scalar::<f32>() - (2f32.ln() + 1.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(classification, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = ">= 0")]
    pub scale: f64,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl ClassificationLoss for TemplateLoss {}

impl SoftTargets for TemplateLoss {}

/// The term of a class: log_p is the logarithm of its probability, and share its part of the target.
impl RowFormula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        let missing = -log_p.clone().exp() + 1.0;
        weighted(share, missing * self.config.scale - log_p)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}
