//! Which numbers are allowed.

use core::fmt;

/// The allowed numbers of a field. NaN and infinities are never allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// Greater than a bound.
    Greater(f64),
    /// At least a bound.
    AtLeast(f64),
    /// Less than a bound.
    Less(f64),
    /// Between two bounds, both excluded.
    Open(f64, f64),
    /// Between two bounds, both included.
    Closed(f64, f64),
    /// Between two bounds, the first excluded.
    HalfOpenLow(f64, f64),
    /// Between two bounds, the second excluded.
    HalfOpen(f64, f64),
    /// Odd, and at least a bound.
    Odd(f64),
}

/// The width of a range beyond which its upper end only keeps numbers from overflowing.
const FAR: f64 = 1e4;

impl Range {
    /// Whether a number is allowed.
    pub fn contains(&self, x: f64) -> bool {
        x.is_finite()
            && match *self {
                Self::Finite => true,
                Self::Greater(low) => x > low,
                Self::AtLeast(low) => x >= low,
                Self::Less(high) => x < high,
                Self::Open(low, high) => low < x && x < high,
                Self::Closed(low, high) => low <= x && x <= high,
                Self::HalfOpenLow(low, high) => low < x && x <= high,
                Self::HalfOpen(low, high) => low <= x && x < high,
                Self::Odd(low) => x >= low && x % 2.0 == 1.0,
            }
    }

    pub(super) fn samples(&self) -> [f64; 2] {
        match *self {
            Self::Finite => [0.25, -0.75],
            Self::Greater(low) | Self::AtLeast(low) => [low + 0.37, low + 3.1],
            Self::Less(high) => [high - 0.63, high - 3.1],
            Self::Odd(low) => [low, low + 2.0],
            // A bound that is far away is one that nobody comes near.
            Self::Closed(low, high) | Self::HalfOpenLow(low, high) if high - low > FAR => [low + 0.37, low + 3.1],
            Self::Open(low, high)
            | Self::Closed(low, high)
            | Self::HalfOpenLow(low, high)
            | Self::HalfOpen(low, high) => [low + 0.13 * (high - low), low + 0.88 * (high - low)],
        }
    }

    pub(super) fn refused(&self) -> Vec<f64> {
        let outside: &[f64] = match *self {
            Self::Finite => &[],
            Self::Greater(low) => &[low, low - 1.5],
            Self::AtLeast(low) => &[low - 1.5],
            Self::Less(high) => &[high, high + 1.5],
            Self::Open(low, high) => &[low, high, low - 1.5, high + 1.5],
            Self::Closed(low, high) => &[low - 1.5, high + 1.5],
            Self::HalfOpenLow(low, high) => &[low, low - 1.5, high + 1.5],
            Self::HalfOpen(low, high) => &[low - 1.5, high, high + 1.5],
            Self::Odd(low) => &[low - 2.0, low + 1.0],
        };
        [outside, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]].concat()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Finite => write!(f, "a finite number"),
            Self::Greater(low) => write!(f, "a number > {low}"),
            Self::AtLeast(low) if low > 0.0 && low < 1e-6 => write!(f, "a number >= {low:e}"),
            Self::AtLeast(low) => write!(f, "a number >= {low}"),
            Self::Less(high) => write!(f, "a number < {high}"),
            Self::Open(low, high) => write!(f, "a number in ({low}, {high})"),
            Self::Closed(low, high) => write!(f, "a number in [{low}, {high}]"),
            Self::HalfOpenLow(low, high) => write!(f, "a number in ({low}, {high}]"),
            Self::HalfOpen(low, high) => write!(f, "a number in [{low}, {high})"),
            Self::Odd(low) => write!(f, "an odd number >= {low}"),
        }
    }
}
