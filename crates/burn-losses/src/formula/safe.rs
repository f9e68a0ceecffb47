//! Quotients and powers that are finite where the true ones are not. A NaN stays NaN.

use super::Real;

/// The smallest 1 - p of a focal loss: it keeps the slope of its power finite.
pub(crate) const LEAST_MISS: f64 = 1e-30;

/// `numerator / denominator`; 0, with a zero gradient, where the denominator is below `least`.
#[inline(always)]
pub(crate) fn quotient<R: Real>(numerator: R, denominator: R, least: f64) -> R {
    let nothing = is_below(&denominator, least);
    let (zero, one) = (numerator.lit(0.0), numerator.lit(1.0));
    R::select(&nothing, zero, numerator / R::select(&nothing, one, denominator))
}

/// A power of a number that is not negative; 0, with a zero gradient, where the number is below `least`.
#[inline(always)]
pub(crate) fn power<R: Real>(base: R, exponent: f64, least: f64) -> R {
    if exponent == 0.0 {
        return base.lit(1.0);
    }
    let nothing = is_below(&base, least);
    let (zero, one) = (base.lit(0.0), base.lit(1.0));
    R::select(&nothing, zero, R::select(&nothing, one, base).powf(exponent))
}

/// The factor of a focal loss, from a probability of what is not true. Its slope is finite: a probability below
/// [`LEAST_MISS`] counts as that.
#[inline(always)]
pub(crate) fn focus<R: Real>(miss: R, gamma: f64) -> R {
    miss.clone().maximum(miss.lit(LEAST_MISS)).powf(gamma)
}

/// Whether `x` is below `least`; false for a NaN.
#[inline(always)]
pub(crate) fn is_below<R: Real>(x: &R, least: f64) -> R::Mask {
    (-x.clone()).gt_lit(-least)
}

/// `weight * value`, with a weight that is not negative. Where the weight is 0, the result is 0 without a gradient, whatever the
/// value is.
#[inline(always)]
pub(crate) fn weighted<R: Real>(weight: R, value: R) -> R {
    let counts = weight.gt_lit(0.0);
    let zero = value.lit(0.0);
    weight * R::select(&counts, value, zero)
}

/// The largest coordinate: one beyond it counts as infinite.
const MOST: f64 = f32::MAX as f64;

/// The coordinate in place of an infinite one.
const FARTHEST: f64 = 1e12;

/// Whether a coordinate counts as infinite.
#[cfg(feature = "cpu-engine")]
#[inline(always)]
pub(crate) fn is_infinite(coordinate: f64) -> bool {
    coordinate.abs() > MOST
}

/// A coordinate; an infinite one becomes 1e12 with the same sign, and has no slope.
#[inline(always)]
pub(crate) fn finite<R: Real>(coordinate: R) -> R {
    let ends = [coordinate.lit(-FARTHEST), coordinate.lit(FARTHEST)];
    unless_infinite(&coordinate, coordinate.clone(), ends)
}

/// `number`, unless the coordinate is infinite: then the one of two others that belongs to its sign.
#[inline(always)]
pub(crate) fn unless_infinite<R: Real>(coordinate: &R, number: R, [low, high]: [R; 2]) -> R {
    let (above, below) = (coordinate.gt_lit(MOST), is_below(coordinate, -MOST));
    R::select(&above, high, R::select(&below, low, number))
}

/// A logit beyond which both sigmoids are constants, and e^x is 0 or infinite.
const SATURATED: f64 = 800.0;

/// Limits a logit before its sigmoid or exponential is taken, so that no infinity is multiplied by a slope of 0.
#[inline(always)]
pub(crate) fn bounded<R: Real>(logit: R) -> R {
    clamped(logit, SATURATED)
}

/// The number, at least `-limit` and at most `limit`. Inside it keeps every derivative, at 0 too, where `abs` has none.
#[inline(always)]
pub(crate) fn clamped<R: Real>(x: R, limit: f64) -> R {
    let (low, high) = (x.lit(-limit), x.lit(limit));
    x.maximum(low).minimum(high)
}

/// The number, at most `limit`, and how much it is above that. A formula of the first and a line of the second have no infinity
/// times a slope of 0.
#[inline(always)]
pub(crate) fn split<R: Real>(x: R, limit: f64) -> (R, R) {
    let most = x.lit(limit);
    (x.clone().minimum(most), (x - limit).relu())
}
