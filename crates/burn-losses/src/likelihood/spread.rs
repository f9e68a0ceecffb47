//! The second parameter of a distribution around a mean.

use crate::formula::{Real, safe};
use burn_losses_derive::Choice;

/// How the second parameter gives the variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SpreadForm {
    /// The parameter is the logarithm of the variance.
    #[default]
    LogVariance,
    /// The parameter is the variance.
    Variance,
    /// The softplus of the parameter is the variance.
    Softplus,
}

/// A logarithm of the variance beyond this counts as this.
const MOST: f64 = 60.0;
/// A variance below minus this counts as minus this, without a slope: an infinity has no slope.
const LOWEST: f64 = 1e30;

impl SpreadForm {
    /// The logarithm of the variance, and one over the variance.
    #[inline(always)]
    pub(super) fn of<R: Real>(self, spread: R, floor: f64) -> [R; 2] {
        let variance = match self {
            Self::LogVariance => {
                let log_variance = spread.clone().maximum(spread.lit(-MOST)).minimum(spread.lit(MOST));
                return [log_variance.clone(), (-log_variance).exp()];
            }
            Self::Variance => floored(spread, floor),
            Self::Softplus => floored(spread.softplus(), floor),
        };
        [variance.clone().ln(), variance.lit(1.0) / variance]
    }
}

/// The larger of the variance and the floor, with the slope of the variance in both cases.
#[inline(always)]
fn floored<R: Real>(variance: R, floor: f64) -> R {
    let variance = variance.clone().maximum(variance.lit(-LOWEST));
    let is_below = safe::is_below(&variance, floor);
    let below = R::select(&is_below, variance.clone(), variance.lit(floor));
    let with_slope = below.clone() - below.stop() + floor;
    R::select(&is_below, with_slope, variance)
}

/// A value times a power of the variance, which is a constant for the gradient.
#[inline(always)]
pub(super) fn weighed_by_variance<R: Real>(value: R, log_variance: R, beta: f64) -> R {
    if beta == 0.0 { value } else { (log_variance.stop() * beta).exp().weigh(value) }
}
