//! Mean absolute error.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The absolute error (L1).
///
/// # Formula
/// `|d|`, d = prediction - target.
///
/// # When to use
/// For regression with outliers or heavy tails where no threshold can be named: it estimates the median. The gradient does not
/// shrink near zero, so let the learning rate decay, or take [`HuberLoss`](super::HuberLoss) or
/// [`CharbonnierLoss`](super::CharbonnierLoss). [`QuantileLoss`](super::QuantileLoss) estimates other quantiles than the median.
///
/// # Numerics
/// The gradient is the sign of d, 0 at d = 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::MaeLossConfig};
///
/// let device = Device::flex();
/// let loss = MaeLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([1.0, -3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(value.into_scalar::<f32>(), 2.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.L1Loss`: the same.
/// - `keras.losses.MeanAbsoluteError`: the same formula, not compared by a test.
/// - `burn.nn.loss.LpLoss`: with p = 1 the same values.
#[loss(regression, "mae", "Absolute error: robust, estimates the median")]
pub struct MaeLoss {
    config: MaeLossConfig,
}

/// Config of [`MaeLoss`].
#[loss_config]
pub struct MaeLossConfig {}

impl RegressionLoss for MaeLoss {}

impl Formula for MaeLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        (prediction - target).abs()
    }
}
