//! The instructions that kernels are compiled for.

use pulp::{Simd, WithSimd};

/// Whether the machine has the vector instructions that kernels are compiled for. On x86 these are AVX2 and FMA, and with the
/// feature `x86-v4` also those of AVX-512 if the machine has them. A machine without them runs tensor operations.
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

/// Runs code that is compiled for the machine's vector instructions: for one set of them, or with the feature `x86-v4` for two.
/// The machine has to have them: see [`is_available`].
pub(crate) fn dispatch<W: WithSimd>(work: W) -> W::Output {
    #[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), feature = "x86-v4"))]
    if let Some(simd) = v4() {
        return Simd::vectorize(simd, work);
    }
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return Simd::vectorize(v3().expect("`is_available` is asked first"), work);
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    pulp::Arch::new().dispatch(work)
}

/// Runs a closure, which is inlined and compiled for the machine's vector instructions.
pub(crate) fn vectorized<R>(work: impl FnMut() -> R) -> R {
    // Not an `FnOnce`: a closure that is turned into one is compiled without these instructions.
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
