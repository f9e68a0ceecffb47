//! Logistic loss.

use super::{BinaryLoss, signed_margin};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Logistic loss, also called soft-margin loss.
///
/// # Formula
/// `softplus(-z)`, z = (2y - 1) x. On hard labels it equals [`BceLoss`](super::BceLoss).
///
/// # When to use
/// For logistic regression and classifiers on hard labels: it is a smooth [`HingeLoss`](super::HingeLoss), and the probabilities
/// are calibrated. Take [`BceLoss`](super::BceLoss) for soft labels, label smoothing and class weights, and
/// [`FocalLoss`](super::FocalLoss) for heavy class imbalance.
///
/// # Numerics
/// The value is finite for every finite logit.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::LogisticLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = LogisticLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([0.0], &device),
///     Tensor::from_floats([1.0], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.SoftMarginLoss`: its targets are 1 and -1 where this one has 1 and 0, and it overflows at large logits.
/// - `burn.nn.loss.SoftMarginLoss`: the same values, but its targets are 1 and -1.
#[loss(binary, "logistic", "Softplus of the negative margin: cross-entropy of hard labels")]
pub struct LogisticLoss {
    config: LogisticLossConfig,
}

/// Config of [`LogisticLoss`].
#[loss_config]
pub struct LogisticLossConfig {}

impl BinaryLoss for LogisticLoss {}

impl Formula for LogisticLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        (-signed_margin(logit, target)).softplus()
    }
}
