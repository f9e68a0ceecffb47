//! Forward-mode derivatives.

use super::{Real, operators};
use core::array::repeat;
use core::ops::{Div, Neg};

/// Changes the derivatives one by one, in a loop: a closure might not be compiled for the vector instructions of its caller.
macro_rules! each {
    ($slopes:expr, $i:ident, $slope:ident => $new:expr) => {{
        let mut slopes = $slopes;
        let mut $i = 0;
        while $i < N {
            let $slope = &slopes[$i];
            slopes[$i] = $new;
            $i += 1;
        }
        slopes
    }};
}

/// A value and its derivatives with respect to `N` variables.
///
/// Computing a [`Formula`](super::Formula) with `Dual` numbers gives its value and its exact gradient at once: nobody
/// writes a derivative by hand.
///
/// ```
/// use burn_losses::formula::{Dual, Real};
///
/// let x = Dual::<f64, 1>::variable(3.0, 0);
/// let y = x.clone() * x + 1.0;
/// assert_eq!((y.value, y.slope[0]), (10.0, 6.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<R, const N: usize> {
    /// The value.
    pub value: R,
    /// The derivative with respect to each variable.
    pub slope: [R; N],
}

impl<R: Real, const N: usize> Dual<R, N> {
    /// The variable number `index`: its derivative is 1 with respect to itself, and 0 with respect to the others.
    #[inline(always)]
    pub fn variable(value: R, index: usize) -> Self {
        let mut variable = Self::constant(value);
        variable.slope[index] = variable.value.lit(1.0);
        variable
    }

    /// A constant: all its derivatives are 0.
    #[inline(always)]
    pub fn constant(value: R) -> Self {
        let slope = repeat(value.lit(0.0));
        Self { value, slope }
    }

    /// The chain rule: `value` = f(self.value), `derivative` = f'(self.value).
    #[inline(always)]
    fn chain(self, value: R, derivative: R) -> Self {
        let slope = each!(self.slope, i, slope => slope.clone().weigh(derivative.clone()));
        Self { value, slope }
    }
}

operators! { always [R: Real, const N: usize] Dual<R, N>:
    Add add |a, b: Self| {
        let slope = each!(a.slope, i, slope => slope.clone() + b.slope[i].clone());
        Self { value: a.value + b.value, slope }
    };
    Sub sub |a, b: Self| {
        let slope = each!(a.slope, i, slope => slope.clone() - b.slope[i].clone());
        Self { value: a.value - b.value, slope }
    };
    Mul mul |a, b: Self| {
        let (x, y) = (a.value, b.value);
        let slope = each!(a.slope, i, slope => slope.clone().weigh_add(y.clone(), x.clone().weigh(b.slope[i].clone())));
        Self { value: x * y, slope }
    };
    Add add |a, constant: f64| Self { value: a.value + constant, slope: a.slope };
    Sub sub |a, constant: f64| Self { value: a.value - constant, slope: a.slope };
    Mul mul |a, constant: f64| Self {
        value: a.value * constant,
        slope: each!(a.slope, i, slope => slope.clone() * constant),
    };
}

impl<R: Real, const N: usize> Div for Dual<R, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let y = other.value;
        let value = self.value / y.clone();
        let less = -value.clone();
        let slope = each!(self.slope, i, a => less.clone().weigh_add(other.slope[i].clone(), a.clone()));
        // A division takes as long as many multiplications.
        let slope = match N {
            1 => each!(slope, i, a => a.clone() / y.clone()),
            _ => {
                let reciprocal = y.lit(1.0) / y;
                each!(slope, i, a => a.clone() * reciprocal.clone())
            }
        };
        Self { value, slope }
    }
}

impl<R: Real, const N: usize> Neg for Dual<R, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, slope: each!(self.slope, i, slope => -slope.clone()) }
    }
}

impl<R: Real, const N: usize> Real for Dual<R, N> {
    type Mask = R::Mask;

    #[inline(always)]
    fn lit(&self, value: f64) -> Self {
        Self::constant(self.value.lit(value))
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let value = self.value.clone().exp();
        self.chain(value.clone(), value)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().ln(), x.lit(1.0) / x)
    }
    #[inline(always)]
    fn log1p(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().log1p(), x.lit(1.0) / (x + 1.0))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let value = self.value.clone().sqrt();
        let derivative = value.lit(0.5) / value.clone();
        self.chain(value, derivative)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let x = self.value.clone();
        let (one, zero) = (x.lit(1.0), x.lit(0.0));
        let negative = R::select(&zero.gt(&x), -one.clone(), zero);
        let sign = R::select(&x.gt_lit(0.0), one, negative);
        self.chain(x.abs(), sign)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().atan(), x.lit(1.0) / (x.square() + 1.0))
    }
    #[inline(always)]
    fn sin(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().sin(), x.cos())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().cos(), -x.sin())
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let x = self.value.clone();
        // 1 - tanh^2, without subtracting anything from 1.
        let [sigmoid, other] = (x.clone() * 2.0).sigmoids();
        let derivative = sigmoid * other * 4.0;
        self.chain(x.tanh(), derivative)
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        let x = self.value.clone();
        if exponent == 0.0 {
            return Self::constant(x.lit(1.0));
        }
        let derivative = x.clone().powf(exponent - 1.0) * exponent;
        self.chain(x.powf(exponent), derivative)
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> Self::Mask {
        self.value.gt(&other.value)
    }
    #[inline(always)]
    fn gt_lit(&self, value: f64) -> Self::Mask {
        self.value.gt_lit(value)
    }
    #[inline(always)]
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self {
        let slope = each!(yes.slope, i, a => R::select(mask, a.clone(), no.slope[i].clone()));
        Self { value: R::select(mask, yes.value, no.value), slope }
    }
    #[inline(always)]
    fn stop(self) -> Self {
        Self::constant(self.value)
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let [value, _] = self.sigmoids();
        value
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().softplus(), x.sigmoid())
    }
    #[inline(always)]
    fn sigmoids(self) -> [Self; 2] {
        let [value, other] = self.value.clone().sigmoids();
        let derivative = value.clone() * other.clone();
        [self.clone().chain(value, derivative.clone()), self.chain(other, -derivative)]
    }
    #[inline(always)]
    fn softpluses(self) -> [Self; 2] {
        let [[value, other], [derivative, of_other]] = self.value.clone().softpluses_and_sigmoids();
        [self.clone().chain(value, derivative), self.chain(other, -of_other)]
    }
    #[inline(always)]
    fn softpluses_and_sigmoids(self) -> [[Self; 2]; 2] {
        let [[value, other], [p, not_p]] = self.value.clone().softpluses_and_sigmoids();
        let derivative = p.clone() * not_p.clone();
        let softpluses = [self.clone().chain(value, p.clone()), self.clone().chain(other, -not_p.clone())];
        [softpluses, [self.clone().chain(p, derivative.clone()), self.chain(not_p, -derivative)]]
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let x = self.value.clone();
        self.chain(x.clone().exp_m1(), x.exp())
    }
    #[inline(always)]
    fn weigh(self, other: Self) -> Self {
        let value = self.value.clone().weigh(other.value.clone());
        Self { value, slope: (self * other).slope }
    }
    #[inline(always)]
    fn weigh_add(self, other: Self, term: Self) -> Self {
        self.weigh(other) + term
    }
    #[inline(always)]
    fn relu(self) -> Self {
        let x = self.value.clone();
        let step = R::select(&x.gt_lit(0.0), x.lit(1.0), x.lit(0.0));
        self.chain(x.relu(), step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares every operation of `Dual` with central differences, at points away from kinks.
    #[test]
    fn derivatives_match_central_differences() {
        type Case = (&'static str, fn(Dual<f64, 1>) -> Dual<f64, 1>);
        let cases: [Case; 33] = [
            ("exp", |x| x.exp()),
            ("exp_m1", |x| x.exp_m1()),
            ("ln", |x| (x.square() + 0.1).ln()),
            ("log1p", |x| x.square().log1p()),
            ("sqrt", |x| (x.square() + 0.5).sqrt()),
            ("abs", |x| x.abs()),
            ("atan", |x| x.atan()),
            ("sin", |x| x.sin()),
            ("cos", |x| x.cos()),
            ("tanh", |x| x.tanh()),
            ("powf", |x| (x.square() + 0.5).powf(1.7)),
            ("powf 0", |x| x.powf(0.0)),
            ("maximum", |x| x.maximum(x.square())),
            ("minimum", |x| x.minimum(x.square())),
            ("sigmoid", |x| x.sigmoid()),
            ("softplus", |x| x.softplus()),
            ("sigmoids", |x| x.sigmoids()[0]),
            ("sigmoids, of -x", |x| x.sigmoids()[1]),
            ("softpluses", |x| x.softpluses()[0]),
            ("softpluses, of -x", |x| x.softpluses()[1]),
            ("softplus beside the sigmoid", |x| x.softpluses_and_sigmoids()[0][0]),
            ("softplus of -x beside it", |x| x.softpluses_and_sigmoids()[0][1]),
            ("sigmoid beside the softplus", |x| x.softpluses_and_sigmoids()[1][0]),
            ("sigmoid of -x beside it", |x| x.softpluses_and_sigmoids()[1][1]),
            ("relu", |x| x.relu()),
            ("square", |x| x.square()),
            ("safe_sqrt", |x| x.safe_sqrt()),
            ("add", |x| x + x.exp() + 2.0),
            ("sub", |x| x.exp() - x - 2.0),
            ("mul", |x| x * x.exp() * 3.0),
            ("div", |x| x / (x.square() + 1.0)),
            ("neg", |x| -x.exp()),
            ("select", |x| Dual::select(&x.gt_lit(0.3), x.square(), x.exp())),
        ];
        for (name, f) in cases {
            for x in [-3.1, -0.7, 0.2, 0.9, 2.3] {
                let step = 1e-6;
                let at = |x: f64| f(Dual::variable(x, 0)).value;
                let expected = (at(x + step) - at(x - step)) / (2.0 * step);
                let got = f(Dual::variable(x, 0)).slope[0];
                assert!(
                    (got - expected).abs() < 1e-7 * (1.0 + expected.abs()),
                    "{name} at {x}: {got} against {expected}"
                );
            }
        }
    }

    #[test]
    fn kinks_have_the_promised_derivative() {
        let zero = Dual::<f64, 1>::variable(0.0, 0);
        assert_eq!(zero.abs().slope, [0.0]);
        assert_eq!(zero.relu().slope, [0.0]);
        assert_eq!(zero.safe_sqrt().slope, [0.0]);
        assert_eq!(zero.powf(0.0).value, 1.0);
        assert_eq!(zero.maximum(zero * -2.0).slope, [1.0]);
        assert_eq!(zero.minimum(zero * -2.0).slope, [1.0]);
        assert_eq!(zero.exp().stop().slope, [0.0]);
    }

    #[test]
    fn t74_what_does_not_change_has_no_slope() {
        let infinite = Dual::<f64, 1>::variable(f64::INFINITY, 0);
        assert_eq!((infinite * Dual::constant(2.0)).slope, [2.0]);
        assert_eq!((infinite.minimum(Dual::constant(1.0)).square()).slope, [0.0]);
        assert_eq!((infinite / Dual::constant(2.0)).slope, [0.5]);
        assert_eq!((infinite.sigmoid() * infinite).slope, [1.0]);
        let weighed = Dual::constant(0.0).weigh(infinite);
        assert_eq!((weighed.value, weighed.slope), (0.0, [0.0]));
    }

    #[test]
    fn several_variables_are_kept_apart() {
        let (a, b) = (Dual::<f64, 2>::variable(2.0, 0), Dual::variable(5.0, 1));
        assert_eq!((a * b).slope, [5.0, 2.0]);
    }
}
