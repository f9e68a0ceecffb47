//! Welsch loss.

use super::RegressionLoss;
use super::robust::RobustForm;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::FRAC_1_SQRT_2;

/// Welsch loss, also called Leclerc loss (Dennis and Welsch 1978,
/// [doi 10.1080/03610917808812083](https://doi.org/10.1080/03610917808812083)): an upside-down Gaussian.
///
/// # Formula
/// ```text
/// 1 - exp(-(d/c)^2 / 2)              form = "barron"
/// c^2/2 (1 - exp(-(d/c)^2))          form = "m_estimator"
/// ```
/// with d = prediction - target.
///
/// # When to use
/// For regression with gross errors that should have no effect: the gradient of an outlier vanishes smoothly, where that of
/// [`TukeyBiweightLoss`](super::TukeyBiweightLoss) ends at its threshold. It needs a model that is nearly right: start with
/// [`HuberLoss`](super::HuberLoss), or with a large c. [`CauchyLoss`](super::CauchyLoss) is the milder one, and
/// [`BarronLoss`](super::BarronLoss) with alpha = "welsch" is this loss.
///
/// # Numerics
/// The value is computed with e^x - 1, so small errors keep their digits. The error counts as at most 1000 c, where the
/// exponential is 0. The second derivative is negative beyond |d| = c, or c/sqrt(2) as an M-estimator. As an M-estimator with
/// c = 2.9846 and Gaussian errors of standard deviation 1 the estimate is 95 % as efficient as least squares.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::WelschLossConfig};
///
/// let device = Device::flex();
/// let loss = WelschLossConfig::new().with_c(2.0).init(&device);
/// let value = loss.forward(Tensor::<1>::from_floats([2.0], &device), Tensor::from_floats([0.0], &device));
/// assert!((value.into_scalar::<f32>() - 0.393_469_34).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.welsch_loss`: it has c = 1; the reference values agree with it.
///
/// PyTorch has none.
#[loss(regression, "welsch", "Upside-down Gaussian of the error: the gradient of outliers vanishes")]
pub struct WelschLoss {
    config: WelschLossConfig,
}

/// Config of [`WelschLoss`].
#[loss_config]
pub struct WelschLossConfig {
    /// The size from which on errors count as outliers, in the units of the prediction.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub c: f64,
    /// The convention for `c` and for the scale of the values.
    #[field(default = RobustForm::Barron)]
    pub form: RobustForm,
}

impl RegressionLoss for WelschLoss {}

impl Formula for WelschLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let WelschLossConfig { c, form, .. } = self.config;
        let unit = form.error_unit(c, FRAC_1_SQRT_2);
        form.scaled(inverted_gaussian((prediction - target) * (1.0 / unit)), unit)
    }
}

/// 1 - exp(-x^2/2).
#[inline(always)]
pub(super) fn inverted_gaussian<R: Real>(x: R) -> R {
    -(clamped(x, 1000.0).square() * -0.5).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use crate::regression::robust::gaussian_efficiency;
    use burn::tensor::Device;

    fn loss(c: f64, form: RobustForm) -> WelschLoss {
        WelschLossConfig::new().with_c(c).with_form(form).init(&Device::flex())
    }

    #[test]
    fn both_forms_by_hand() {
        assert!((loss(2.0, RobustForm::Barron).eval(5.0, 1.0) - (1.0 - (-2f64).exp())).abs() < 1e-15);
        assert!((loss(2.0, RobustForm::MEstimator).eval(5.0, 1.0) - 2.0 * (1.0 - (-4f64).exp())).abs() < 1e-14);
    }

    #[test]
    fn the_curvature_at_zero_is_that_of_the_form() {
        assert!((second_order(&loss(2.0, RobustForm::Barron), 0.0)[2] - 0.25).abs() < 1e-15);
        assert!((second_order(&loss(2.0, RobustForm::MEstimator), 0.0)[2] - 1.0).abs() < 1e-15);
        assert!(second_order(&loss(2.0, RobustForm::Barron), 2.1)[2] < 0.0);
    }

    #[test]
    fn small_errors_keep_their_digits_and_outliers_have_no_gradient() {
        let at = |d: f64| loss(1.0, RobustForm::Barron).eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
        assert!((at(1e-9).value / 5e-19 - 1.0).abs() < 1e-15);
        for d in [1e3, -1e30, 1e300, f64::INFINITY] {
            assert_eq!((at(d).value, at(d).slope), (1.0, [0.0]));
        }
    }

    #[test]
    fn the_documented_c_is_95_percent_efficient() {
        assert!((gaussian_efficiency(&loss(2.9846, RobustForm::MEstimator)) - 0.95).abs() < 1e-4);
    }
}
