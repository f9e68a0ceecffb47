//! Functions whose versions of the drivers lose digits.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// ln(1 + x). That of CubeCL is `ln(1 + x)` as it is written: 0 for x below 6e-8.
#[cube]
pub(super) fn log1p<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    // Where |s| <= 1/3: ln((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ..).
    let is_near = x.greater_equal(&constant(-0.5)).vec_and(x.less_equal(&constant(1.0)));
    let near = select_many(is_near, x, constant(0.0));
    let s = near / (near + constant(2.0));
    let square = s * s;
    let mut series = constant::<F, N>(1.0 / 13.0);
    series = series * square + constant(1.0 / 11.0);
    series = series * square + constant(1.0 / 9.0);
    series = series * square + constant(1.0 / 7.0);
    series = series * square + constant(1.0 / 5.0);
    series = series * square + constant(1.0 / 3.0);
    series = series * square + constant(1.0);
    let far = select_many(is_near, constant(1.0), x + constant(1.0));
    select_many(is_near, s * series * constant(2.0), far.ln())
}

/// e^x - 1.
#[cube]
pub(super) fn exp_m1<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let is_near = x.abs().less_equal(&constant(0.5));
    let near = select_many(is_near, x, constant(0.0));
    // 1 + x/2 (1 + x/3 (1 + x/4 (..))).
    let mut series = constant::<F, N>(1.0);
    series = series * near * constant(1.0 / 9.0) + constant(1.0);
    series = series * near * constant(1.0 / 8.0) + constant(1.0);
    series = series * near * constant(1.0 / 7.0) + constant(1.0);
    series = series * near * constant(1.0 / 6.0) + constant(1.0);
    series = series * near * constant(1.0 / 5.0) + constant(1.0);
    series = series * near * constant(1.0 / 4.0) + constant(1.0);
    series = series * near * constant(1.0 / 3.0) + constant(1.0);
    series = series * near * constant(1.0 / 2.0) + constant(1.0);
    select_many(is_near, series * near, x.exp() - constant(1.0))
}

/// The hyperbolic tangent.
#[cube]
pub(super) fn tanh<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    let rest = exp_m1::<F, N>(x.abs() * constant(-2.0));
    let size = -rest / (rest + constant(2.0));
    select_many(x.less_than(&constant(0.0)), -size, size)
}

/// The arc tangent. That of Vulkan may be wrong by 4096 units in the last place.
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
