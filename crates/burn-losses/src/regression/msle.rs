//! Mean squared logarithmic error.

use super::RegressionLoss;
use crate::formula::safe::split;
use crate::formula::{Formula, Real};
use burn_losses_derive::{Choice, loss, loss_config};

/// How negative numbers are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum LogDomain {
    /// A number below `floor` counts as `floor`, as in Keras: a negative prediction has no gradient.
    #[default]
    Clamp,
    /// sign(x) ln(1 + |x|): negative numbers are mirrored, and every prediction has a gradient.
    Signed,
}

/// The squared error of logarithms.
///
/// # Formula
/// ```text
/// (ln(1 + max(p, floor)) - ln(1 + max(t, floor)))^2        domain = "clamp"
/// (s(p) - s(t))^2,  s(x) = sign(x) ln(1 + |x|)             domain = "signed"
/// ```
/// with p the prediction and t the target.
///
/// # When to use
/// For targets of many orders of magnitude that are not negative, such as prices, counts and durations: it punishes ratios, not
/// differences. A prediction that is too low costs more than one that is too high by the same amount. Its constant fit is nearly
/// a geometric mean, so sums over many predictions are too low. With targets of both signs take `domain = "signed"`; for counts
/// [`PoissonNllLoss`](super::PoissonNllLoss) has the right variance.
///
/// # Numerics
/// The logarithm is ln(1 + x), which keeps its digits near 0. With `domain = "clamp"` the gradient of a prediction below `floor`
/// is 0: a model that starts with negative outputs stays there. Let it end in a softplus, or take `domain = "signed"`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::MsleLossConfig};
///
/// let device = Device::flex();
/// let loss = MsleLossConfig::new().init(&device);
/// // A factor of two costs about the same at every magnitude.
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([2e2, 2e6], &device),
///     Tensor::from_floats([1e2, 1e6], &device),
/// );
/// for value in values.into_data().to_vec::<f32>().unwrap() {
///     assert!((value - 2f32.ln().powi(2)).abs() < 0.01);
/// }
/// ```
///
/// # Elsewhere
/// - `keras.losses.MeanSquaredLogarithmicError`: the same; it takes the mean over the last axis first.
/// - `sklearn.metrics.mean_squared_log_error`: the same for numbers that are not negative, without the floor; it refuses others.
/// - `torchmetrics.MeanSquaredLogError`: the same for numbers that are not negative, without the floor.
///
/// `diagnose` reports negative targets where they are clamped. XGBoost: `reg:squaredlogerror`, half of this loss.
#[loss(regression, "msle", "Squared error of logarithms: ratios count, not differences")]
pub struct MsleLoss {
    config: MsleLossConfig,
}

/// Config of [`MsleLoss`].
#[loss_config]
pub struct MsleLossConfig {
    /// How negative numbers are handled.
    #[field(default = LogDomain::Clamp)]
    pub domain: LogDomain,
    /// The lower bound that numbers are clamped to, if the domain is `clamp`.
    #[field(default = 1e-7, range = ">= 0")]
    pub floor: f64,
}

impl RegressionLoss for MsleLoss {
    fn takes_negative_targets(&self) -> bool {
        self.config.domain == LogDomain::Signed
    }
}

/// Beyond this the logarithm goes on as a straight line, so that an infinite prediction has a slope.
const STRAIGHT: f64 = 1e38;

impl Formula for MsleLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let MsleLossConfig { domain, floor, .. } = self.config;
        let [prediction, target] = match domain {
            LogDomain::Clamp => [clamped_ln_1p(prediction, floor), clamped_ln_1p(target, floor)],
            LogDomain::Signed => [signed_ln_1p(prediction), signed_ln_1p(target)],
        };
        (prediction - target).square()
    }
}

#[inline(always)]
fn clamped_ln_1p<R: Real>(x: R, floor: f64) -> R {
    let floor = x.lit(floor);
    ln_1p(x.maximum(floor))
}

/// Its slope at 0 is 1: there the second branch is taken, in which a tie has the slope of -x.
#[inline(always)]
fn signed_ln_1p<R: Real>(x: R) -> R {
    let (is_positive, zero) = (x.gt_lit(0.0), x.lit(0.0));
    let negative = -ln_1p((-x.clone()).maximum(zero.clone()));
    R::select(&is_positive, ln_1p(x.maximum(zero)), negative)
}

#[inline(always)]
fn ln_1p<R: Real>(x: R) -> R {
    let (near, beyond) = split(x, STRAIGHT);
    near.log1p() + beyond
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn at(loss: &MsleLoss, prediction: f64, target: f64) -> (f64, f64) {
        let y = loss.eval(Dual::<f64, 1>::variable(prediction, 0), Dual::constant(target));
        (y.value, y.slope[0])
    }

    #[test]
    fn negative_predictions_have_a_gradient_in_the_signed_domain_alone() {
        let of = |domain| MsleLossConfig::new().with_domain(domain).init(&Device::flex());
        let (clamp, signed) = (of(LogDomain::Clamp), of(LogDomain::Signed));
        let (value, slope) = at(&clamp, -3.0, 1.0);
        assert!((value - (2f64.ln() - 1e-7f64.ln_1p()).powi(2)).abs() < 1e-15 && slope == 0.0);
        let (value, slope) = at(&signed, -3.0, 1.0);
        let difference = -(8f64.ln());
        assert!((value - difference.powi(2)).abs() < 1e-14 && (slope - 2.0 * difference / 4.0).abs() < 1e-14);
        // The domains agree where nothing is negative.
        assert!((at(&clamp, 0.5, 3.0).0 - at(&signed, 0.5, 3.0).0).abs() < 1e-15);
    }

    #[test]
    fn a_prediction_of_exactly_zero_has_a_gradient_in_the_signed_domain() {
        let signed = MsleLossConfig::new().with_domain(LogDomain::Signed).init(&Device::flex());
        for zero in [0.0, -0.0] {
            assert!((at(&signed, zero, 1.0).1 + 2.0 * 2f64.ln()).abs() < 1e-15);
        }
    }

    #[test]
    fn the_floor_is_the_least_number_that_counts() {
        let loss = MsleLossConfig::new().with_floor(1.0).init(&Device::flex());
        assert!((at(&loss, 0.5, 3.0).0 - 2f64.ln().powi(2)).abs() < 1e-15);
        assert_eq!(at(&loss, f64::INFINITY, 0.0).0, f64::INFINITY);
    }
}
