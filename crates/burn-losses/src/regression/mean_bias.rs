//! Mean bias.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The signed error: positive where the prediction is too high.
///
/// # Formula
/// `d`, d = prediction - target.
///
/// # When to use
/// As a diagnostic of over- and under-prediction, not as an objective to train with alone: errors of opposite sign cancel in
/// the mean, and the loss has no minimum. Train with [`MseLoss`](super::MseLoss) or [`MaeLoss`](super::MaeLoss) and watch this
/// value as well; [`QuantileLoss`](super::QuantileLoss) is the loss for errors of one sign that cost more.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::MeanBiasLossConfig};
///
/// let device = Device::flex();
/// let loss = MeanBiasLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([1.0, -3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(value.into_scalar::<f32>(), -1.0);
/// ```
///
/// # Elsewhere
/// - `xskillscore.me`: the mean of this loss over all values, as a score of forecasts.
///
/// PyTorch has none.
#[loss(regression, "mean_bias", "Signed error: a diagnostic of over- and under-prediction")]
pub struct MeanBiasLoss {
    config: MeanBiasLossConfig,
}

/// Config of [`MeanBiasLoss`].
#[loss_config]
pub struct MeanBiasLossConfig {}

impl RegressionLoss for MeanBiasLoss {}

impl Formula for MeanBiasLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        prediction - target
    }
}
