//! The types of float that kernels compute with.

use super::coefficients::Coefficients;
use super::instructions::dispatch;
use super::operations::Operations;
use crate::engine::host::memory::{BufferPool, Numbers};
use crate::formula::functions;
use burn::tensor::Element;
use core::ops::{Add, Mul, Range};
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
    + 'static
{
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn to_bits(self) -> u64;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn powf(self, exponent: f64) -> Self;

    /// Shifts the bits of every lane to the left by this many digits.
    fn shift_left<S: Simd>(simd: S, bits: Self::Integers<S>, digits: u32) -> Self::Integers<S>;
    /// Shifts the bits of every lane to the right by this many digits.
    fn shift_right<S: Simd>(simd: S, bits: Self::Integers<S>, digits: u32) -> Self::Integers<S>;

    /// The numbers, if they are of this type.
    fn slice(numbers: Numbers<'_>) -> Option<&[Self]>;
    /// Some of the numbers in this type; `scratch` is used if they have to be converted.
    fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self];
    /// Sorts pairs by their numbers, the largest first; pairs with equal bits stay in their order.
    fn sort_descending(pairs: &mut [(Self, u32)]);
    /// The pool of buffers of such numbers, which wait for their next use.
    fn pool() -> &'static BufferPool<Self>;

    /// Runs code that is compiled for the machine's vector instructions. The machine has to have them: see
    /// [`is_available`](super::is_available).
    #[inline(always)]
    fn dispatch<W: WithSimd>(work: W) -> W::Output {
        dispatch(work)
    }
}

/// What is the same for both precisions: `$numbers` stores such floats, and `$read` converts to them.
macro_rules! of_precision {
    ($float:ty, $numbers:ident, $read:ident) => {
        functions!(always |x| x, |y| y; sin, cos);

        #[inline(always)]
        fn powf(self, exponent: f64) -> Self {
            self.powf(exponent as $float)
        }
        fn slice(numbers: Numbers<'_>) -> Option<&[Self]> {
            if let Numbers::$numbers(numbers) = numbers { Some(numbers) } else { None }
        }
        fn read<'a>(numbers: Numbers<'a>, range: Range<usize>, scratch: &'a mut Vec<Self>) -> &'a [Self] {
            numbers.$read(range, scratch)
        }
        fn sort_descending(pairs: &mut [(Self, u32)]) {
            radsort::sort_by_key(pairs, |(number, _)| -number);
        }
        fn pool() -> &'static BufferPool<Self> {
            static POOL: BufferPool<$float> = BufferPool::new();
            &POOL
        }
    };
}

impl Float for f32 {
    of_precision!(f32, F32, singles);

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
    fn shift_left<S: Simd>(simd: S, bits: S::u32s, digits: u32) -> S::u32s {
        simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(digits))
    }
    #[inline(always)]
    fn shift_right<S: Simd>(simd: S, bits: S::u32s, digits: u32) -> S::u32s {
        simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(digits))
    }
}

impl Float for f64 {
    of_precision!(f64, F64, doubles);

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
