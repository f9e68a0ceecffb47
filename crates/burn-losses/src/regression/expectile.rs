//! Expectile loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Expectile loss, an asymmetric squared error (Newey and Powell 1987, [doi 10.2307/1911031](https://doi.org/10.2307/1911031)).
///
/// The prediction that minimizes it is the tau-expectile of the target.
///
/// # Formula
/// ```text
/// (1 - tau) d^2    where d > 0
/// tau d^2          elsewhere
/// ```
/// with d = prediction - target.
///
/// # When to use
/// Where over- and under-prediction cost differently, but a smooth loss is wanted: tau = 0.9 punishes predictions that are too
/// low nine times more than those that are too high. In offline reinforcement learning (IQL) it estimates the value of the better
/// actions. An expectile is no quantile: for a prediction interval take [`QuantileLoss`](super::QuantileLoss). With tau = 0.5 it
/// is half of [`MseLoss`](super::MseLoss).
///
/// # Numerics
/// The gradient is continuous. The second derivative jumps at d = 0, where it counts as 2 tau.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::ExpectileLossConfig};
///
/// let device = Device::flex();
/// let loss = ExpectileLossConfig::new().with_tau(0.75).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([-1.0, 3.0], &device),
///     Tensor::from_floats([1.0, 1.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [3.0, 1.0]);
/// ```
///
/// # Elsewhere
/// No library that we know of has it as a loss of two tensors.
///
/// The code of implicit Q-learning: `loss(diff, expectile)` of the target minus the prediction, where `expectile` is tau.
#[loss(regression, "expectile", "Asymmetric squared error: estimates the tau-expectile of the target")]
pub struct ExpectileLoss {
    config: ExpectileLossConfig,
}

/// Config of [`ExpectileLoss`].
#[loss_config]
pub struct ExpectileLossConfig {
    /// The weight of predictions that are too low; those that are too high have the weight 1 - tau.
    #[field(default = 0.5, range = "(0, 1)")]
    pub tau: f64,
}

impl RegressionLoss for ExpectileLoss {}

impl Formula for ExpectileLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let tau = self.config.tau;
        let error = prediction - target;
        let weight = R::select(&error.gt_lit(0.0), error.lit(1.0 - tau), error.lit(tau));
        weight * error.square()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::second_order;
    use crate::regression::MseLossConfig;
    use burn::tensor::Device;

    fn loss(tau: f64) -> ExpectileLoss {
        ExpectileLossConfig::new().with_tau(tau).init(&Device::flex())
    }

    #[test]
    fn a_high_tau_punishes_predictions_that_are_too_low() {
        assert!((loss(0.9).eval(0.0, 1.0) / loss(0.9).eval(2.0, 1.0) - 9.0).abs() < 1e-12);
        let mse = MseLossConfig::new().init(&Device::flex());
        assert_eq!(loss(0.5).eval(-3.0, 1.0), mse.eval(-3.0, 1.0) / 2.0);
        assert_eq!(second_order(&loss(0.75), 0.0), [0.0, 0.0, 1.5]);
        assert_eq!(second_order(&loss(0.75), 1.0), [0.25, 0.5, 0.5]);
    }
}
