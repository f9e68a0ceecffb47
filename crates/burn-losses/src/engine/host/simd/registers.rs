//! The types of lanes: memory, bits, and choices between numbers.

use super::{Float, Lanes};
use crate::engine::host::memory::{BufferPool, Numbers};
use core::ops::Range;
use core::slice::from_mut;
use pulp::{Simd, WithSimd, bytemuck};

/// Whether the machine has the instructions that kernels are compiled for. On x86 these are AVX2 and FMA, and with the feature `x86-v4`
/// also those of AVX-512 where the machine has them. A machine without runs tensor operations.
pub(crate) fn is_available() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return v3().is_some();
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    true
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn v3() -> Option<pulp::x86::V3> {
    static V3: std::sync::OnceLock<Option<pulp::x86::V3>> = std::sync::OnceLock::new();
    *V3.get_or_init(pulp::x86::V3::try_new)
}

#[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), feature = "x86-v4"))]
fn v4() -> Option<pulp::x86::V4> {
    static V4: std::sync::OnceLock<Option<pulp::x86::V4>> = std::sync::OnceLock::new();
    *V4.get_or_init(pulp::x86::V4::try_new)
}

/// Runs what is compiled for the machine's instructions: for one set of them, or with the feature `x86-v4` for two.
fn dispatch<W: WithSimd>(work: W) -> W::Output {
    #[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), feature = "x86-v4"))]
    if let Some(simd) = v4() {
        return Simd::vectorize(simd, work);
    }
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return Simd::vectorize(v3().expect("`is_available` is asked first"), work);
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    pulp::Arch::new().dispatch(work)
}

/// A closure that is inlined, compiled for the machine's instructions.
pub(crate) fn vectorized<R>(work: impl FnMut() -> R) -> R {
    // Not as `FnOnce`: the function that makes such a one of a closure would be compiled without these instructions.
    struct Work<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Work<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    dispatch(Work(work))
}

macro_rules! registers {
    ($lanes:ident of $float:ident, $bits:ident, $mask:ident, $stored:ident, $read:ident) => {
        pastey::paste! {
            #[derive(Clone, Copy)]
            pub(crate) struct $lanes<S: Simd> {
                pub(super) simd: S,
                pub(super) lanes: S::[<$float s>],
            }

            impl Float for $float {
                type Lanes<S: Simd> = $lanes<S>;

                #[inline(always)]
                fn from_f64(value: f64) -> Self {
                    value as $float
                }
                #[inline(always)]
                fn to_f64(self) -> f64 {
                    self as f64
                }
                fn slice(numbers: Numbers<'_>) -> Option<&[Self]> {
                    if let Numbers::$stored(numbers) = numbers { Some(numbers) } else { None }
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
                #[inline(always)]
                fn dispatch<W: WithSimd>(work: W) -> W::Output {
                    dispatch(work)
                }
            }

            impl<S: Simd> Lanes<S, $float> for $lanes<S> {
                const COUNT: usize = size_of::<S::[<$float s>]>() / size_of::<$float>();

                #[inline(always)]
                fn load(simd: S, from: &[$float]) -> Self {
                    Self { simd, lanes: S::[<as_simd_ $float s>](from).0[0] }
                }
                #[inline(always)]
                fn store(self, to: &mut [$float]) {
                    S::[<as_mut_simd_ $float s>](to).0[0] = self.lanes;
                }
                #[inline(always)]
                fn columns([a, b, c, d]: [Self; 4]) -> [Self; 4] {
                    let rows = [a.lanes, b.lanes, c.lanes, d.lanes];
                    let [x, y, z, w] = a.simd.[<deinterleave_shfl_ $float s>](rows);
                    [a.with(x), a.with(y), a.with(z), a.with(w)]
                }
                #[inline(always)]
                fn rows([a, b, c, d]: [Self; 4]) -> [Self; 4] {
                    let columns = [a.lanes, b.lanes, c.lanes, d.lanes];
                    let [x, y, z, w] = a.simd.[<interleave_shfl_ $float s>](columns);
                    [a.with(x), a.with(y), a.with(z), a.with(w)]
                }
            }

            impl<S: Simd> $lanes<S> {
                #[inline(always)]
                pub(super) fn with(self, lanes: S::[<$float s>]) -> Self {
                    Self { simd: self.simd, lanes }
                }
                #[inline(always)]
                pub(super) fn splat(self, value: f64) -> Self {
                    self.with(self.simd.[<splat_ $float s>](value as $float))
                }
                #[inline(always)]
                pub(super) fn bits(self) -> S::[<$bits s>] {
                    self.simd.[<transmute_ $bits s_ $float s>](self.lanes)
                }
                #[inline(always)]
                pub(super) fn with_bits(self, bits: S::[<$bits s>]) -> Self {
                    self.with(self.simd.[<transmute_ $float s_ $bits s>](bits))
                }
                #[inline(always)]
                pub(super) fn splat_bits(self, bits: $bits) -> S::[<$bits s>] {
                    self.simd.[<splat_ $bits s>](bits)
                }
                #[inline(always)]
                pub(super) fn equal(self, value: f64) -> S::[<$mask s>] {
                    self.simd.[<equal_ $float s>](self.lanes, self.splat(value).lanes)
                }
                #[inline(always)]
                pub(super) fn less(self, value: f64) -> S::[<$mask s>] {
                    self.simd.[<less_than_ $float s>](self.lanes, self.splat(value).lanes)
                }
                #[inline(always)]
                pub(super) fn if_else(self, mask: S::[<$mask s>], no: Self) -> Self {
                    self.with(self.simd.[<select_ $float s>](mask, self.lanes, no.lanes))
                }
                /// The sign of `sign`, which replaces that of a number that is not negative.
                #[inline(always)]
                pub(super) fn with_sign_of(self, sign: Self) -> Self {
                    let mask = self.splat_bits(1 << ($bits::BITS - 1));
                    let sign = self.simd.[<and_ $bits s>](sign.bits(), mask);
                    self.with_bits(self.simd.[<or_ $bits s>](self.bits(), sign))
                }
                /// One lane after the other.
                #[inline(always)]
                pub(super) fn each(self, function: impl Fn($float) -> $float) -> Self {
                    let mut lanes = self.lanes;
                    for lane in bytemuck::cast_slice_mut::<_, $float>(from_mut(&mut lanes)) {
                        *lane = function(*lane);
                    }
                    self.with(lanes)
                }
            }
        }
    };
}
registers!(F32Lanes of f32, u32, m32, F32, singles);
registers!(F64Lanes of f64, u64, m64, F64, doubles);

impl<S: Simd> F32Lanes<S> {
    #[inline(always)]
    pub(super) fn shifted_left(self, digits: u32) -> Self {
        self.with_bits(self.simd.wrapping_dyn_shl_u32s(self.bits(), self.splat_bits(digits)))
    }
    #[inline(always)]
    pub(super) fn shifted_right(self, digits: u32) -> Self {
        self.with_bits(self.simd.wrapping_dyn_shr_u32s(self.bits(), self.splat_bits(digits)))
    }
}

// `Simd` has no shifts of 64 bits; the compiler makes one of each loop.
impl<S: Simd> F64Lanes<S> {
    #[inline(always)]
    pub(super) fn shifted_left(self, digits: u32) -> Self {
        let mut bits = self.bits();
        for lane in bytemuck::cast_slice_mut::<_, u64>(from_mut(&mut bits)) {
            *lane <<= digits;
        }
        self.with_bits(bits)
    }
    #[inline(always)]
    pub(super) fn shifted_right(self, digits: u32) -> Self {
        let mut bits = self.bits();
        for lane in bytemuck::cast_slice_mut::<_, u64>(from_mut(&mut bits)) {
            *lane >>= digits;
        }
        self.with_bits(bits)
    }
}
