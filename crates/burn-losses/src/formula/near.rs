//! Second derivatives of formulas.

use super::{Dual, Formula, Real, functions, operators};
use core::ops::Neg;

/// A number and its slope along a line, at a point of the line or just beside it.
///
/// Beside the point, numbers that are equal at the point itself are ordered by their slopes: so a formula takes the branch of that
/// side. At the point, a kink has the slope that [`Real`] promises, and everything above it is lost: `abs(x)^2` would have no
/// curvature at 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    of: Dual<f64, 1>,
    /// 0 at the point, 1 above it and -1 below it.
    side: f64,
}

impl Near {
    #[inline(always)]
    fn map(self, operation: impl FnOnce(Dual<f64, 1>) -> Dual<f64, 1>) -> Self {
        Self { of: operation(self.of), side: self.side }
    }

    #[inline(always)]
    fn zip(self, other: Self, operation: impl FnOnce(Dual<f64, 1>, Dual<f64, 1>) -> Dual<f64, 1>) -> Self {
        Self { of: operation(self.of, other.of), side: self.side }
    }
}

operators! { always [] Near:
    Add add |x, other: Self| x.zip(other, |a, b| a + b);
    Sub sub |x, other: Self| x.zip(other, |a, b| a - b);
    Mul mul |x, other: Self| x.zip(other, |a, b| a * b);
    Div div |x, other: Self| x.zip(other, |a, b| a / b);
    Add add |x, constant: f64| x.map(|a| a + constant);
    Sub sub |x, constant: f64| x.map(|a| a - constant);
    Mul mul |x, constant: f64| x.map(|a| a * constant);
}

impl Neg for Near {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl Real for Near {
    type Mask = bool;

    functions!(always |x| x.of, |of| Self { of, side: x.side };
        exp, ln, log1p, sqrt, atan, sin, cos, tanh, stop, sigmoid, softplus, exp_m1);

    #[inline(always)]
    fn lit(&self, value: f64) -> Self {
        Self { of: Dual::constant(value), side: self.side }
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        self.map(|of| of.powf(exponent))
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> bool {
        let (a, b) = (self.of, other.of);
        a.value > b.value || (a.value == b.value && self.side * (a.slope[0] - b.slope[0]) > 0.0)
    }
    #[inline(always)]
    fn select(mask: &bool, yes: Self, no: Self) -> Self {
        if *mask { yes } else { no }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        if self.side == 0.0 {
            self.map(Real::abs)
        } else if self.gt_lit(0.0) {
            self
        } else {
            -self
        }
    }
    #[inline(always)]
    fn relu(self) -> Self {
        if self.side == 0.0 { self.map(Real::relu) } else { Self::select(&self.gt_lit(0.0), self, self.lit(0.0)) }
    }
    #[inline(always)]
    fn sigmoids(self) -> [Self; 2] {
        self.of.sigmoids().map(|of| Self { of, side: self.side })
    }
    #[inline(always)]
    fn softpluses(self) -> [Self; 2] {
        self.of.softpluses().map(|of| Self { of, side: self.side })
    }
    #[inline(always)]
    fn softpluses_and_sigmoids(self) -> [[Self; 2]; 2] {
        self.of.softpluses_and_sigmoids().map(|pair| pair.map(|of| Self { of, side: self.side }))
    }
    #[inline(always)]
    fn weigh(self, other: Self) -> Self {
        self.zip(other, Real::weigh)
    }
    #[inline(always)]
    fn weigh_add(self, other: Self, term: Self) -> Self {
        self.weigh(other) + term
    }
}

/// A number with its slope and its curvature.
///
/// Its operations are function calls, so that a formula of it is little code: it is compiled for every loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curved(Dual<Near, 1>);

operators! { never [] Curved:
    Add add |a, b: Self| Self(a.0 + b.0);
    Sub sub |a, b: Self| Self(a.0 - b.0);
    Mul mul |a, b: Self| Self(a.0 * b.0);
    Div div |a, b: Self| Self(a.0 / b.0);
    Add add |a, constant: f64| Self(a.0 + constant);
    Sub sub |a, constant: f64| Self(a.0 - constant);
    Mul mul |a, constant: f64| Self(a.0 * constant);
}

impl Neg for Curved {
    type Output = Self;
    #[inline(never)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Real for Curved {
    type Mask = bool;

    functions!(never |x| x.0, |of| Self(of);
        exp, ln, log1p, sqrt, abs, atan, sin, cos, tanh, sigmoid, softplus, relu, square, exp_m1, safe_sqrt);

    #[inline(never)]
    fn stop(self) -> Self {
        // A constant for both derivatives.
        Self(Dual::constant(self.0.value.stop()))
    }
    #[inline(never)]
    fn lit(&self, value: f64) -> Self {
        Self(self.0.lit(value))
    }
    #[inline(never)]
    fn powf(self, exponent: f64) -> Self {
        Self(self.0.powf(exponent))
    }
    #[inline(never)]
    fn gt(&self, other: &Self) -> bool {
        self.0.gt(&other.0)
    }
    #[inline(never)]
    fn gt_lit(&self, value: f64) -> bool {
        self.0.gt_lit(value)
    }
    #[inline(never)]
    fn select(mask: &bool, yes: Self, no: Self) -> Self {
        if *mask { yes } else { no }
    }
    #[inline(never)]
    fn sigmoids(self) -> [Self; 2] {
        self.0.sigmoids().map(Self)
    }
    #[inline(never)]
    fn softpluses(self) -> [Self; 2] {
        self.0.softpluses().map(Self)
    }
    #[inline(never)]
    fn softpluses_and_sigmoids(self) -> [[Self; 2]; 2] {
        self.0.softpluses_and_sigmoids().map(|pair| pair.map(Self))
    }
    #[inline(never)]
    fn maximum(self, other: Self) -> Self {
        Self(self.0.maximum(other.0))
    }
    #[inline(never)]
    fn minimum(self, other: Self) -> Self {
        Self(self.0.minimum(other.0))
    }
    #[inline(never)]
    fn weigh(self, other: Self) -> Self {
        Self(self.0.weigh(other.0))
    }
    #[inline(never)]
    fn weigh_add(self, other: Self, term: Self) -> Self {
        Self(self.0.weigh_add(other.0, term.0))
    }
}

/// A variable: its slope is `outer` with respect to the first line, and `inner` with respect to the second.
pub(crate) fn variable(value: f64, [outer, inner]: [f64; 2], side: f64) -> Curved {
    let near = |value, slope| Near { of: Dual { value, slope: [slope] }, side };
    Curved(Dual { value: near(value, inner), slope: [near(outer, 0.0)] })
}

/// The value, the slope with respect to the first line, and the slope of that with respect to the second.
pub(crate) fn numbers(of: &Curved) -> [f64; 3] {
    let slope = of.0.slope[0].of;
    [of.0.value.of.value, slope.value, slope.slope[0]]
}

/// The value of a formula, and its first and second derivative with respect to the first argument.
///
/// At a kink the derivatives are those that [`Real`] promises. Where only the second derivative jumps, it is that of the branch which
/// the formula takes at the point. Where the formula goes through a kink but has none, as the square of `abs`, the second derivative
/// is its limit.
pub(crate) fn derivatives(formula: &impl Formula, first: f64, target: f64) -> [f64; 3] {
    limits(&|side| beside(formula, first, target, side))
}

#[inline(never)]
fn beside(formula: &impl Formula, first: f64, target: f64, side: f64) -> [f64; 3] {
    numbers(&formula.eval(variable(first, [1.0; 2], side), variable(target, [0.0; 2], side)))
}

/// The derivatives at a point, from those at and beside it.
fn limits(beside: &dyn Fn(f64) -> [f64; 3]) -> [f64; 3] {
    let at @ [value, slope, curvature] = beside(0.0);
    let [_, slope_above, above] = beside(1.0);
    if above == curvature || above.is_nan() {
        return at;
    }
    let [_, slope_below, below] = beside(-1.0);
    let same = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    let is_kink = !same(slope_above, slope_below);
    let is_between = above.min(below) <= curvature && curvature <= above.max(below);
    if is_kink || is_between { at } else { [value, slope, above.max(below)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A formula that is one of several functions of the difference.
    #[derive(Debug, Clone)]
    struct Of<const KIND: u8>;

    impl<const KIND: u8> Formula for Of<KIND> {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            let d = first - target;
            match KIND {
                0 => d.abs().square(),
                1 => d.abs(),
                // Huber.
                2 => {
                    let near = d.clone().abs().minimum(d.lit(1.0));
                    near.clone().square() * 0.5 + (d.abs() - near)
                }
                3 => d.relu().square(),
                4 => d.abs().powf(1.5),
                // A factor that is a constant.
                6 => d.clone().square().stop() * d.square(),
                _ => (d.abs().square() + 1.0).sqrt(),
            }
        }
    }

    #[test]
    fn a_kink_inside_is_none_of_the_whole() {
        assert_eq!(derivatives(&Of::<0>, 0.0, 0.0), [0.0, 0.0, 2.0]);
        assert_eq!(derivatives(&Of::<0>, 3.0, 1.0), [4.0, 4.0, 2.0]);
        assert_eq!(derivatives(&Of::<5>, 2.0, 2.0), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_kink_of_the_whole_has_the_promised_slope() {
        assert_eq!(derivatives(&Of::<1>, 0.5, 0.5), [0.0, 0.0, 0.0]);
        assert_eq!(derivatives(&Of::<1>, 0.0, 0.5), [0.5, -1.0, 0.0]);
    }

    #[test]
    fn a_jump_of_the_curvature_is_decided_by_the_formula() {
        // At a tie, `minimum` is its first argument.
        assert_eq!(derivatives(&Of::<2>, 1.0, 0.0), [0.5, 1.0, 1.0]);
        assert_eq!(derivatives(&Of::<2>, 0.0, 0.0), [0.0, 0.0, 1.0]);
        assert_eq!(derivatives(&Of::<2>, -1.5, 0.0), [1.0, -1.0, 0.0]);
        assert_eq!(derivatives(&Of::<3>, 0.0, 0.0), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_constant_is_one_for_both_derivatives() {
        assert_eq!(derivatives(&Of::<6>, 3.0, 0.0), [81.0, 54.0, 18.0]);
    }

    #[test]
    fn an_infinite_curvature_is_infinite() {
        assert_eq!(derivatives(&Of::<4>, 0.0, 0.0), [0.0, 0.0, f64::INFINITY]);
    }
}
