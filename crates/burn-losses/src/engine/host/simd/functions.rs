//! Functions of lanes.

use super::{Float, Lanes};
use crate::formula::Real;
use core::f64::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E, SQRT_2};
use pulp::Simd;

impl<S: Simd, T: Float> Lanes<S, T> {
    /// 2^mantissa: all numbers from here on are integers.
    const INTEGERS: f64 = (1u64 << T::MANTISSA) as f64;
    /// Adding this number to another one rounds that one to an integer.
    const ROUND: f64 = 1.5 * Self::INTEGERS;

    /// self times 2^power, for an integer power. 2^power is split into two factors, since one factor cannot cover the whole range
    /// of exponents.
    #[inline(always)]
    fn times_power_of_2(self, power: Self) -> Self {
        let biased = self.splat(Self::ROUND + T::BIAS);
        let half = power.mul_add(self.splat(0.5), biased);
        let rest = power - (half - biased) + biased;
        self * half.shifted_left(T::MANTISSA) * rest.shifted_left(T::MANTISSA)
    }

    /// (n, r) with self = n ln(2) + r, for a number whose exponential is neither 0 nor infinite.
    #[inline(always)]
    fn power_and_rest(self) -> (Self, Self) {
        let x = self.splat(T::EXP_LEAST).if_else(self.less(T::EXP_LEAST), self);
        let x = self.splat(T::EXP_MOST).if_else(x.gt_lit(T::EXP_MOST), x);
        let n = x.mul_add(self.splat(LOG2_E), self.splat(Self::ROUND)) - Self::ROUND;
        let r = n.mul_add(self.splat(-T::LN_2_HIGH), x);
        (n, n.mul_add(self.splat(-T::LN_2_LOW), r))
    }

    /// -|self|
    #[inline(always)]
    fn minus_abs(self) -> Self {
        self.with_bits(T::or(self.simd, self.bits(), self.sign_bits()))
    }

    /// (k, f) with self = 2^k (1 + f), for a normal positive number; f is between sqrt(1/2) - 1 and sqrt(2) - 1.
    #[inline(always)]
    fn exponent_and_fraction(self) -> (Self, Self) {
        let simd = self.simd;
        let (one, least) = (T::from_f64(1.0).to_bits(), T::from_f64(FRAC_1_SQRT_2).to_bits());
        let bits = T::sum_of_bits(simd, self.bits(), self.splat_bits(one - least));
        // Puts the integer into the last digits of 2^mantissa.
        let integer = self.splat_bits(T::from_f64(Self::INTEGERS).to_bits());
        let exponent = T::or(simd, T::shift_right(simd, bits, T::MANTISSA), integer);
        let k = self.with_bits(exponent) - (Self::INTEGERS + T::BIAS);
        let digits = T::and(simd, bits, self.splat_bits((1 << T::MANTISSA) - 1));
        let digits = T::sum_of_bits(simd, digits, self.splat_bits(least));
        (k, self.with_bits(digits) - 1.0)
    }

    /// ln(1 + f) - f, for f between sqrt(1/2) - 1 and sqrt(2) - 1.
    #[inline(always)]
    fn ln_1p_rest(self) -> Self {
        let square = self * self;
        let cubic = T::ln_series(self) * self;
        square * (cubic - 0.5)
    }

    /// k ln(2) + ln(1 + f) + small.
    #[inline(always)]
    fn ln_of(k: Self, f: Self, small: Self) -> Self {
        let low = k.mul_add(k.splat(T::LN_2_LOW), small + f.ln_1p_rest());
        k.mul_add(k.splat(T::LN_2_HIGH), f + low)
    }

    /// ln(1 + x) for x in [0, 1].
    #[inline(always)]
    fn ln_1p_of_fraction(self) -> Self {
        let far = self.gt_lit(SQRT_2 - 1.0);
        let half = self.mul_add(self.splat(0.5), self.splat(-0.5));
        let f = half.if_else(far, self);
        let ln_2 = self.splat(LN_2).if_else(far, self.splat(0.0));
        f.ln_1p_rest() + f + ln_2
    }
}

/// Functions that take e^-|x| as an argument too.
impl<S: Simd, T: Float> Lanes<S, T> {
    #[inline(always)]
    fn sigmoids_of(self, power: Self) -> [Self; 2] {
        let (one, is_negative) = (self.splat(1.0), self.less(0.0));
        let sum = power + 1.0;
        [power.if_else(is_negative, one) / sum, one.if_else(is_negative, power) / sum]
    }

    #[inline(always)]
    fn softpluses_of(self, power: Self) -> [Self; 2] {
        let rest = power.ln_1p_of_fraction();
        [self.relu() + rest, (-self).relu() + rest]
    }
}

impl<S: Simd, T: Float> Real for Lanes<S, T> {
    type Mask = T::Mask<S>;

    #[inline(always)]
    fn lit(&self, value: f64) -> Self {
        self.splat(value)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let (n, r) = self.power_and_rest();
        T::exp_series(r).times_power_of_2(n)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let (n, r) = self.power_and_rest();
        let rest = T::exp_m1_series(r) * r;
        let one = self.splat(1.0);
        let y = (rest + (one - one.times_power_of_2(-n))).times_power_of_2(n);
        let y = (-one).if_else(self.less(-40.0), y);
        // -0 stays -0, and a number so small that e^x - 1 rounds to it is returned as it is.
        self.if_else(self.abs().less(T::EPSILON / 4.0), y)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        // Subnormal numbers are scaled to normal ones first, since their bits have another layout.
        let small = self.less(T::MIN_POSITIVE);
        let x = (self * Self::INTEGERS).if_else(small, self);
        let (k, f) = x.exponent_and_fraction();
        let k = (k - f64::from(T::MANTISSA)).if_else(small, k);
        let y = Self::ln_of(k, f, self.splat(0.0));
        let y = y.if_else(self.less(f64::INFINITY), self);
        let y = self.splat(f64::NAN).if_else(self.less(0.0), y);
        self.splat(f64::NEG_INFINITY).if_else(self.equal(0.0), y)
    }
    #[inline(always)]
    fn log1p(self) -> Self {
        let sum = self + 1.0;
        // The rounding error of the sum.
        let back = sum - 1.0;
        let lost = (self.splat(1.0) - (sum - back)) + (self - back);
        let (k, f) = sum.exponent_and_fraction();
        // lost / sum, whose first digits are enough: 1/m = 2 - m + (m - 1)^2 - ..
        let reciprocal = f.mul_add(f - 1.0, self.splat(1.0));
        let small = (lost * reciprocal).times_power_of_2(-k);
        let y = Self::ln_of(k, f, small);
        let y = self.ln().if_else(self.gt_lit(4.0 * Self::INTEGERS), y);
        let y = self.if_else(self.abs().less(1e-30), y);
        let y = self.splat(f64::NAN).if_else(self.less(-1.0), y);
        let y = self.splat(f64::NEG_INFINITY).if_else(self.equal(-1.0), y);
        y.if_else(T::equal(self.simd, self.register, self.register), self)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.with(T::mul_add(self.simd, self.register, factor.register, term.register))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.with(T::sqrt(self.simd, self.register))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.with_bits(T::and(self.simd, self.bits(), self.splat_bits(T::from_f64(-0.0).to_bits() - 1)))
    }
    #[inline(always)]
    fn atan(self) -> Self {
        // The limits are tan(pi/8) and tan(3 pi/8).
        let a = self.abs();
        let (middle, far) = (a.gt_lit(0.414_213_562_373_095), a.gt_lit(2.414_213_562_373_095));
        let one = self.splat(1.0);
        let above = (-one).if_else(far, (a - 1.0).if_else(middle, a));
        let below = a.if_else(far, (a + 1.0).if_else(middle, one));
        let t = above / below;
        let zero = self.splat(0.0);
        let (high, low) = (self.splat(T::HALF_PI_HIGH), self.splat(T::HALF_PI_LOW));
        let half = self.splat(0.5);
        let share = one.if_else(far, half.if_else(middle, zero));
        let square = t * t;
        let rest = T::atan_series(square) * square * t;
        let rest = low.mul_add(share, rest);
        high.mul_add(share, t + rest).with_sign_of(self)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.each(T::sin)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.each(T::cos)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let square = self * self;
        let rest = T::tanh_series(square);
        let near = (rest * square).mul_add(self, self);
        let e = (self.abs() * 2.0).exp();
        let far = self.splat(1.0) - self.splat(2.0) / (e + 1.0);
        far.with_sign_of(self).if_else(self.abs().gt_lit(0.55), near)
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        let square = self * self;
        match exponent {
            0.0 => self.splat(1.0),
            0.5 => self.sqrt(),
            1.0 => self,
            1.5 => self * self.sqrt(),
            2.0 => square,
            3.0 => square * self,
            4.0 => square * square,
            -1.0 => self.splat(1.0) / self,
            _ => self.each(
                #[inline(always)]
                |x| x.powf(exponent),
            ),
        }
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> Self::Mask {
        T::greater_than(self.simd, self.register, other.register)
    }
    #[inline(always)]
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self {
        yes.if_else(*mask, no)
    }
    #[inline(always)]
    fn stop(self) -> Self {
        self
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let [value, _] = self.sigmoids();
        value
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        let [value, _] = self.softpluses();
        value
    }
    #[inline(always)]
    fn sigmoids(self) -> [Self; 2] {
        self.sigmoids_of(self.minus_abs().exp())
    }
    #[inline(always)]
    fn softpluses(self) -> [Self; 2] {
        self.softpluses_of(self.minus_abs().exp())
    }
    #[inline(always)]
    fn softpluses_and_sigmoids(self) -> [[Self; 2]; 2] {
        let power = self.minus_abs().exp();
        [self.softpluses_of(power), self.sigmoids_of(power)]
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.splat(0.0).if_else(self.less(0.0), self)
    }
}
