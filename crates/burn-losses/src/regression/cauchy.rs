//! Cauchy loss.

use super::RegressionLoss;
use super::robust::{RobustForm, ln_1p_square};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::FRAC_1_SQRT_2;

/// Cauchy loss, also called Lorentzian loss (Black and Anandan 1996,
/// [doi 10.1006/cviu.1996.0006](https://doi.org/10.1006/cviu.1996.0006)): the negative logarithm of the density of a Cauchy
/// distribution, up to a constant.
///
/// # Formula
/// ```text
/// ln(1 + (d/c)^2 / 2)        form = "barron"
/// c^2/2 ln(1 + (d/c)^2)      form = "m_estimator"
/// ```
/// with d = prediction - target.
///
/// # When to use
/// For regression with gross errors that should still have a small effect: the slope of a large error falls as 1/|d|, but it
/// never is 0, unlike with [`TukeyBiweightLoss`](super::TukeyBiweightLoss). It is not convex, so a good start helps; take
/// [`HuberLoss`](super::HuberLoss) where it has to be. [`BarronLoss`](super::BarronLoss) with alpha = 0 is this loss, and its
/// alpha moves it toward other robust losses.
///
/// # Numerics
/// The value is computed with ln(1 + x), so small errors keep their digits, and no square overflows before d/c does. The second
/// derivative is negative beyond |d| = sqrt(2) c, or c as an M-estimator. As an M-estimator with c = 2.3849 and Gaussian errors
/// of standard deviation 1 the estimate is 95 % as efficient as least squares.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::CauchyLossConfig};
///
/// let device = Device::flex();
/// let loss = CauchyLossConfig::new().init(&device);
/// let value = loss.forward(Tensor::<1>::from_floats([2.0], &device), Tensor::from_floats([0.0], &device));
/// assert!((value.into_scalar::<f32>() - 3f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.cauchy_loss`: it has c = 1; the reference values agree with it.
///
/// `scipy.optimize.least_squares`: `cauchy`, with `form = "m_estimator"`, where `f_scale` is c. PyTorch has none.
#[loss(regression, "cauchy", "Logarithm of the squared error: outliers have little effect, but never none")]
pub struct CauchyLoss {
    config: CauchyLossConfig,
}

/// Config of [`CauchyLoss`].
#[loss_config]
pub struct CauchyLossConfig {
    /// The size from which on errors count as outliers, in the units of the prediction.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub c: f64,
    /// The convention for `c` and for the scale of the values.
    #[field(default = RobustForm::Barron)]
    pub form: RobustForm,
}

impl RegressionLoss for CauchyLoss {}

impl Formula for CauchyLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let CauchyLossConfig { c, form, .. } = self.config;
        let unit = form.error_unit(c, FRAC_1_SQRT_2);
        form.scaled(ln_1p_square((prediction - target) * (1.0 / unit), 0.5), unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use crate::regression::robust::gaussian_efficiency;
    use burn::tensor::Device;

    fn loss(c: f64, form: RobustForm) -> CauchyLoss {
        CauchyLossConfig::new().with_c(c).with_form(form).init(&Device::flex())
    }

    #[test]
    fn both_forms_by_hand() {
        assert!((loss(2.0, RobustForm::Barron).eval(5.0, 1.0) - 3f64.ln()).abs() < 1e-15);
        assert!((loss(2.0, RobustForm::MEstimator).eval(5.0, 1.0) - 2.0 * 5f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn the_curvature_is_that_of_the_form_at_zero_and_negative_far_away() {
        assert!((second_order(&loss(2.0, RobustForm::Barron), 0.0)[2] - 0.25).abs() < 1e-15);
        assert!((second_order(&loss(2.0, RobustForm::MEstimator), 0.0)[2] - 1.0).abs() < 1e-15);
        assert!(second_order(&loss(2.0, RobustForm::MEstimator), 2.1)[2] < 0.0);
    }

    #[test]
    fn small_errors_keep_their_digits_and_large_ones_do_not_overflow() {
        let loss = loss(1.0, RobustForm::Barron);
        assert!((loss.eval(1e-9, 0.0) / 5e-19 - 1.0).abs() < 1e-15);
        for d in [1e10, 1e100, 1e300] {
            let got = loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
            assert!((got.value - (2.0 * d.ln() - 2f64.ln())).abs() < 1e-12);
            assert!((got.slope[0] * d - 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_documented_c_is_95_percent_efficient() {
        assert!((gaussian_efficiency(&loss(2.3849, RobustForm::MEstimator)) - 0.95).abs() < 1e-4);
    }
}
