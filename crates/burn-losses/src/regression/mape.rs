//! Mean absolute percentage error.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The absolute error relative to the target.
///
/// # Formula
/// `|p - t| / max(|t|, epsilon)`, p the prediction, t the target; times 100 with `percent = true`.
///
/// # When to use
/// For targets of different magnitudes that are far from 0, where the error in percent is what counts. A target near 0 dominates
/// all others: take [`SmapeLoss`](super::SmapeLoss), which is bounded, or [`MsleLoss`](super::MsleLoss). It favors predictions
/// that are too low, whose error is at most 100 % if nothing is negative.
///
/// # Numerics
/// The gradient of the prediction is the sign of the error divided by |t|, at most 1/epsilon: 1e7 by default, which f16 does not
/// hold. At p = t it is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::MapeLossConfig};
///
/// let device = Device::flex();
/// let loss = MapeLossConfig::new().with_percent(true).init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([110.0, 3.0], &device),
///     Tensor::from_floats([100.0, 4.0], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 17.5).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `keras.losses.MeanAbsolutePercentageError`: with `percent = true`; it takes the mean over the last axis first.
/// - `sklearn.metrics.mean_absolute_percentage_error`: the same, with an epsilon of 2.2e-16; the reference values agree with it.
/// - `torchmetrics.MeanAbsolutePercentageError`: the same, with an epsilon of 1.17e-6.
#[loss(regression, "mape", "Absolute error relative to the target")]
pub struct MapeLoss {
    config: MapeLossConfig,
}

/// Config of [`MapeLoss`].
#[loss_config]
pub struct MapeLossConfig {
    /// The lower bound of the divisor, which is the absolute value of the target.
    #[field(default = 1e-7, range = ">= 1e-30")]
    pub epsilon: f64,
    /// Whether the values are in percent.
    #[field(default = false)]
    pub percent: bool,
}

impl RegressionLoss for MapeLoss {}

impl Formula for MapeLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let MapeLossConfig { epsilon, percent, .. } = self.config;
        let size = target.clone().abs();
        let error = (prediction - target).abs() * if percent { 100.0 } else { 1.0 };
        error / size.clone().maximum(size.lit(epsilon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_error_is_relative_to_the_target() {
        let loss = MapeLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval(-3.0, -4.0), 0.25);
        assert_eq!(loss.eval(0.0, 0.0), 0.0);
        assert!((loss.eval(1.0, 0.0) / 1e7 - 1.0).abs() < 1e-12);
        assert_eq!(MapeLossConfig::new().with_percent(true).init(&Device::flex()).eval(5.0, 4.0), 25.0);
    }
}
