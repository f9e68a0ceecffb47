//! Geman-McClure loss.

use super::RegressionLoss;
use super::robust::RobustForm;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Geman-McClure loss (Geman and McClure 1985): a squared error that saturates.
///
/// # Formula
/// ```text
/// 2 (d/c)^2 / ((d/c)^2 + 4)        form = "barron"
/// d^2/2 / (1 + (d/c)^2)            form = "m_estimator"
/// ```
/// with d = prediction - target.
///
/// # When to use
/// For regression with gross errors that should have nearly no effect, such as wrong matches in registration: the slope of a
/// large error falls as 1/|d|^3. It is not convex, so start close to the solution, or with a large c that shrinks.
/// [`CauchyLoss`](super::CauchyLoss) gives outliers more influence, and [`WelschLoss`](super::WelschLoss) gives them less.
/// [`BarronLoss`](super::BarronLoss) with alpha = -2 is this loss.
///
/// # Numerics
/// The error is divided by c before it is squared, and counts as at most 1e9 c, where the loss is constant to the last digit: no
/// square overflows. The values are in [0, 2), or below c^2/2 as an M-estimator. The second derivative is negative for large
/// errors.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::GemanMcclureLossConfig};
///
/// let device = Device::flex();
/// let loss = GemanMcclureLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([2.0, 1e6], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [1.0, 2.0]);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.geman_mcclure_loss`: it has c = 1; the reference values agree with it.
///
/// PyTorch has none.
#[loss(regression, "geman_mcclure", "Squared error that saturates: outliers have nearly no gradient")]
pub struct GemanMcclureLoss {
    config: GemanMcclureLossConfig,
}

/// Config of [`GemanMcclureLoss`].
#[loss_config]
pub struct GemanMcclureLossConfig {
    /// The size from which on errors count as outliers, in the units of the prediction.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub c: f64,
    /// The convention for `c` and for the scale of the values.
    #[field(default = RobustForm::Barron)]
    pub form: RobustForm,
}

impl RegressionLoss for GemanMcclureLoss {}

/// The error from which on the loss is constant to the last digit, in units of c.
const CONSTANT: f64 = 1e9;

impl Formula for GemanMcclureLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let GemanMcclureLossConfig { c, form, .. } = self.config;
        let unit = form.error_unit(c, 0.5);
        let square = clamped((prediction - target) * (1.0 / unit), CONSTANT).square();
        form.scaled(square.clone() * 2.0 / (square + 4.0), unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use burn::tensor::Device;

    fn loss(c: f64, form: RobustForm) -> GemanMcclureLoss {
        GemanMcclureLossConfig::new().with_c(c).with_form(form).init(&Device::flex())
    }

    #[test]
    fn both_forms_by_hand() {
        assert_eq!(loss(2.0, RobustForm::Barron).eval(5.0, 1.0), 1.0);
        assert_eq!(loss(2.0, RobustForm::MEstimator).eval(5.0, 1.0), 1.6);
    }

    #[test]
    fn the_curvature_at_zero_is_that_of_the_form() {
        assert_eq!(second_order(&loss(2.0, RobustForm::Barron), 0.0), [0.0, 0.0, 0.25]);
        assert_eq!(second_order(&loss(2.0, RobustForm::MEstimator), 0.0), [0.0, 0.0, 1.0]);
        assert!(second_order(&loss(2.0, RobustForm::MEstimator), 3.0)[2] < 0.0);
    }

    #[test]
    fn it_is_bounded_and_nothing_overflows() {
        for d in [1e8, -1e30, 1e300, f64::INFINITY] {
            let got = loss(1.0, RobustForm::Barron).eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
            assert!((got.value - 2.0).abs() < 1e-15 && got.slope[0].abs() < 1e-20, "{d}: {got:?}");
        }
    }
}
