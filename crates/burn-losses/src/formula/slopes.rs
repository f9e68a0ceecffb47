//! A check of the derivatives of a formula of one's own.

use super::{Dual, Formula};
use core::fmt;

/// The first point at which a formula's derivative is not its slope.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongSlope {
    /// The point: (first, target).
    pub at: (f64, f64),
    /// The derivative that training would use.
    pub derivative: f64,
    /// The slope between two points nearby.
    pub slope: f64,
}

impl fmt::Display for WrongSlope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at: (first, target), derivative, slope } = self;
        write!(
            f,
            "at ({first}, {target}) the derivative is {derivative}, but the slope between points nearby is {slope}"
        )
    }
}

impl core::error::Error for WrongSlope {}

/// Compares the derivative of a formula by its first argument with the slope between two points nearby, at each (first, target).
///
/// They differ where a formula is not smooth, where a number is treated as a constant (`detach` of a tensor, a number read from a
/// `Real`), and where digits are lost. Leave out points within 1e-4 of a kink. This is `torch.autograd.gradcheck` for a [`Formula`].
///
/// ```
/// use burn_losses::formula::{Formula, Real, check_slopes};
///
/// #[derive(Debug, Clone)]
/// struct Cauchy;
///
/// impl Formula for Cauchy {
///     #[inline(always)]
///     fn eval<R: Real>(&self, prediction: R, target: R) -> R {
///         (prediction - target).square().log1p() * 0.5
///     }
/// }
///
/// check_slopes(&Cauchy, [(0.0, 0.5), (3.0, -1.0), (1e4, 0.0)])?;
/// # Ok::<(), burn_losses::formula::WrongSlope>(())
/// ```
pub fn check_slopes(formula: &impl Formula, points: impl IntoIterator<Item = (f64, f64)>) -> Result<(), WrongSlope> {
    for (first, target) in points {
        let derivative = formula.eval(Dual::<_, 1>::variable(first, 0), Dual::constant(target)).slope[0];
        let step = 1e-5 * first.abs().max(1.0);
        let at = |place: f64| formula.eval(place, target);
        // Two steps of different sizes cancel the error of the third derivative.
        let of = |step: f64| (at(first + step) - at(first - step)) / (2.0 * step);
        let slope = (4.0 * of(step) - of(2.0 * step)) / 3.0;
        let rounding = 1e-14 * at(first).abs().max(1.0) / step;
        let is_close = (derivative - slope).abs() <= 1e-6 * slope.abs().max(1e-3) + rounding;
        if !is_close {
            return Err(WrongSlope { at: (first, target), derivative, slope });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Real;

    /// A square, part of whose derivative is lost.
    #[derive(Debug, Clone)]
    struct Square {
        loses: bool,
    }

    impl Formula for Square {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            let error = first - target;
            if self.loses { error.clone().abs() * error.clone().abs().maximum(error.lit(2.0)) } else { error.square() }
        }
    }

    #[test]
    fn a_lost_derivative_is_found() {
        let points = [(0.5, 0.0), (3.0, 1.0), (-1e6, 2.0)];
        assert_eq!(check_slopes(&Square { loses: false }, points), Ok(()));
        let kink = check_slopes(&Square { loses: true }, [(2.0, 0.0)]).expect_err("a kink");
        assert_eq!(kink.at, (2.0, 0.0));
        assert!(kink.to_string().starts_with("at (2, 0) the derivative is "), "{kink}");
    }

    #[test]
    fn nan_is_no_slope() {
        assert!(check_slopes(&Square { loses: false }, [(f64::NAN, 0.0)]).is_err());
    }
}
