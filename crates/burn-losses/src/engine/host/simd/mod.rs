//! Vector registers as numbers: as many at once as the machine's instructions take.
//!
//! Everything here is inlined: what is not compiled into the function that was entered for the machine's instructions would run
//! without them.

mod coefficients;
mod float;
mod functions;
mod instructions;
mod known_zero;
mod lanes;
mod operations;
#[cfg(test)]
mod tests;
mod tools;

pub(crate) use float::Float;
pub(crate) use instructions::{is_available, vectorized};
pub(crate) use known_zero::KnownZero;
pub(crate) use lanes::Lanes;
pub(crate) use tools::{Sum, each, exponentials, largest, load, rest, scale, splat, store_rest, zip};

/// The most lanes that a register has.
pub(crate) const MOST_LANES: usize = 16;
