//! How much memory the host's allocator has given out. GPU memory is not counted.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Runs some work, and also returns the peak of the bytes in use, beyond those in use before.
///
/// Allocations of other threads in the meantime are counted too.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    (result, ALLOCATOR.peak_usage().saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_freed_again_counts() {
        const BYTES: usize = 50_000_000;
        let (length, peak) = peak_of(|| std::hint::black_box(vec![1u8; BYTES]).len());
        assert_eq!(length, BYTES);
        // Meanwhile, other tests may free or allocate some memory.
        assert!(peak > BYTES / 2, "{peak}");
    }
}
