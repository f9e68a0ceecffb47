//! Numbers that are known to be 0.

use crate::formula::{Real, functions, operators};
use core::ops::Neg;

/// Numbers, and whether all of them are known to be 0 when the program is compiled: products and sums with such zeros are not
/// computed. Most derivatives of boxes are zeros: a height does not depend on a left edge, and targets are constants.
///
/// Everything is inlined, so that nothing is left of `is_zero`.
#[derive(Clone, Copy)]
pub(crate) struct KnownZero<R> {
    pub(crate) numbers: R,
    is_zero: bool,
}

impl<R> KnownZero<R> {
    #[inline(always)]
    pub(crate) fn new(numbers: R) -> Self {
        Self { numbers, is_zero: false }
    }
}

operators! { always [R: Real + Copy] KnownZero<R>:
    Add add |a, b: Self| match [a.is_zero, b.is_zero] {
        [true, _] => b,
        [_, true] => a,
        _ => Self::new(a.numbers + b.numbers),
    };
    Sub sub |a, b: Self| match [a.is_zero, b.is_zero] {
        [_, true] => a,
        [true, _] => -b,
        _ => Self::new(a.numbers - b.numbers),
    };
    Mul mul |a, b: Self| match [a.is_zero, b.is_zero] {
        [true, _] => a,
        [_, true] => b,
        _ => Self::new(a.numbers * b.numbers),
    };
    Div div |a, b: Self| if a.is_zero { a } else { Self::new(a.numbers / b.numbers) };
    Add add |a, b: f64| Self::new(a.numbers + b);
    Sub sub |a, b: f64| Self::new(a.numbers - b);
    Mul mul |a, b: f64| if a.is_zero { a } else { Self::new(a.numbers * b) };
}

impl<R: Real + Copy> Neg for KnownZero<R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        if self.is_zero { self } else { Self::new(-self.numbers) }
    }
}

impl<R: Real + Copy> Real for KnownZero<R> {
    type Mask = R::Mask;

    functions!(always |x| x.numbers, |numbers| Self::new(numbers);
        exp, ln, log1p, sqrt, abs, atan, sin, cos, tanh, stop, sigmoid, softplus, relu, exp_m1);

    #[inline(always)]
    fn lit(&self, value: f64) -> Self {
        Self { numbers: self.numbers.lit(value), is_zero: value == 0.0 }
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        Self::new(self.numbers.powf(exponent))
    }
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        Self::new(self.numbers.maximum(other.numbers))
    }
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        Self::new(self.numbers.minimum(other.numbers))
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> Self::Mask {
        self.numbers.gt(&other.numbers)
    }
    #[inline(always)]
    fn gt_lit(&self, value: f64) -> Self::Mask {
        self.numbers.gt_lit(value)
    }
    #[inline(always)]
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self {
        Self { numbers: R::select(mask, yes.numbers, no.numbers), is_zero: yes.is_zero && no.is_zero }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        match [self.is_zero || factor.is_zero, term.is_zero] {
            [true, _] => term,
            [_, true] => self * factor,
            _ => Self::new(self.numbers.mul_add(factor.numbers, term.numbers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;

    /// The derivatives are the same as without known zeros, and those that are known to be 0 stay known.
    #[test]
    fn derivatives_are_those_of_all_numbers() {
        // Each operation has an operand with known zeros on its left, on its right, and on neither side.
        fn formula<R: Real>([x, y]: [R; 2], target: R) -> R {
            let quotient = (target.clone() - x.clone()) * (y.clone() * 2.0 - 1.0) / (target.clone() + 3.0);
            let either = R::select(&x.gt(&y), x.clone() * target.clone(), y.clone() - target.clone());
            quotient.clone().exp() + either * (target + x) - (-quotient - y.clone()) + y.atan()
        }
        for [x, y] in [[0.5, 0.25], [-0.5, 2.0]] {
            let all = formula([Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1)], Dual::constant(0.75));
            let [sparse_x, sparse_y] = [x, y].map(KnownZero::new);
            let variables = [Dual::<_, 2>::variable(sparse_x, 0), Dual::variable(sparse_y, 1)];
            let sparse = formula(variables, Dual::constant(KnownZero::new(0.75)));
            assert_eq!(sparse.value.numbers, all.value);
            assert_eq!(sparse.slope.map(|slope| slope.numbers), all.slope);
            let of_x = variables[0] * variables[0] - Dual::constant(sparse_y);
            assert_eq!(of_x.slope.map(|slope| slope.is_zero), [false, true]);
        }
    }
}
