//! The arithmetic that a formula may use.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A number, or many numbers at once, that a [`Formula`](super::Formula) can compute with.
///
/// `f64`, [`F32`], Burn's `Tensor<D>` and [`Dual`](super::Dual) of any of them are `Real`. Constants enter through the operators
/// with an `f64` on the right (`x * 2.0 - 1.0`), which cost nothing on tensors. There is no division by an `f64`, since Burn
/// differentiates it in single precision, whatever the precision of the tensor: multiply by the reciprocal instead.
///
/// Laws that every implementation keeps:
/// - derivatives at kinks: `abs'(0) = 0`, `relu'(0) = 0`; at a tie `maximum` and `minimum` have the derivative of `self`;
/// - where a function has a limit at infinity, an infinite argument gives that limit, as value and as derivative;
/// - `select` blocks a NaN or infinite derivative of the branch not taken, if that branch's *value* is finite and its *inputs*
///   were made safe first (sanitize the argument of `ln`, `sqrt`, `/`, then select);
/// - `powf(0.0)` is the constant 1; a power that is not an integer needs a positive base.
pub trait Real:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    /// The outcome of a comparison: one truth value per number.
    type Mask: Clone;

    /// The constant `value`, shaped like `self`. Prefer the operators with an `f64` where they are enough.
    fn lit(&self, value: f64) -> Self;
    /// e to the power of `self`.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + self), precise for small `self`.
    fn log1p(self) -> Self;
    /// The square root; its derivative at 0 is infinite, see [`safe_sqrt`](Self::safe_sqrt).
    fn sqrt(self) -> Self;
    /// The absolute value, with derivative 0 at 0.
    fn abs(self) -> Self;
    /// The arc tangent, in radians.
    fn atan(self) -> Self;
    /// The sine of radians.
    fn sin(self) -> Self;
    /// The cosine of radians.
    fn cos(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `self` to a constant power. `powf(0.0)` is the constant 1, also at 0.
    fn powf(self, exponent: f64) -> Self;
    /// The mask that is true where `self > other`.
    fn gt(&self, other: &Self) -> Self::Mask;
    /// `yes` where the mask is true, else `no`.
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self;
    /// `self` as a constant: no derivative flows through.
    fn stop(self) -> Self;
    /// The logistic function 1 / (1 + e^-x), finite everywhere.
    fn sigmoid(self) -> Self;
    /// ln(1 + e^x), finite everywhere; its derivative is the sigmoid.
    fn softplus(self) -> Self;

    /// max(0, x), with derivative 0 at 0.
    fn relu(self) -> Self;

    /// The mask that is true where `self > value`.
    #[inline(always)]
    fn gt_lit(&self, value: f64) -> Self::Mask {
        self.gt(&self.lit(value))
    }

    /// The larger of the two; at a tie the derivative is that of `self`.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        Self::select(&other.gt(&self), other, self)
    }

    /// The smaller of the two; at a tie the derivative is that of `self`.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        Self::select(&self.gt(&other), other, self)
    }

    /// `self * other`, where 0 times anything is 0, also 0 times an infinity. Write this for the product of a weight, a
    /// probability or a share with a number that may be infinite.
    ///
    /// Vectors multiply as usual: the kernel that they run in computes every NaN once more, number by number.
    #[inline(always)]
    fn weigh(self, other: Self) -> Self {
        self * other
    }

    /// `self * other + term`, with the product as in [`weigh`](Self::weigh).
    #[doc(hidden)]
    #[inline(always)]
    fn weigh_add(self, other: Self, term: Self) -> Self {
        self.mul_add(other, term)
    }

    /// `self * factor + term`, in one step where the machine has one for it.
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }

    /// The sigmoids of x and of -x. They add up to 1, and each has all its digits.
    #[inline(always)]
    fn sigmoids(self) -> [Self; 2] {
        [self.clone().sigmoid(), (-self).sigmoid()]
    }

    /// The softplus of x and of -x.
    #[inline(always)]
    fn softpluses(self) -> [Self; 2] {
        [self.clone().softplus(), (-self).softplus()]
    }

    /// The softpluses of x and of -x, and the sigmoids of x and of -x, which are their derivatives.
    #[inline(always)]
    fn softpluses_and_sigmoids(self) -> [[Self; 2]; 2] {
        [self.clone().softpluses(), self.sigmoids()]
    }

    /// The square.
    #[inline(always)]
    fn square(self) -> Self {
        self.clone() * self
    }

    /// e^x - 1, precise for small x.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        // Near 0 it is a series, whose thirteenth term is below the last digit of an `f64`.
        const NEAR: f64 = 0.25;
        let far = self.clone().abs().gt_lit(NEAR);
        let near = Self::select(&far, self.lit(0.0), self.clone());
        let mut series = self.lit(1.0);
        for n in (2..=12).rev() {
            series = series * near.clone() * (1.0 / f64::from(n)) + 1.0;
        }
        Self::select(&far, self.exp() - 1.0, series * near)
    }

    /// The square root with derivative 0 at 0, where the true derivative is infinite. A number below 1e-37 counts as 0.
    #[inline(always)]
    fn safe_sqrt(self) -> Self {
        let nothing = super::safe::is_below(&self, 1e-37);
        let (one, zero) = (self.lit(1.0), self.lit(0.0));
        Self::select(&nothing, zero, Self::select(&nothing, one, self).sqrt())
    }
}

/// An `f32` as a [`Real`]. (A plain `f32` cannot be one: Rust has no `f32 + f64` and no crate may add it.)
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct F32(pub f32);

/// Implements operators for a type of numbers: first `always` or `never`, whether they are inlined, then its generic parameters. Each
/// entry has a trait with its method, both operands, and the result.
macro_rules! operators {
    (@ $inline:ident [$($parameters:tt)*] $real:ty: $operator:ident $method:ident |$a:ident, $b:ident: $other:ty| $result:expr) => {
        impl<$($parameters)*> ::core::ops::$operator<$other> for $real {
            type Output = Self;
            #[inline($inline)]
            fn $method(self, $b: $other) -> Self {
                let $a = self;
                $result
            }
        }
    };
    ($inline:ident $parameters:tt $real:ty: $($operator:ident $method:ident |$a:ident, $b:ident: $other:ty| $result:expr;)+) => {
        $($crate::formula::operators! { @ $inline $parameters $real: $operator $method |$a, $b: $other| $result })+
    };
}

/// Implements functions of a wrapped number, inlined `always` or `never`: `$get` takes the number out, and `$make` wraps the result.
macro_rules! functions {
    ($inline:ident |$x:ident| $get:expr, |$result:ident| $make:expr; $($function:ident),+) => {$(
        #[inline($inline)]
        fn $function(self) -> Self {
            let $x = self;
            let $result = $get.$function();
            $make
        }
    )+};
}

/// Implements the functions of a number for a wrapped float: `$get` takes the float out, and `$make` wraps it.
macro_rules! scalar {
    ($real:ty, $float:ty, |$x:ident| $get:expr, $make:path) => {
        impl $crate::formula::Real for $real {
            type Mask = bool;

            $crate::formula::functions!(always |$x| $get, |y| $make(y); exp, ln, sqrt, abs, atan, sin, cos, tanh, exp_m1);

            #[inline(always)]
            fn lit(&self, value: f64) -> Self {
                $make(value as $float)
            }
            #[inline(always)]
            fn log1p(self) -> Self {
                let $x = self;
                $make($get.ln_1p())
            }
            #[inline(always)]
            fn powf(self, exponent: f64) -> Self {
                let $x = self;
                $make($get.powf(exponent as $float))
            }
            #[inline(always)]
            fn gt(&self, other: &Self) -> bool {
                let $x = *self;
                let number = $get;
                let $x = *other;
                number > $get
            }
            #[inline(always)]
            fn select(mask: &bool, yes: Self, no: Self) -> Self {
                if *mask { yes } else { no }
            }
            #[inline(always)]
            fn stop(self) -> Self {
                self
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                let $x = self;
                let e = (-$get.abs()).exp();
                $make(if $get >= 0.0 { 1.0 } else { e } / (1.0 + e))
            }
            #[inline(always)]
            fn softplus(self) -> Self {
                let $x = self;
                $make($get.max(0.0) + (-$get.abs()).exp().ln_1p())
            }
            #[inline(always)]
            fn relu(self) -> Self {
                $crate::formula::Real::maximum(self, self.lit(0.0))
            }
            #[inline(always)]
            fn weigh(self, other: Self) -> Self {
                let zero = self.lit(0.0);
                if self == zero || other == zero { zero } else { self * other }
            }
            #[inline(always)]
            fn weigh_add(self, other: Self, term: Self) -> Self {
                self.weigh(other) + term
            }
        }
    };
}
pub(crate) use functions;
pub(crate) use operators;
pub(super) use scalar;

operators! { always [] F32:
    Add add |a, b: Self| Self(a.0 + b.0);
    Sub sub |a, b: Self| Self(a.0 - b.0);
    Mul mul |a, b: Self| Self(a.0 * b.0);
    Div div |a, b: Self| Self(a.0 / b.0);
    Add add |a, b: f64| Self(a.0 + b as f32);
    Sub sub |a, b: f64| Self(a.0 - b as f32);
    Mul mul |a, b: f64| Self(a.0 * b as f32);
}

impl Neg for F32 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

scalar!(f64, f64, |x| x, core::convert::identity);
scalar!(F32, f32, |x| x.0, F32);
