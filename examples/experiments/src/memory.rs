//! How much memory the host's allocator has given out. What a GPU holds is not counted.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Runs some work, and also says how many bytes were in use at the most, beyond those that were before.
///
/// What other threads allocate in the meantime is counted too.
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
        // Other tests free some memory meanwhile, or take some.
        assert!(peak > BYTES / 2, "{peak}");
    }
}
