//! Symmetric mean absolute percentage error.

use super::RegressionLoss;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The absolute error relative to the mean size of prediction and target (Makridakis 1993,
/// [doi 10.1016/0169-2070(93)90079-3](https://doi.org/10.1016/0169-2070(93)90079-3)).
///
/// # Formula
/// `2 |p - t| / max(|p| + |t|, epsilon)`, p the prediction, t the target; without the 2 with `halved = true`, and times 100 with
/// `percent = true`.
///
/// # When to use
/// As a bounded relative error for series of different magnitudes, as in the M3 and M4 competitions of forecasting. It is not
/// symmetric in spite of its name: a prediction that is too low costs more than one that is too high by the same amount. If
/// the prediction and the target have opposite signs, the value is constant and has no gradient. For training,
/// [`MsleLoss`](super::MsleLoss) is usually the better choice.
///
/// # Numerics
/// The values are at most 2, or 1 with `halved = true`. The gradient is 0 at p = t and at p = t = 0. A prediction counts as at
/// most 1e30 in size.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::SmapeLossConfig};
///
/// let device = Device::flex();
/// let loss = SmapeLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([3.0, -2.0], &device),
///     Tensor::from_floats([1.0, 5.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [1.0, 2.0]);
/// ```
///
/// # Elsewhere
/// - `torchmetrics.SymmetricMeanAbsolutePercentageError`: the same, with an epsilon of 1.17e-6.
/// - `pytorch_forecasting.metrics.SMAPE`: the same, but it adds 1e-8 to the denominator.
/// - `darts.metrics.smape`: with `percent = true`.
#[loss(regression, "smape", "Absolute error relative to prediction and target, bounded")]
pub struct SmapeLoss {
    config: SmapeLossConfig,
}

/// Config of [`SmapeLoss`].
#[loss_config]
pub struct SmapeLossConfig {
    /// The least denominator.
    #[field(default = 1e-7, range = ">= 1e-30")]
    pub epsilon: f64,
    /// Whether the values are in percent.
    #[field(default = false)]
    pub percent: bool,
    /// Whether the denominator is the sum of both absolute values instead of their mean, so that the values are at most 1.
    #[field(default = false)]
    pub halved: bool,
}

impl RegressionLoss for SmapeLoss {}

/// A larger prediction has the same value to the last digit, or is infinite.
const LARGEST: f64 = 1e30;

impl Formula for SmapeLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let SmapeLossConfig { epsilon, percent, halved, .. } = self.config;
        let prediction = clamped(prediction, LARGEST);
        let sum = prediction.clone().abs() + target.clone().abs();
        let share = (prediction - target).abs() / sum.clone().maximum(sum.lit(epsilon));
        share * (if percent { 100.0 } else { 1.0 } * if halved { 1.0 } else { 2.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn it_is_bounded_and_zero_where_both_are_zero() {
        let loss = SmapeLossConfig::new().init(&Device::flex());
        let at = |p: f64, t: f64| loss.eval(Dual::<f64, 1>::variable(p, 0), Dual::constant(t));
        assert_eq!((at(0.0, 0.0).value, at(0.0, 0.0).slope), (0.0, [0.0]));
        assert_eq!((at(f64::INFINITY, 3.0).value, at(f64::INFINITY, 3.0).slope), (2.0, [0.0]));
        assert_eq!((at(-1.0, 3.0).value, at(-1.0, 3.0).slope), (2.0, [0.0]));
        // Too low by 50 costs more than too high by 50.
        assert!(at(50.0, 100.0).value > at(150.0, 100.0).value);
        let halved = SmapeLossConfig::new().with_halved(true).with_percent(true).init(&Device::flex());
        assert_eq!(halved.eval(3.0, 1.0), 50.0);
    }
}
