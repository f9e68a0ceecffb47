//! The constants that the functions of lanes need, for single and for double precision.

use crate::formula::Real;

/// The constants and series of a type of float, for [`functions`](super::functions).
pub(crate) trait Coefficients: 'static {
    /// The number of binary digits after the first one.
    const MANTISSA: u32;
    /// The bias of the exponent: the number that is added to it in the bits of a float.
    const BIAS: f64;
    /// The distance from 1 to the next number.
    const EPSILON: f64;
    /// The smallest normal number: the smallest one that has all digits.
    const MIN_POSITIVE: f64;
    /// The first digits of ln(2); the product with an integer of an exponent's size is exact.
    const LN_2_HIGH: f64;
    /// The rest of ln(2).
    const LN_2_LOW: f64;
    /// The first digits of pi/2.
    const HALF_PI_HIGH: f64;
    /// The rest of pi/2.
    const HALF_PI_LOW: f64;
    /// Below this number, the exponential is 0.
    const EXP_LEAST: f64;
    /// Above this number, the exponential is infinite.
    const EXP_MOST: f64;

    /// e^x for |x| <= ln(2)/2.
    fn exp_series<R: Real + Copy>(x: R) -> R;
    /// (e^x - 1) / x for |x| <= ln(2)/2.
    fn exp_m1_series<R: Real + Copy>(x: R) -> R;
    /// (ln(1 + f) - f + f^2/2) / f^3 for f between sqrt(1/2) - 1 and sqrt(2) - 1.
    fn ln_series<R: Real + Copy>(f: R) -> R;
    /// (atan(t) - t) / t^3, as a function of the square of t.
    fn atan_series<R: Real + Copy>(square: R) -> R;
    /// (tanh(t) - t) / t^3, as a function of the square of t.
    fn tanh_series<R: Real + Copy>(square: R) -> R;
}

/// The sum of c_i x^i. The even and the odd powers are summed separately, so that neither sum waits for the other. The first
/// terms, which have most of the digits, are added last.
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

/// The coefficients 1/n! from n = `first` on: of e^x, or of (e^x - 1)/x, for |x| <= ln(2)/2.
const fn taylor<const N: usize>(first: usize) -> [f64; N] {
    let mut terms = [1.0; N];
    let mut n = 1;
    while n < N {
        terms[n] = terms[n - 1] / (n + first) as f64;
        n += 1;
    }
    terms
}

// The series of ln, atan and tanh interpolate their functions at the Chebyshev nodes of the intervals: reference/polynomials.py
// computes them. Their error is below 2^-28 and 2^-61 of the value.

impl Coefficients for f32 {
    const MANTISSA: u32 = f32::MANTISSA_DIGITS - 1;
    const BIAS: f64 = 127.0;
    const EPSILON: f64 = f32::EPSILON as f64;
    const MIN_POSITIVE: f64 = f32::MIN_POSITIVE as f64;
    const LN_2_HIGH: f64 = 0.693_145_751_953_125;
    const LN_2_LOW: f64 = 0.000_001_428_606_820_309_417_3;
    const HALF_PI_HIGH: f64 = 1.570_796_370_506_286_6;
    const HALF_PI_LOW: f64 = -4.371_139_000_186_241e-8;
    const EXP_LEAST: f64 = -104.0;
    const EXP_MOST: f64 = 89.0;

    #[inline(always)]
    fn exp_series<R: Real + Copy>(x: R) -> R {
        polynomial(x, &taylor::<8>(0))
    }

    #[inline(always)]
    fn exp_m1_series<R: Real + Copy>(x: R) -> R {
        polynomial(x, &taylor::<8>(1))
    }

    #[inline(always)]
    fn ln_series<R: Real + Copy>(f: R) -> R {
        polynomial(
            f,
            &[
                0.333_333_311_800_300_46,
                -0.249_999_969_579_508_82,
                0.200_007_157_488_921_03,
                -0.166_678_023_195_012_54,
                0.142_490_576_456_974_8,
                -0.124_256_873_314_511_06,
                0.116_854_199_234_867_4,
                -0.114_797_338_466_376_37,
                0.069_716_114_714_511_78,
            ],
        )
    }

    #[inline(always)]
    fn atan_series<R: Real + Copy>(square: R) -> R {
        polynomial(
            square,
            &[
                -0.333_333_317_611_685_2,
                0.199_995_404_836_489_64,
                -0.142_639_555_979_846_4,
                0.107_437_314_907_910_84,
                -0.064_519_282_081_217_49,
            ],
        )
    }

    #[inline(always)]
    fn tanh_series<R: Real + Copy>(square: R) -> R {
        polynomial(
            square,
            &[
                -0.333_333_320_079_769_8,
                0.133_331_137_290_208_7,
                -0.053_909_428_827_460_55,
                0.021_309_388_664_443_474,
                -0.006_610_227_831_114_734,
            ],
        )
    }
}

impl Coefficients for f64 {
    const MANTISSA: u32 = f64::MANTISSA_DIGITS - 1;
    const BIAS: f64 = 1023.0;
    const EPSILON: f64 = f64::EPSILON;
    const MIN_POSITIVE: f64 = f64::MIN_POSITIVE;
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const HALF_PI_HIGH: f64 = core::f64::consts::FRAC_PI_2;
    const HALF_PI_LOW: f64 = 6.123_233_995_736_766e-17;
    const EXP_LEAST: f64 = -746.0;
    const EXP_MOST: f64 = 710.0;

    #[inline(always)]
    fn exp_series<R: Real + Copy>(x: R) -> R {
        polynomial(x, &taylor::<14>(0))
    }

    #[inline(always)]
    fn exp_m1_series<R: Real + Copy>(x: R) -> R {
        polynomial(x, &taylor::<14>(1))
    }

    #[inline(always)]
    fn ln_series<R: Real + Copy>(f: R) -> R {
        polynomial(
            f,
            &[
                0.333_333_333_333_333_3,
                -0.250_000_000_000_000_06,
                0.200_000_000_000_001_87,
                -0.166_666_666_666_640_1,
                0.142_857_142_856_493_15,
                -0.125_000_000_004_496_04,
                0.111_111_111_199_532_17,
                -0.099_999_999_689_816_15,
                0.090_909_084_744_293_1,
                -0.083_333_342_197_782_31,
                0.076_923_323_676_442_33,
                -0.071_428_567_737_364_42,
                0.066_660_739_997_282_8,
                -0.062_493_683_330_542_255,
                0.058_908_107_429_987_304,
                -0.055_726_100_282_854_13,
                0.051_979_802_601_619_045,
                -0.047_929_379_856_894_314,
                0.049_314_321_093_220_28,
                -0.057_264_502_758_265_015,
                0.051_456_860_766_944_1,
                -0.021_637_070_743_701_85,
            ],
        )
    }

    #[inline(always)]
    fn atan_series<R: Real + Copy>(square: R) -> R {
        polynomial(
            square,
            &[
                -0.333_333_333_333_333_3,
                0.199_999_999_999_998_04,
                -0.142_857_142_856_598_28,
                0.111_111_111_051_554_47,
                -0.090_909_087_535_008_77,
                0.076_922_963_750_321_43,
                -0.066_664_248_857_382_55,
                0.058_789_289_978_347_75,
                -0.052_304_542_706_502_44,
                0.045_515_932_206_265_49,
                -0.034_570_561_981_427_744,
                0.016_285_756_855_221_028,
            ],
        )
    }

    #[inline(always)]
    fn tanh_series<R: Real + Copy>(square: R) -> R {
        polynomial(
            square,
            &[
                -0.333_333_333_333_333_3,
                0.133_333_333_333_333_1,
                -0.053_968_253_968_220_37,
                0.021_869_488_534_073_91,
                -0.008_863_235_463_146_8,
                0.003_592_126_769_962_634_6,
                -0.001_455_819_097_151_351,
                0.000_589_905_296_949_273_3,
                -0.000_238_472_724_801_525_2,
                0.000_094_551_330_529_248_58,
                -0.000_033_720_801_120_463_16,
                0.000_007_874_274_345_344_419,
            ],
        )
    }
}
