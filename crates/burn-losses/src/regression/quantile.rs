//! Quantile loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Quantile loss, also called pinball loss (Koenker and Bassett 1978,
/// [doi 10.2307/1913643](https://doi.org/10.2307/1913643)).
///
/// The prediction that minimizes it is the tau-quantile of the target.
///
/// # Formula
/// `max(tau e, (tau - 1) e)`, e = target - prediction.
///
/// # When to use
/// For prediction intervals, skewed noise and heavy tails, and where over- and under-prediction cost differently: tau = 0.9
/// punishes predictions that are too low nine times more than those that are too high, so that nine of ten targets end up below
/// the prediction. An interval takes one loss per bound, such as tau = 0.1 and 0.9 for 80 %, or
/// [`MultiQuantileLoss`](crate::likelihood::MultiQuantileLoss) for all bounds together. For the median take
/// [`MaeLoss`](super::MaeLoss), which is twice this loss at tau = 0.5.
///
/// # Numerics
/// The gradient with respect to the prediction is -tau below the target, 1 - tau above it, 0 at it.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::QuantileLossConfig};
///
/// let device = Device::flex();
/// let loss = QuantileLossConfig::new().with_tau(0.75).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.0, 2.0], &device),
///     Tensor::from_floats([1.0, 1.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.75, 0.25]);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.mean_pinball_loss`: the mean of this loss, with the same sign; its `alpha` is tau, and the reference
///   values agree with it.
/// - `tensorflow_addons.losses.PinballLoss`: the same formula, not compared by a test.
/// - `pytorch_forecasting.metrics.QuantileLoss`: twice this loss, for several quantiles along the last axis.
///
/// XGBoost: `reg:quantileerror`, where `quantile_alpha` is tau. PyTorch has none.
#[loss(regression, "quantile", "Pinball loss: estimates the tau-quantile of the target")]
pub struct QuantileLoss {
    config: QuantileLossConfig,
}

/// Config of [`QuantileLoss`].
#[loss_config]
pub struct QuantileLossConfig {
    /// The quantile: the share of targets that should lie below the prediction.
    #[field(default = 0.5, range = "(0, 1)")]
    pub tau: f64,
}

impl RegressionLoss for QuantileLoss {}

impl Formula for QuantileLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let tau = self.config.tau;
        let error = target - prediction;
        error.clone().relu() * tau + (-error).relu() * (1.0 - tau)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn t48_a_high_quantile_punishes_predictions_that_are_too_low() {
        let loss = |tau| QuantileLossConfig::new().with_tau(tau).init(&Device::flex());
        assert!((loss(0.9).eval(0.0, 1.0) / loss(0.9).eval(2.0, 1.0) - 9.0).abs() < 1e-12);
        assert!(loss(0.25).eval(2.0, 1.0) > loss(0.25).eval(0.0, 1.0));
        let at_target = loss(0.9).eval(Dual::<f64, 1>::variable(1.0, 0), Dual::constant(1.0));
        assert_eq!(at_target.slope, [0.0]);
    }
}
