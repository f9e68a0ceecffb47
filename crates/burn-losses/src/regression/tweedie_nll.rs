//! Tweedie negative log-likelihood.

use super::RegressionLoss;
use super::poisson_nll::exp_or_tangent;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Negative log-likelihood of amounts that are often exactly 0, and otherwise positive (Tweedie 1984; Jorgensen 1987,
/// [doi 10.1111/j.2517-6161.1987.tb01685.x](https://doi.org/10.1111/j.2517-6161.1987.tb01685.x)).
///
/// # Formula
/// `-t exp((1 - power) x) / (1 - power) + exp((2 - power) x) / (2 - power)`, x the prediction, which is the logarithm of the mean,
/// and t the target; up to terms that do not depend on the prediction.
///
/// # When to use
/// For insurance claims, rainfall and sales per customer: a sum of a random number of positive amounts, with variance
/// mean^power. A power near 1 is nearly [`PoissonNllLoss`](super::PoissonNllLoss), which is the one for counts; near 2 it is
/// nearly a gamma distribution, which has no zeros. Choose it by cross-validation; 1.5 is a good start.
///
/// # Numerics
/// Each exponential goes on as its tangent beyond an exponent of 64, so value and gradient are finite for every finite
/// prediction.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::TweedieNllLossConfig};
///
/// let device = Device::flex();
/// let loss = TweedieNllLossConfig::new().init(&device);
/// // A mean of 1: 2 t + 2.
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.0, 0.0], &device),
///     Tensor::from_floats([0.0, 3.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [2.0, 8.0]);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.mean_tweedie_deviance`: twice this loss, up to a term of the targets; it takes the mean, not its logarithm,
///   and the reference values agree with it.
///
/// XGBoost: `reg:tweedie`, where `tweedie_variance_power` is the power; LightGBM: `tweedie`. PyTorch has none.
#[loss(regression, "tweedie_nll", "Negative log-likelihood of amounts that are often exactly 0")]
pub struct TweedieNllLoss {
    config: TweedieNllLossConfig,
}

/// Config of [`TweedieNllLoss`].
#[loss_config]
pub struct TweedieNllLossConfig {
    /// The variance is the mean to this power, up to a factor.
    #[field(default = 1.5, range = "(1, 2)")]
    pub power: f64,
}

impl RegressionLoss for TweedieNllLoss {
    fn takes_negative_targets(&self) -> bool {
        false
    }
}

impl Formula for TweedieNllLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let (above_1, below_2) = (self.config.power - 1.0, 2.0 - self.config.power);
        let falling = exp_or_tangent(prediction.clone() * -above_1) * (1.0 / above_1);
        let rising = exp_or_tangent(prediction * below_2) * (1.0 / below_2);
        target.weigh(falling) + rising
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn at(prediction: f64, target: f64) -> (f64, f64) {
        let loss = TweedieNllLossConfig::new().with_power(1.25).init(&Device::flex());
        let y = loss.eval(Dual::<f64, 1>::variable(prediction, 0), Dual::constant(target));
        (y.value, y.slope[0])
    }

    #[test]
    fn the_best_prediction_is_the_logarithm_of_the_target() {
        assert!(at(5f64.ln(), 5.0).1.abs() < 1e-14);
        assert!(at(4f64.ln(), 5.0).1 < 0.0 && at(6f64.ln(), 5.0).1 > 0.0);
    }

    #[test]
    fn large_predictions_are_finite() {
        for x in [-1e30, -1e4, 1e4, 1e30] {
            for target in [0.0, 2.0, 1e6] {
                let (value, slope) = at(x, target);
                assert!(value.is_finite() && slope.is_finite(), "{x} {target}: {value} {slope}");
            }
        }
        assert_eq!(at(f64::NEG_INFINITY, 0.0), (0.0, 0.0));
        assert_eq!([at(f64::NEG_INFINITY, 1.0).0, at(f64::INFINITY, 1.0).0], [f64::INFINITY; 2]);
    }
}
