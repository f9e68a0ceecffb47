//! Vector registers as numbers: as many at once as the machine's instructions take.
//!
//! Everything here is inlined: what is not compiled into the function that was entered for the machine's instructions would run
//! without them.

mod functions;
mod operators;
mod registers;
mod sparse;
#[cfg(test)]
mod tests;

pub(crate) use registers::{dispatch_longest, vectorized};
pub(crate) use sparse::Sparse;

use super::memory::Kept;
use crate::formula::Real;
use pulp::{Simd, WithSimd};

/// A float that comes in lanes.
pub(crate) trait Float: Copy + Default + Send + Sync + 'static {
    /// Lanes of it, in the registers of `S`.
    type Lanes<S: Simd>: Lanes<S, Self>;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;

    /// Sorts by the first number, the largest first; equal bits stay in their order.
    fn sort_descending(pairs: &mut [(Self, u32)]);
    /// Memory of such numbers that waits for its next use.
    fn kept() -> &'static Kept<Self>;

    /// Runs what is compiled for the machine's instructions.
    fn dispatch<W: WithSimd>(work: W) -> W::Output;
}

/// The lanes of one register.
pub(crate) trait Lanes<S: Simd, T: Float>: Real + Copy {
    /// How many.
    const COUNT: usize;

    /// Of `COUNT` numbers.
    fn load(simd: S, from: &[T]) -> Self;
    /// Into `COUNT` numbers.
    fn store(self, to: &mut [T]);
    /// The columns of rows of four numbers, in the order that the machine is fastest at: the same for all columns.
    fn columns(rows: [Self; 4]) -> [Self; 4];
    /// The rows of such columns, as they were.
    fn rows(columns: [Self; 4]) -> [Self; 4];
}

/// The most lanes that a register has.
pub(crate) const MOST_LANES: usize = 16;
