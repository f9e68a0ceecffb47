//! Huber loss.

use super::RegressionLoss;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Huber loss (Huber 1964, [doi 10.1214/aoms/1177703732](https://doi.org/10.1214/aoms/1177703732)).
///
/// # Formula
/// ```text
/// d^2 / 2                  where |d| <= delta
/// delta (|d| - delta/2)    elsewhere
/// ```
/// with d = prediction - target.
///
/// # When to use
/// For regression with outliers or heavy tails: errors below delta are treated as by [`MseLoss`](super::MseLoss), and the
/// gradient of larger ones is bounded as with [`MaeLoss`](super::MaeLoss). Set delta to the largest error that is still noise.
/// Take [`TukeyBiweightLoss`](super::TukeyBiweightLoss) where gross errors should have no effect at all, and
/// [`SmoothL1Loss`](super::SmoothL1Loss) where the slope of large errors should be 1 for every threshold.
///
/// # Numerics
/// The slope never exceeds delta; nothing overflows before |d| does. The second derivative is 1 where |d| <= delta, at d = 0 too,
/// and 0 elsewhere. With delta = 1.345 and Gaussian errors of standard
/// deviation 1 the estimate is 95 % as efficient as least squares.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::HuberLossConfig};
///
/// let device = Device::flex();
/// let loss = HuberLossConfig::new().with_delta(0.5).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.25, 3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.03125, 1.375]);
/// ```
///
/// # Elsewhere
/// - `torch.nn.HuberLoss`: the same.
/// - `keras.losses.Huber`: the same formula, not compared by a test.
/// - `optax.losses.huber_loss`: the same formula; the reference values agree with it.
/// - `burn.nn.loss.HuberLoss`: the same values; `HuberLossConfig::from` takes its config, whose delta may also be 0.
/// - `scipy.special.huber`: the same formula, not compared by a test.
/// - `torch.nn.SmoothL1Loss`: with beta = delta it is this loss divided by delta.
///
/// `scipy.optimize.least_squares`: `huber`, where `f_scale` is delta.
#[loss(regression, "huber", "Squared error near zero and linear beyond delta: robust to outliers")]
pub struct HuberLoss {
    config: HuberLossConfig,
}

/// Config of [`HuberLoss`].
#[loss_config]
pub struct HuberLossConfig {
    /// Where the square ends and the line begins, in the units of the prediction.
    #[field(default = 1.0, range = "> 0")]
    pub delta: f64,
}

impl RegressionLoss for HuberLoss {}

impl Formula for HuberLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let error = prediction - target;
        let near = clamped(error.clone(), self.config.delta);
        // d^2 / 2 inside, delta (|d| - delta/2) outside.
        near.clone() * (error - near * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::second_order;
    use crate::regression::robust::gaussian_efficiency;
    use burn::tensor::Device;

    #[test]
    fn both_pieces_by_hand() {
        let loss = HuberLossConfig::new().with_delta(2.0).init(&Device::flex());
        assert_eq!(loss.eval(1.5, 0.5), 0.5);
        assert_eq!(loss.eval(0.0, 5.0), 8.0);
    }

    #[test]
    fn the_second_derivative_is_1_inside_also_at_zero() {
        let loss = HuberLossConfig::new().with_delta(0.5).init(&Device::flex());
        let second = [-3.0, -0.25, 0.0, 0.25, 0.5, 3.0].map(|d| second_order(&loss, d));
        let expected = [
            [1.375, -0.5, 0.0],
            [0.03125, -0.25, 1.0],
            [0.0, 0.0, 1.0],
            [0.03125, 0.25, 1.0],
            [0.125, 0.5, 1.0],
            [1.375, 0.5, 0.0],
        ];
        assert_eq!(second, expected);
    }

    #[test]
    fn the_documented_delta_is_95_percent_efficient() {
        assert!(
            (gaussian_efficiency(&HuberLossConfig::new().with_delta(1.345).init(&Device::flex())) - 0.95).abs() < 1e-4
        );
    }
}
