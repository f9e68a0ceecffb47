//! Functions that lose digits in the versions of the drivers.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// e^x. The version of a driver may compute e^(x rounded to a part of ln 2), which is wrong by |x| / 3 units in the last place.
#[cube]
pub(in crate::engine) fn exp<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    // Beyond these limits the result is 0 or infinite.
    let x = select_many(x.less_than(&constant(-120.0)), constant(-120.0), x);
    let x = select_many(x.greater_than(&constant(100.0)), constant(100.0), x);
    // x = n ln 2 + r; the product with the first part of ln 2 is exact.
    let n = (x * constant(core::f32::consts::LOG2_E) + constant(0.5)).floor();
    // Reads n through an integer: a driver that sees the same n twice would merge both products into one.
    let same = Vector::<F, N>::cast_from(Vector::<i32, N>::cast_from(n));
    let r = (x - n * constant(0.693_359_4)) + same * constant(2.121_944_4e-4);
    // 2^n is split into two factors, since one factor cannot cover the whole range of exponents.
    let half = (n * constant(0.5)).floor();
    power_series::<F, N>(r) * power_of_2::<F, N>(half) * power_of_2::<F, N>(n - half)
}

/// e^r, for |r| <= ln(2)/2.
#[cube]
fn power_series<F: Float, N: Size>(r: Vector<F, N>) -> Vector<F, N> {
    let mut series = constant::<F, N>(1.0 / 5040.0);
    series = series * r + constant(1.0 / 720.0);
    series = series * r + constant(1.0 / 120.0);
    series = series * r + constant(1.0 / 24.0);
    series = series * r + constant(1.0 / 6.0);
    series = series * r + constant(0.5);
    series * r * r + r + constant(1.0)
}

/// 2^n, for an integer n whose power is neither 0 nor infinite: the bits of n become those of the exponent.
#[cube]
fn power_of_2<F: Float, N: Size>(n: Vector<F, N>) -> Vector<F, N> {
    let exponent = Vector::<i32, N>::cast_from(n + constant(127.0));
    Vector::<F, N>::reinterpret(exponent << Vector::new(23))
}

/// The natural logarithm. The version of a driver may have no correct digits near 1, and lose some elsewhere.
#[cube]
pub(in crate::engine) fn ln<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let is_normal = x.greater_equal(&constant(1.2e-38)).vec_and(x.less_equal(&constant(3.4e38)));
    let normal = select_many(is_normal, x, constant(1.0));
    // x = 2^n m, with m in [1, 2): the bits of both are side by side.
    let bits = Vector::<i32, N>::reinterpret(normal);
    let n = Vector::<F, N>::cast_from((bits >> Vector::new(23)) - Vector::new(127));
    let m = Vector::<F, N>::reinterpret((bits & Vector::new(0x7f_ffff)) | Vector::new(0x3f80_0000));
    let is_above = m.greater_than(&constant(core::f32::consts::SQRT_2));
    let m = select_many(is_above, m * constant(0.5), m);
    let n = select_many(is_above, n + constant(1.0), n);
    // The product with the first part of ln 2 is exact.
    let small = log1p_series::<F, N>(m - constant(1.0)) - n * constant(2.121_944_4e-4);
    select_many(is_normal, n * constant(0.693_359_4) + small, x.ln())
}

/// ln(1 + x). The version of CubeCL computes `ln(1 + x)` literally, which is 0 for x below 6e-8.
#[cube]
pub(in crate::engine) fn log1p<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let is_near = x.greater_equal(&constant(-0.5)).vec_and(x.less_equal(&constant(1.0)));
    let near = select_many(is_near, x, constant(0.0));
    select_many(is_near, log1p_series::<F, N>(near), ln::<F, N>(x + constant(1.0)))
}

/// ln(1 + x) for x from -0.5 to 1: 2 (s + s^3/3 + s^5/5 + ..), with s = x / (2 + x), which is ln((1 + s) / (1 - s)).
#[cube]
fn log1p_series<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let s = x / (x + constant(2.0));
    let square = s * s;
    let mut series = constant::<F, N>(2.0 / 13.0);
    series = series * square + constant(2.0 / 11.0);
    series = series * square + constant(2.0 / 9.0);
    series = series * square + constant(2.0 / 7.0);
    series = series * square + constant(2.0 / 5.0);
    series = series * square + constant(2.0 / 3.0);
    series = series * square + constant(2.0);
    s * series
}

/// e^x - 1.
#[cube]
pub(super) fn exp_m1<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let is_near = x.abs().less_equal(&constant(0.5));
    let near = select_many(is_near, x, constant(0.0));
    // x + x^2/2 (1 + x/3 (1 + x/4 (..))).
    let mut series = constant::<F, N>(1.0);
    series = series * near * constant(1.0 / 9.0) + constant(1.0);
    series = series * near * constant(1.0 / 8.0) + constant(1.0);
    series = series * near * constant(1.0 / 7.0) + constant(1.0);
    series = series * near * constant(1.0 / 6.0) + constant(1.0);
    series = series * near * constant(1.0 / 5.0) + constant(1.0);
    series = series * near * constant(1.0 / 4.0) + constant(1.0);
    series = series * near * constant(1.0 / 3.0) + constant(1.0);
    series = series * near * near * constant(0.5) + near;
    select_many(is_near, series, exp::<F, N>(x) - constant(1.0))
}

/// The hyperbolic tangent.
#[cube]
pub(super) fn tanh<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let rest = exp_m1::<F, N>(x.abs() * constant(-2.0));
    let size = -rest / (rest + constant(2.0));
    select_many(x.less_than(&constant(0.0)), -size, size)
}

/// The arc tangent. The version of Vulkan may be wrong by 4096 units in the last place.
#[cube]
pub(super) fn atan<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let size = x.abs();
    // Above tan(3 pi/8): pi/2 - atan(1/x). Above tan(pi/8): pi/4 + atan((x - 1) / (x + 1)).
    let is_large = size.greater_than(&constant(2.414_213_6));
    let is_middle = size.greater_than(&constant(0.414_213_57));
    let above = select_many(is_large, constant(-1.0), size - constant(1.0));
    let below = select_many(is_large, size, size + constant(1.0));
    let small = select_many(is_middle, above / below, size);
    let begin = select_many(is_large, constant(core::f32::consts::FRAC_PI_2), constant(core::f32::consts::FRAC_PI_4));
    let begin = select_many(is_middle, begin, constant(0.0));
    let square = small * small;
    let mut series = constant::<F, N>(0.080_537_446);
    series = series * square + constant(-0.138_776_86);
    series = series * square + constant(0.199_777_1);
    series = series * square + constant(-0.333_329_5);
    let angle = begin + (series * square * small + small);
    select_many(x.less_than(&constant(0.0)), -angle, angle)
}

#[cube]
fn constant<F: Float, N: Size>(#[comptime] value: f32) -> Vector<F, N> {
    Vector::new(F::new(value))
}
