//! Functions of lanes.

use super::registers::{F32Lanes, F64Lanes};
use crate::formula::Real;
use pulp::Simd;

/// The sum of c_i x^i. Even and odd powers are two sums, which do not wait for each other, but for the first two terms, which have most
/// of the digits.
#[inline(always)]
fn polynomial<R: Real + Copy, const N: usize>(x: R, coefficients: &[f64; N]) -> R {
    let square = x * x;
    let (mut sum, mut other) = (x.lit(coefficients[N - 2]), x.lit(coefficients[N - 1]));
    let mut i = N - 2;
    while i >= 4 {
        i -= 2;
        sum = sum.mul_add(square, x.lit(coefficients[i]));
        other = other.mul_add(square, x.lit(coefficients[i + 1]));
    }
    sum = other.mul_add(x, sum);
    while i > 0 {
        i -= 1;
        sum = sum.mul_add(x, x.lit(coefficients[i]));
    }
    sum
}

/// 1/n! from n = `first`: e^x, or (e^x - 1)/x, where |x| <= ln(2)/2.
const fn taylor<const N: usize>(first: usize) -> [f64; N] {
    let mut terms = [1.0; N];
    let mut n = 1;
    while n < N {
        terms[n] = terms[n - 1] / (n + first) as f64;
        n += 1;
    }
    terms
}

macro_rules! functions {
    (
        $lanes:ident of $float:ident, $bits:ident, $mask:ident;
        mantissa $mantissa:literal, bias $bias:literal;
        ln_2 $ln_2_high:literal + $ln_2_low:literal;
        half_pi $half_pi_high:expr, $half_pi_low:expr;
        exp_terms $exp_terms:literal, exp_range $least:literal..$most:literal;
        ln $ln:expr;
        atan $atan:expr;
        tanh $tanh:expr;
    ) => {
        pastey::paste! {
            impl<S: Simd> $lanes<S> {
                /// 1.5 x 2^mantissa: a number that is added to it is rounded to an integer.
                const ROUND: f64 = 1.5 * (1u64 << $mantissa) as f64;

                /// 2^self of integers, split into two factors: the whole range of exponents needs them.
                #[inline(always)]
                fn times_power_of_2(self, power: Self) -> Self {
                    let biased = self.splat(Self::ROUND + $bias as f64);
                    let half = power.mul_add(self.splat(0.5), biased);
                    let rest = power - (half - biased) + biased;
                    self * half.shifted_left($mantissa) * rest.shifted_left($mantissa)
                }

                /// self = n ln(2) + r, of numbers whose exponential is neither 0 nor infinite: (n, r).
                #[inline(always)]
                fn power_and_rest(self) -> (Self, Self) {
                    let x = self.splat($least).if_else(self.less($least), self);
                    let x = self.splat($most).if_else(x.gt_lit($most), x);
                    let n = x.mul_add(self.splat(core::f64::consts::LOG2_E), self.splat(Self::ROUND)) - Self::ROUND;
                    let r = n.mul_add(self.splat(-$ln_2_high), x);
                    (n, n.mul_add(self.splat(-$ln_2_low), r))
                }

                /// -|self|
                #[inline(always)]
                fn minus_abs(self) -> Self {
                    self.with_bits(self.simd.[<or_ $bits s>](self.bits(), self.splat(-0.0).bits()))
                }

                /// x = 2^k (1 + f), with f between sqrt(1/2) - 1 and sqrt(2) - 1: (k, f) of normal positive numbers.
                #[inline(always)]
                fn exponent_and_fraction(self) -> (Self, Self) {
                    let simd = self.simd;
                    let one = (1.0 as $float).to_bits();
                    let least = core::$float::consts::FRAC_1_SQRT_2.to_bits();
                    let bits = simd.[<add_ $bits s>](self.bits(), self.splat_bits(one - least));
                    let exponent = self.with_bits(bits).shifted_right($mantissa).bits();
                    // An integer in the last digits of 2^mantissa.
                    let integer = ((1u64 << $mantissa) as $float).to_bits();
                    let exponent = self.with_bits(simd.[<or_ $bits s>](exponent, self.splat_bits(integer)));
                    let k = exponent - ((1u64 << $mantissa) as f64 + $bias as f64);
                    let digits = simd.[<and_ $bits s>](bits, self.splat_bits((1 << $mantissa) - 1));
                    let digits = simd.[<add_ $bits s>](digits, self.splat_bits(least));
                    (k, self.with_bits(digits) - 1.0)
                }

                /// ln(1 + f) - f, for such an f.
                #[inline(always)]
                fn ln_1p_rest(self) -> Self {
                    let square = self * self;
                    let cubic = polynomial(self, &$ln) * self;
                    square * (cubic - 0.5)
                }

                /// k ln(2) + ln(1 + f) + small.
                #[inline(always)]
                fn ln_of(k: Self, f: Self, small: Self) -> Self {
                    let low = k.mul_add(k.splat($ln_2_low), small + f.ln_1p_rest());
                    k.mul_add(k.splat($ln_2_high), f + low)
                }

                /// ln(1 + x) for x in [0, 1].
                #[inline(always)]
                fn ln_1p_of_fraction(self) -> Self {
                    let far = self.gt_lit(core::f64::consts::SQRT_2 - 1.0);
                    let half = self.mul_add(self.splat(0.5), self.splat(-0.5));
                    let f = half.if_else(far, self);
                    let ln_2 = self.splat(core::f64::consts::LN_2).if_else(far, self.splat(0.0));
                    f.ln_1p_rest() + f + ln_2
                }
            }

            impl<S: Simd> Real for $lanes<S> {
                type Mask = S::[<$mask s>];

                #[inline(always)]
                fn lit(&self, value: f64) -> Self {
                    self.splat(value)
                }
                #[inline(always)]
                fn exp(self) -> Self {
                    let (n, r) = self.power_and_rest();
                    polynomial(r, &taylor::<$exp_terms>(0)).times_power_of_2(n)
                }
                #[inline(always)]
                fn exp_m1(self) -> Self {
                    let (n, r) = self.power_and_rest();
                    let rest = polynomial(r, &taylor::<$exp_terms>(1)) * r;
                    let one = self.splat(1.0);
                    let y = (rest + (one - one.times_power_of_2(-n))).times_power_of_2(n);
                    let y = (-one).if_else(self.less(-40.0), y);
                    // -0 stays what it is, and so does what has no digits to lose.
                    self.if_else(Real::abs(self).less($float::EPSILON as f64 / 4.0), y)
                }
                #[inline(always)]
                fn ln(self) -> Self {
                    // Numbers that are not normal have their digits elsewhere.
                    let small = self.less($float::MIN_POSITIVE as f64);
                    let x = (self * (1u64 << $mantissa) as f64).if_else(small, self);
                    let (k, f) = x.exponent_and_fraction();
                    let k = (k - $mantissa as f64).if_else(small, k);
                    let y = Self::ln_of(k, f, self.splat(0.0));
                    let y = y.if_else(self.less(f64::INFINITY), self);
                    let y = self.splat(f64::NAN).if_else(self.less(0.0), y);
                    self.splat(f64::NEG_INFINITY).if_else(self.equal(0.0), y)
                }
                #[inline(always)]
                fn log1p(self) -> Self {
                    let sum = self + 1.0;
                    // What the sum has lost.
                    let back = sum - 1.0;
                    let lost = (self.splat(1.0) - (sum - back)) + (self - back);
                    let (k, f) = sum.exponent_and_fraction();
                    // lost / sum; its first digits are enough: 1/m = 2 - m + (m - 1)^2 - ..
                    let reciprocal = f.mul_add(f - 1.0, self.splat(1.0));
                    let small = (lost * reciprocal).times_power_of_2(-k);
                    let y = Self::ln_of(k, f, small);
                    let y = Real::ln(self).if_else(self.gt_lit((4u64 << $mantissa) as f64), y);
                    let y = self.if_else(Real::abs(self).less(1e-30), y);
                    let y = self.splat(f64::NAN).if_else(self.less(-1.0), y);
                    let y = self.splat(f64::NEG_INFINITY).if_else(self.equal(-1.0), y);
                    y.if_else(self.simd.[<equal_ $float s>](self.lanes, self.lanes), self)
                }
                #[inline(always)]
                fn mul_add(self, factor: Self, term: Self) -> Self {
                    self.with(self.simd.[<mul_add_e_ $float s>](self.lanes, factor.lanes, term.lanes))
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    self.with(self.simd.[<sqrt_ $float s>](self.lanes))
                }
                #[inline(always)]
                fn abs(self) -> Self {
                    let digits = self.splat_bits($bits::MAX >> 1);
                    self.with_bits(self.simd.[<and_ $bits s>](self.bits(), digits))
                }
                #[inline(always)]
                fn atan(self) -> Self {
                    // tan(pi/8) and tan(3 pi/8)
                    let a = Real::abs(self);
                    let (middle, far) = (a.gt_lit(0.414_213_562_373_095), a.gt_lit(2.414_213_562_373_095));
                    let one = self.splat(1.0);
                    let above = (-one).if_else(far, (a - 1.0).if_else(middle, a));
                    let below = a.if_else(far, (a + 1.0).if_else(middle, one));
                    let t = above / below;
                    let zero = self.splat(0.0);
                    let (high, low) = (self.splat($half_pi_high), self.splat($half_pi_low));
                    let half = self.splat(0.5);
                    let share = one.if_else(far, half.if_else(middle, zero));
                    let square = t * t;
                    let rest = polynomial(square, &$atan) * square * t;
                    let rest = low.mul_add(share, rest);
                    high.mul_add(share, t + rest).with_sign_of(self)
                }
                #[inline(always)]
                fn sin(self) -> Self {
                    self.each($float::sin)
                }
                #[inline(always)]
                fn cos(self) -> Self {
                    self.each($float::cos)
                }
                #[inline(always)]
                fn tanh(self) -> Self {
                    let square = self * self;
                    let rest = polynomial(square, &$tanh);
                    let near = (rest * square).mul_add(self, self);
                    let e = Real::exp(Real::abs(self) * 2.0);
                    let far = self.splat(1.0) - self.splat(2.0) / (e + 1.0);
                    far.with_sign_of(self).if_else(Real::abs(self).gt_lit(0.55), near)
                }
                #[inline(always)]
                fn powf(self, exponent: f64) -> Self {
                    let square = self * self;
                    match exponent {
                        0.0 => self.splat(1.0),
                        0.5 => Real::sqrt(self),
                        1.0 => self,
                        1.5 => self * Real::sqrt(self),
                        2.0 => square,
                        3.0 => square * self,
                        4.0 => square * square,
                        -1.0 => self.splat(1.0) / self,
                        _ => self.each(#[inline(always)] |x| x.powf(exponent as $float)),
                    }
                }
                #[inline(always)]
                fn maximum(self, other: Self) -> Self {
                    other.if_else(other.gt(&self), self)
                }
                #[inline(always)]
                fn minimum(self, other: Self) -> Self {
                    other.if_else(self.gt(&other), self)
                }
                #[inline(always)]
                fn gt(&self, other: &Self) -> Self::Mask {
                    self.simd.[<greater_than_ $float s>](self.lanes, other.lanes)
                }
                #[inline(always)]
                fn gt_lit(&self, value: f64) -> Self::Mask {
                    self.gt(&self.splat(value))
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
                    let e = Real::exp(self.minus_abs());
                    let (one, is_negative) = (self.splat(1.0), self.less(0.0));
                    let sum = e + 1.0;
                    [e.if_else(is_negative, one) / sum, one.if_else(is_negative, e) / sum]
                }
                #[inline(always)]
                fn softpluses(self) -> [Self; 2] {
                    let rest = Real::exp(self.minus_abs()).ln_1p_of_fraction();
                    [Real::relu(self) + rest, Real::relu(-self) + rest]
                }
                #[inline(always)]
                fn relu(self) -> Self {
                    self.splat(0.0).if_else(self.less(0.0), self)
                }
            }
        }
    };
}

// The coefficients of ln, atan and tanh interpolate (ln(1 + f) - f + f^2/2) / f^3, (atan(t) - t) / t^3 and (tanh(t) - t) / t^3, the
// latter two as polynomials of t^2, at the Chebyshev nodes of their intervals: reference/polynomials.py computes them. Their error
// is below 2^-28 and 2^-61 of the value.
functions! {
    F32Lanes of f32, u32, m32;
    mantissa 23, bias 127;
    ln_2 0.693_145_751_953_125 + 0.000_001_428_606_820_309_417_3;
    half_pi 1.570_796_370_506_286_6, -4.371_139_000_186_241e-8;
    exp_terms 8, exp_range -104.0..89.0;
    ln [
        0.333_333_311_800_300_46, -0.249_999_969_579_508_82, 0.200_007_157_488_921_03, -0.166_678_023_195_012_54,
        0.142_490_576_456_974_8, -0.124_256_873_314_511_06, 0.116_854_199_234_867_4, -0.114_797_338_466_376_37,
        0.069_716_114_714_511_78,
    ];
    atan [
        -0.333_333_317_611_685_2, 0.199_995_404_836_489_64, -0.142_639_555_979_846_4, 0.107_437_314_907_910_84,
        -0.064_519_282_081_217_49,
    ];
    tanh [
        -0.333_333_320_079_769_8, 0.133_331_137_290_208_7, -0.053_909_428_827_460_55, 0.021_309_388_664_443_474,
        -0.006_610_227_831_114_734,
    ];
}
functions! {
    F64Lanes of f64, u64, m64;
    mantissa 52, bias 1023;
    ln_2 0.693_147_180_369_123_8 + 1.908_214_929_270_587_7e-10;
    half_pi core::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17;
    exp_terms 14, exp_range -746.0..710.0;
    ln [
        0.333_333_333_333_333_3, -0.250_000_000_000_000_06, 0.200_000_000_000_001_87, -0.166_666_666_666_640_1,
        0.142_857_142_856_493_15, -0.125_000_000_004_496_04, 0.111_111_111_199_532_17, -0.099_999_999_689_816_15,
        0.090_909_084_744_293_1, -0.083_333_342_197_782_31, 0.076_923_323_676_442_33, -0.071_428_567_737_364_42,
        0.066_660_739_997_282_8, -0.062_493_683_330_542_255, 0.058_908_107_429_987_304, -0.055_726_100_282_854_13,
        0.051_979_802_601_619_045, -0.047_929_379_856_894_314, 0.049_314_321_093_220_28, -0.057_264_502_758_265_015,
        0.051_456_860_766_944_1, -0.021_637_070_743_701_85,
    ];
    atan [
        -0.333_333_333_333_333_3, 0.199_999_999_999_998_04, -0.142_857_142_856_598_28, 0.111_111_111_051_554_47,
        -0.090_909_087_535_008_77, 0.076_922_963_750_321_43, -0.066_664_248_857_382_55, 0.058_789_289_978_347_75,
        -0.052_304_542_706_502_44, 0.045_515_932_206_265_49, -0.034_570_561_981_427_744, 0.016_285_756_855_221_028,
    ];
    tanh [
        -0.333_333_333_333_333_3, 0.133_333_333_333_333_1, -0.053_968_253_968_220_37, 0.021_869_488_534_073_91,
        -0.008_863_235_463_146_8, 0.003_592_126_769_962_634_6, -0.001_455_819_097_151_351, 0.000_589_905_296_949_273_3,
        -0.000_238_472_724_801_525_2, 0.000_094_551_330_529_248_58, -0.000_033_720_801_120_463_16, 0.000_007_874_274_345_344_419,
    ];
}
