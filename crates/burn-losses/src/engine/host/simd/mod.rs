//! Vector registers as numbers: each holds as many numbers as the machine's instructions take at once.
//!
//! Everything here is inlined: code that is not compiled into the function that was entered for the machine's instructions would
//! run without them.

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
pub(crate) use tools::{Sum, each, exponentials, largest, load, read, rest, scale, splat, store_rest, write, zip};

/// The most lanes that a register can have.
pub(crate) const MOST_LANES: usize = 16;
