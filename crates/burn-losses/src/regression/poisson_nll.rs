//! Poisson negative log-likelihood.

use super::RegressionLoss;
use crate::formula::safe::split;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::TAU;

/// Negative log-likelihood of counts that are distributed after Poisson.
///
/// # Formula
/// ```text
/// exp(x) - t x            log_input = true: x is the logarithm of the mean
/// x - t ln(x + epsilon)   log_input = false: x is the mean
/// ```
/// with x the prediction and t the target, up to the term ln t!, which does not depend on the prediction. `full = true` adds
/// Stirling's approximation of it, t ln t - t + ln(2 pi t)/2, where t > 1.
///
/// # When to use
/// For counts and rates, such as calls per hour, claims per year and photons per pixel: the variance grows with the mean, so
/// large counts may be further off. Let the model predict the logarithm of the mean, which may be any number. Where the variance
/// is much larger than the mean, or many amounts are exactly 0, take [`TweedieNllLoss`](super::TweedieNllLoss); for ratios of
/// positive numbers, [`MsleLoss`](super::MsleLoss).
///
/// # Numerics
/// The exponential goes on as its tangent beyond x = 64, so value and gradient are finite for every finite prediction. Half
/// precision is computed in f32; its gradient is infinite where e^x exceeds 65504. With `log_input = false` a mean below 0 is
/// not allowed; the loss goes on as its tangent at 0 there, so the gradient leads back. With `full = true` the value jumps by 0.08
/// where t passes 1, as in PyTorch.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::PoissonNllLossConfig};
///
/// let device = Device::flex();
/// let loss = PoissonNllLossConfig::new().init(&device);
/// // A mean of 3, of which 2 were counted: 3 - 2 ln 3.
/// let predictions = Tensor::<1>::from_floats([3f32.ln()], &device);
/// let value = loss.forward(predictions, Tensor::from_floats([2.0], &device));
/// assert!((value.into_scalar::<f32>() - (3.0 - 2.0 * 3f32.ln())).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.PoissonNLLLoss`: the same; its `eps` is epsilon.
/// - `burn.nn.loss.PoissonNllLoss`: the same values; `PoissonNllLossConfig::from` takes its config. It panics for negative targets,
///   and reads them back to find out.
/// - `keras.losses.Poisson`: with `log_input = false`; its epsilon is 1e-7.
/// - `sklearn.metrics.mean_poisson_deviance`: for `log_input = false` twice this loss, up to a term of the targets.
///
/// `diagnose` reports negative targets. XGBoost: `count:poisson`; LightGBM: `poisson`, both with `log_input = true`.
#[loss(regression, "poisson_nll", "Negative log-likelihood of counts")]
pub struct PoissonNllLoss {
    config: PoissonNllLossConfig,
}

/// Config of [`PoissonNllLoss`].
#[loss_config]
pub struct PoissonNllLossConfig {
    /// Whether the prediction is the logarithm of the mean, and not the mean itself.
    #[field(default = true)]
    pub log_input: bool,
    /// Whether the term of the target alone is added, so that the value is a likelihood.
    #[field(default = false)]
    pub full: bool,
    /// The number added to the mean before its logarithm is taken, if `log_input` is false.
    #[field(default = 1e-8, range = ">= 1e-30")]
    pub epsilon: f64,
}

impl RegressionLoss for PoissonNllLoss {
    fn takes_negative_targets(&self) -> bool {
        false
    }
}

/// Beyond this one of the two terms is constant, so that an infinite prediction has an infinite loss.
const LARGEST: f64 = 1e30;

impl Formula for PoissonNllLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let PoissonNllLossConfig { log_input, full, epsilon, .. } = self.config;
        let largest = prediction.lit(LARGEST);
        let value = if log_input {
            exp_or_tangent(prediction.clone()) - target.clone().weigh(prediction.minimum(largest))
        } else {
            let (below, zero) = ((-prediction.clone()).relu(), prediction.lit(0.0));
            let mean = prediction.maximum(zero);
            let logarithm = (mean.clone().minimum(largest) + epsilon).ln();
            mean - target.clone() * logarithm + below.weigh(target.clone() * (1.0 / epsilon) - 1.0)
        };
        if full { value + stirling(target) } else { value }
    }
}

/// e^x, and beyond x = 64 its tangent there, so that it is finite for every logarithm of a mean that a model may predict.
#[inline(always)]
pub(super) fn exp_or_tangent<R: Real>(x: R) -> R {
    const STRAIGHT: f64 = 64.0;
    let (near, beyond) = split(x, STRAIGHT);
    near.exp() + beyond * STRAIGHT.exp()
}

/// ln t!, approximately, where t > 1; elsewhere 0.
#[inline(always)]
fn stirling<R: Real>(target: R) -> R {
    let is_large = target.gt_lit(1.0);
    let (zero, one) = (target.lit(0.0), target.lit(1.0));
    let t = R::select(&is_large, target, one);
    let term = t.clone() * t.clone().ln() - t.clone() + (t * TAU).ln() * 0.5;
    R::select(&is_large, term, zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn at(config: PoissonNllLossConfig, prediction: f64, target: f64) -> (f64, f64) {
        let loss = config.init(&Device::flex());
        let y = loss.eval(Dual::<f64, 1>::variable(prediction, 0), Dual::constant(target));
        (y.value, y.slope[0])
    }

    #[test]
    fn both_inputs_are_the_same_loss() {
        let (value, slope) = at(PoissonNllLossConfig::new(), 3f64.ln(), 2.0);
        assert!((value - (3.0 - 2.0 * 3f64.ln())).abs() < 1e-15 && (slope - 1.0).abs() < 1e-15);
        let (mean, slope) = at(PoissonNllLossConfig::new().with_log_input(false).with_epsilon(1e-30), 3.0, 2.0);
        assert!((mean - value).abs() < 1e-15 && (slope - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn large_logarithms_are_finite() {
        for x in [65.0, 1e4, 1e30, -1e4, -1e30] {
            for target in [0.0, 3.0, 1e6] {
                let (value, slope) = at(PoissonNllLossConfig::new(), x, target);
                assert!(value.is_finite() && slope.is_finite(), "{x} {target}: {value} {slope}");
                assert_eq!(slope > 0.0, x > 0.0 || (target == 0.0 && slope > 0.0), "{x} {target}: {slope}");
            }
        }
        // Nothing is expected and nothing is counted.
        assert_eq!(at(PoissonNllLossConfig::new(), f64::NEG_INFINITY, 0.0), (0.0, 0.0));
        assert_eq!(at(PoissonNllLossConfig::new(), f64::NEG_INFINITY, 1.0).0, f64::INFINITY);
        assert_eq!(at(PoissonNllLossConfig::new(), f64::INFINITY, 1.0).0, f64::INFINITY);
    }

    #[test]
    fn the_gradient_leads_a_negative_mean_back() {
        let mean = PoissonNllLossConfig::new().with_log_input(false);
        let ((_, at_zero), (_, below)) = (at(mean.clone(), 0.0, 2.0), at(mean.clone(), -1.0, 2.0));
        assert!(at_zero < 0.0 && (below / at_zero - 1.0).abs() < 1e-12, "{below} {at_zero}");
        assert_eq!(at(mean.clone(), f64::INFINITY, 2.0).0, f64::INFINITY);
        assert_eq!(at(mean, f64::NEG_INFINITY, 2.0).0, f64::INFINITY);
    }

    /// ln 5! = 4.787; at 1 and below nothing is added.
    #[test]
    fn the_full_loss_is_a_likelihood() {
        let added = |target| {
            at(PoissonNllLossConfig::new().with_full(true), 0.0, target).0
                - at(PoissonNllLossConfig::new(), 0.0, target).0
        };
        assert!((added(5.0) - 120f64.ln()).abs() < 0.02);
        assert_eq!([added(0.0), added(1.0)], [0.0; 2]);
    }
}
