//! Mean squared error.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The squared error (L2), without a factor 1/2.
///
/// # Formula
/// `d^2`, d = prediction - target.
///
/// # When to use
/// For regression with clean targets and Gaussian noise: up to constants it is the negative log-likelihood, and it estimates
/// the mean. A few outliers can dominate a batch: take [`HuberLoss`](super::HuberLoss) or [`MaeLoss`](super::MaeLoss) for them,
/// and [`QuantileLoss`](super::QuantileLoss) where over- and under-prediction cost differently. Where the noise differs from sample
/// to sample, [`GaussianNllLoss`](crate::likelihood::GaussianNllLoss) has a variance for each.
///
/// # Numerics
/// Half-precision errors are squared in f32: the square of 300 would overflow in f16.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::MseLossConfig};
///
/// let device = Device::flex();
/// let loss = MseLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([1.0, -3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(value.into_scalar::<f32>(), 5.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.MSELoss`: the same.
/// - `keras.losses.MeanSquaredError`: the same formula, not compared by a test.
/// - `optax.losses.squared_error`: the same formula; the reference values agree with it.
/// - `optax.losses.l2_loss`: half of this loss.
/// - `burn.nn.loss.MseLoss`: the same values.
#[loss(regression, "mse", "Squared error: estimates the mean, sensitive to outliers")]
pub struct MseLoss {
    config: MseLossConfig,
}

/// Config of [`MseLoss`].
#[loss_config]
pub struct MseLossConfig {}

impl RegressionLoss for MseLoss {}

impl Formula for MseLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        (prediction - target).square()
    }
}
