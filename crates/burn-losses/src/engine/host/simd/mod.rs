//! Vector registers as numbers: as many at once as the machine's instructions take.
//!
//! Everything here is inlined: what is not compiled into the function that was entered for the machine's instructions would run
//! without them.

mod functions;
mod known_zero;
mod operators;
mod registers;
#[cfg(test)]
mod tests;
mod tools;

pub(crate) use known_zero::KnownZero;
pub(crate) use registers::{is_available, vectorized};
pub(crate) use tools::{Sum, each, exponentials, largest, load, rest, scale, splat, store_rest, zip};

use super::memory::{BufferPool, Numbers};
use crate::formula::Real;
use burn::tensor::Element;
use core::ops::{Add, Mul, Range};
use pulp::{Simd, WithSimd, bytemuck::Pod};

/// A float to compute in: single or double precision.
pub(crate) trait Float:
    Element + Pod + Default + Send + Sync + Add<Output = Self> + Mul<Output = Self> + 'static
{
    /// Lanes of it, in the registers of `S`.
    type Lanes<S: Simd>: Lanes<S, Self>;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;

    /// The numbers where they are of this type.
    fn slice(numbers: Numbers<'_>) -> Option<&[Self]>;
    /// Some numbers in this type, which may take `scratch`.
    fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self];
    /// Sorts by the first number, the largest first; equal bits stay in their order.
    fn sort_descending(pairs: &mut [(Self, u32)]);
    /// Buffers of such numbers that wait for their next use.
    fn pool() -> &'static BufferPool<Self>;

    /// Runs what is compiled for the machine's instructions, which have to be there: see [`is_available`].
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
