//! A check of the derivatives of a formula of one's own.

use super::{BoxFormula, Dual, Formula, Overlap, OverlapFormula, RowFormula, VectorFormula};
use core::array::from_fn;
use core::fmt;

/// The first point at which a formula's derivative is not its slope.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongSlope {
    /// The argument by which the formula is differentiated.
    pub argument: String,
    /// The point: all arguments, one number after the other.
    pub at: Vec<f64>,
    /// The derivative that training would use.
    pub derivative: f64,
    /// The slope between two points nearby.
    pub slope: f64,
}

impl fmt::Display for WrongSlope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { argument, at, derivative, slope } = self;
        let at: Vec<String> = at.iter().map(f64::to_string).collect();
        write!(
            f,
            "at ({}) the derivative by `{argument}` is {derivative}, but the slope between points nearby is {slope}",
            at.join(", ")
        )
    }
}

impl core::error::Error for WrongSlope {}

/// Compares the derivative of a formula by its first argument with the slope between two points nearby, at each (first, target).
///
/// They differ where a formula is not smooth, where a number is treated as a constant (`detach` of a tensor, a number read from a
/// `Real`), and where digits are lost. Leave out points within 1e-4 of a kink. This is `torch.autograd.gradcheck` for a [`Formula`];
/// [`check_vector_slopes`], [`check_box_slopes`], [`check_row_slopes`] and [`check_overlap_slopes`] are the same for the other
/// formulas.
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
    points.into_iter().try_for_each(|(first, target)| {
        let exact = formula.eval(Dual::variable(first, 0), Dual::constant(target));
        compare(|_| "first".into(), [first], &[target], exact, |[first]| formula.eval(first, target))
    })
}

/// Like [`check_slopes`], by each of the predicted numbers, at each (prediction, target).
///
/// ```
/// use burn_losses::formula::{Real, VectorFormula, check_vector_slopes};
///
/// /// A likelihood with a mistake: `stop` hides a part of the slope of the spread.
/// #[derive(Debug, Clone)]
/// struct Wrong;
///
/// impl VectorFormula<2, 1> for Wrong {
///     #[inline(always)]
///     fn eval<R: Real>(&self, [mean, log_spread]: [R; 2], [target]: [R; 1]) -> R {
///         ((mean - target) * (-log_spread.clone().stop()).exp()).square() + log_spread
///     }
/// }
///
/// let error = check_vector_slopes(&Wrong, [([0.5, 0.0], [1.0])]).unwrap_err();
/// assert_eq!(error.argument, "prediction[1]");
/// assert!(error.to_string().starts_with("at (0.5, 0, 1) the derivative by `prediction[1]` is 1, but the slope"));
/// ```
pub fn check_vector_slopes<const K: usize, const TARGETS: usize>(
    formula: &impl VectorFormula<K, TARGETS>,
    points: impl IntoIterator<Item = ([f64; K], [f64; TARGETS])>,
) -> Result<(), WrongSlope> {
    points.into_iter().try_for_each(|(prediction, target)| {
        let exact = formula.eval(variables(prediction), target.map(Dual::constant));
        compare(numbered, prediction, &target, exact, |prediction| formula.eval(prediction, target))
    })
}

/// Like [`check_slopes`], by each corner coordinate of the predicted box, at each (prediction, target).
pub fn check_box_slopes(
    formula: &impl BoxFormula,
    points: impl IntoIterator<Item = ([f64; 4], [f64; 4])>,
) -> Result<(), WrongSlope> {
    points.into_iter().try_for_each(|(prediction, target)| {
        let exact = formula.eval(variables(prediction), target.map(Dual::constant));
        compare(numbered, prediction, &target, exact, |prediction| formula.eval(prediction, target))
    })
}

/// Like [`check_slopes`], by the logarithm of the probability, at each (log_p, share).
pub fn check_row_slopes(
    formula: &impl RowFormula,
    points: impl IntoIterator<Item = (f64, f64)>,
) -> Result<(), WrongSlope> {
    points.into_iter().try_for_each(|(log_p, share)| {
        let exact = formula.eval(Dual::variable(log_p, 0), Dual::constant(share));
        compare(|_| "log_p".into(), [log_p], &[share], exact, |[log_p]| formula.eval(log_p, share))
    })
}

/// Like [`check_slopes`], by the two sums that depend on the prediction, `both` and `prediction`, at each overlap.
pub fn check_overlap_slopes(
    formula: &impl OverlapFormula,
    points: impl IntoIterator<Item = Overlap<f64>>,
) -> Result<(), WrongSlope> {
    points.into_iter().try_for_each(|Overlap { both, prediction, target }| {
        let at = [both, prediction];
        let [both, prediction] = variables(at);
        let exact = formula.eval(Overlap { both, prediction, target: Dual::constant(target) });
        let name = |index: usize| ["both", "prediction"][index].into();
        compare(name, at, &[target], exact, |[both, prediction]| formula.eval(Overlap { both, prediction, target }))
    })
}

/// Each number as a variable.
fn variables<const K: usize>(numbers: [f64; K]) -> [Dual<f64, K>; K] {
    from_fn(|index| Dual::variable(numbers[index], index))
}

/// The name of one of several predicted numbers.
fn numbered(index: usize) -> String {
    format!("prediction[{index}]")
}

/// Compares each derivative of `exact` with the slope of `value` at the variables.
fn compare<const K: usize>(
    name: impl Fn(usize) -> String,
    variables: [f64; K],
    constants: &[f64],
    exact: Dual<f64, K>,
    value: impl Fn([f64; K]) -> f64,
) -> Result<(), WrongSlope> {
    for (index, derivative) in exact.slope.into_iter().enumerate() {
        let step = 1e-5 * variables[index].abs().max(1.0);
        let moved = |by: f64| {
            let mut place = variables;
            place[index] += by;
            value(place)
        };
        // Two steps of different sizes cancel the error of the third derivative.
        let of = |step: f64| (moved(step) - moved(-step)) / (2.0 * step);
        let slope = (4.0 * of(step) - of(2.0 * step)) / 3.0;
        let rounding = 1e-14 * value(variables).abs().max(1.0) / step;
        let is_close = (derivative - slope).abs() <= 1e-6 * slope.abs().max(1e-3) + rounding;
        if !is_close {
            let at = [&variables[..], constants].concat();
            return Err(WrongSlope { argument: name(index), at, derivative, slope });
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

    /// By its second number it has a kink at 2; everything else is smooth.
    #[derive(Debug, Clone)]
    struct Kink;

    impl VectorFormula<2, 1> for Kink {
        #[inline(always)]
        fn eval<R: Real>(&self, [first, second]: [R; 2], [target]: [R; 1]) -> R {
            (first - target).square() + second.clone().maximum(second.lit(2.0))
        }
    }

    impl BoxFormula for Kink {
        #[inline(always)]
        fn eval<R: Real>(&self, [x1, y1, x2, y2]: [R; 4], [target, ..]: [R; 4]) -> R {
            (x1 - target).square() + y1 * y2 + x2.clone().maximum(x2.lit(2.0))
        }
    }

    impl RowFormula for Kink {
        #[inline(always)]
        fn eval<R: Real>(&self, log_p: R, share: R) -> R {
            log_p.clone().maximum(log_p.lit(-1.0)) * share
        }
    }

    impl OverlapFormula for Kink {
        #[inline(always)]
        fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
            let Overlap { both, prediction, target } = overlap;
            both / (target + 1.0) + prediction.clone().maximum(prediction.lit(2.0))
        }
    }

    #[test]
    fn a_lost_derivative_is_found() {
        let points = [(0.5, 0.0), (3.0, 1.0), (-1e6, 2.0)];
        assert_eq!(check_slopes(&Square { loses: false }, points), Ok(()));
        let kink = check_slopes(&Square { loses: true }, [(2.0, 0.0)]).expect_err("a kink");
        assert_eq!(kink.at, [2.0, 0.0]);
        assert!(kink.to_string().starts_with("at (2, 0) the derivative by `first` is "), "{kink}");
    }

    #[test]
    fn the_wrong_argument_is_named() {
        assert_eq!(check_vector_slopes(&Kink, [([3.0, 1.0], [0.5]), ([3.0, 3.0], [0.5])]), Ok(()));
        let kink = check_vector_slopes(&Kink, [([3.0, 2.0], [0.5])]).expect_err("a kink");
        assert_eq!((kink.argument.as_str(), kink.at), ("prediction[1]", vec![3.0, 2.0, 0.5]));

        let target = [0.0, 0.0, 1.0, 1.0];
        assert_eq!(check_box_slopes(&Kink, [([0.5, 0.5, 1.5, 1.0], target)]), Ok(()));
        let kink = check_box_slopes(&Kink, [([0.5, 0.5, 2.0, 1.0], target)]).expect_err("a kink");
        assert_eq!(kink.argument, "prediction[2]");

        assert_eq!(check_row_slopes(&Kink, [(-0.5, 1.0), (-1.5, 0.5)]), Ok(()));
        assert_eq!(check_row_slopes(&Kink, [(-1.0, 1.0)]).expect_err("a kink").argument, "log_p");

        let overlap = |prediction| Overlap { both: 0.5, prediction, target: 1.5 };
        assert_eq!(check_overlap_slopes(&Kink, [overlap(1.0), overlap(3.0)]), Ok(()));
        assert_eq!(check_overlap_slopes(&Kink, [overlap(2.0)]).expect_err("a kink").argument, "prediction");
    }

    #[test]
    fn nan_is_no_slope() {
        assert!(check_slopes(&Square { loses: false }, [(f64::NAN, 0.0)]).is_err());
    }
}
