//! The types of float that kernels compute with.

use super::coefficients::Coefficients;
use super::instructions::dispatch;
use super::operations::Operations;
use crate::engine::host::memory::{BufferPool, Numbers};
use crate::formula::functions;
use burn::tensor::Element;
use core::ops::{Add, Mul, Neg, Range};
use core::slice::from_mut;
use pulp::{Simd, WithSimd, bytemuck};

/// A float to compute with: single or double precision.
pub(crate) trait Float:
    Element
    + Operations
    + Coefficients
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + radsort::Key
    + 'static
{
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn to_bits(self) -> u64;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn powf(self, exponent: f64) -> Self;

    /// Loads as many numbers as there are lanes.
    fn load<S: Simd>(from: &[Self]) -> Self::Register<S>;
    /// Stores as many numbers as there are lanes.
    fn store<S: Simd>(register: Self::Register<S>, to: &mut [Self]);
    /// The last bits of `bits`, as many as a number has, copied to every lane.
    fn splat_bits<S: Simd>(simd: S, bits: u64) -> Self::Integers<S>;
    /// Shifts the bits of every lane to the left by this many digits.
    fn shift_left<S: Simd>(simd: S, bits: Self::Integers<S>, digits: u32) -> Self::Integers<S>;
    /// Shifts the bits of every lane to the right by this many digits.
    fn shift_right<S: Simd>(simd: S, bits: Self::Integers<S>, digits: u32) -> Self::Integers<S>;

    /// The numbers, if they are of this type.
    fn slice(numbers: Numbers<'_>) -> Option<&[Self]>;
    /// Some of the numbers in this type; `scratch` is used if they have to be converted.
    fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self];
    /// Sorts pairs by their numbers, the largest first; pairs with equal bits stay in their order.
    fn sort_descending(pairs: &mut [(Self, u32)]) {
        radsort::sort_by_key(pairs, |(number, _)| -*number);
    }
    /// The pool of buffers of such numbers, which wait for their next use.
    fn pool() -> &'static BufferPool<Self>;

    /// Runs code that is compiled for the machine's vector instructions. The machine has to have them: see
    /// [`is_available`](super::is_available).
    #[inline(always)]
    fn dispatch<W: WithSimd>(work: W) -> W::Output {
        dispatch(work)
    }
}

impl Float for f32 {
    functions!(always |x| x, |y| y; sin, cos);

    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        self.powf(exponent as Self)
    }
    fn slice(numbers: Numbers<'_>) -> Option<&[Self]> {
        if let Numbers::F32(numbers) = numbers { Some(numbers) } else { None }
    }
    fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self] {
        numbers.singles(range, scratch)
    }
    fn pool() -> &'static BufferPool<Self> {
        static POOL: BufferPool<f32> = BufferPool::new();
        &POOL
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn to_bits(self) -> u64 {
        u64::from(self.to_bits())
    }
    #[inline(always)]
    fn load<S: Simd>(from: &[Self]) -> S::f32s {
        S::as_simd_f32s(from).0[0]
    }
    #[inline(always)]
    fn store<S: Simd>(register: S::f32s, to: &mut [Self]) {
        S::as_mut_simd_f32s(to).0[0] = register;
    }
    #[inline(always)]
    fn splat_bits<S: Simd>(simd: S, bits: u64) -> S::u32s {
        simd.splat_u32s(bits as u32)
    }
    #[inline(always)]
    fn shift_left<S: Simd>(simd: S, bits: S::u32s, digits: u32) -> S::u32s {
        simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(digits))
    }
    #[inline(always)]
    fn shift_right<S: Simd>(simd: S, bits: S::u32s, digits: u32) -> S::u32s {
        simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(digits))
    }
}

impl Float for f64 {
    functions!(always |x| x, |y| y; sin, cos);

    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        self.powf(exponent)
    }
    fn slice(numbers: Numbers<'_>) -> Option<&[Self]> {
        if let Numbers::F64(numbers) = numbers { Some(numbers) } else { None }
    }
    fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self] {
        numbers.doubles(range, scratch)
    }
    fn pool() -> &'static BufferPool<Self> {
        static POOL: BufferPool<f64> = BufferPool::new();
        &POOL
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn to_bits(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn load<S: Simd>(from: &[Self]) -> S::f64s {
        S::as_simd_f64s(from).0[0]
    }
    #[inline(always)]
    fn store<S: Simd>(register: S::f64s, to: &mut [Self]) {
        S::as_mut_simd_f64s(to).0[0] = register;
    }
    #[inline(always)]
    fn splat_bits<S: Simd>(simd: S, bits: u64) -> S::u64s {
        simd.splat_u64s(bits)
    }
    // `Simd` has no shifts of 64 bits; the compiler turns each loop into one instruction.
    #[inline(always)]
    fn shift_left<S: Simd>(_: S, mut bits: S::u64s, digits: u32) -> S::u64s {
        for lane in bytemuck::cast_slice_mut::<_, u64>(from_mut(&mut bits)) {
            *lane <<= digits;
        }
        bits
    }
    #[inline(always)]
    fn shift_right<S: Simd>(_: S, mut bits: S::u64s, digits: u32) -> S::u64s {
        for lane in bytemuck::cast_slice_mut::<_, u64>(from_mut(&mut bits)) {
            *lane >>= digits;
        }
        bits
    }
}
