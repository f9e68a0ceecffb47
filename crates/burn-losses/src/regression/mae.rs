//! Mean absolute error.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The absolute error (L1).
///
/// # Formula
/// `|d|`, d = prediction - target.
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
/// PyTorch: `torch.nn.L1Loss`, the same.
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
