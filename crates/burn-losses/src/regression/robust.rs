//! What the robust losses share.

use crate::formula::Real;
use crate::formula::safe::clamped;
use burn_losses_derive::Choice;

/// The convention for `c` and for the scale of a robust loss. Libraries differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum RobustForm {
    /// Barron's general loss: the curvature at zero is 1/c^2 (kornia).
    #[default]
    Barron,
    /// The M-estimator of robust statistics: the curvature at zero is 1, as with half the squared error.
    MEstimator,
}

impl RobustForm {
    /// The unit of the errors: the `c` of Barron's form. `of_m_estimator` is this unit for an M-estimator whose c is 1.
    pub(super) fn error_unit(self, c: f64, of_m_estimator: f64) -> f64 {
        match self {
            Self::Barron => c,
            Self::MEstimator => c * of_m_estimator,
        }
    }

    /// A value of Barron's form in the scale of this form. It is multiplied twice, since the square of `unit` may overflow.
    #[inline(always)]
    pub(super) fn scaled<R: Real>(self, value: R, unit: f64) -> R {
        match self {
            Self::Barron => value,
            Self::MEstimator => value * unit * unit,
        }
    }
}

/// ln(1 + factor x^2), without a square that overflows.
#[inline(always)]
pub(super) fn ln_1p_square<R: Real>(x: R, factor: f64) -> R {
    // Beyond 2^30 the 1 has no effect, and ln x^2 = ln 2^60 + 2 ln(|x| / 2^30).
    const FAR: f64 = (1u64 << 30) as f64;
    let near = clamped(x.clone(), FAR).square() * factor;
    let size = x.abs();
    let far = size.lit(FAR).maximum(size) * (1.0 / FAR);
    near.log1p() + far.ln() * 2.0
}

/// The efficiency of the estimate of a mean from Gaussian errors of standard deviation 1, relative to least squares.
#[cfg(test)]
pub(super) fn gaussian_efficiency(formula: &impl crate::formula::Formula) -> f64 {
    let (mut curvature, mut square) = (0.0, 0.0);
    for step in -10_000..10_000 {
        let d = 1e-3 * (f64::from(step) + 0.5);
        let density = 1e-3 * (-0.5 * d * d).exp() / core::f64::consts::TAU.sqrt();
        let [_, slope, second] = crate::formula::second_order(formula, d);
        curvature += density * second;
        square += density * slope * slope;
    }
    curvature * curvature / square
}
