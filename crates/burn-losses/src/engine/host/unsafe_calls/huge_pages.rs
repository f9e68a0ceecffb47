//! Large pages from the system.

/// Asks the system to make this memory, which was not written to yet, of large pages. The system may refuse.
///
/// A gradient as large as a batch is new memory in every step. Getting it in pages of 4 kB costs several times as much time as
/// computing a light loss. Many systems give pages of 2 MB, but only on request.
pub(crate) fn request_large_pages<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 1 << 21;
        let bytes = memory.as_mut_ptr_range();
        let (start, end) = (bytes.start.cast::<u8>(), bytes.end.cast::<u8>());
        let unaligned = start.align_offset(PAGE);
        let whole = (end as usize - start as usize).saturating_sub(unaligned) / PAGE * PAGE;
        if whole > 0 {
            // SAFETY: `unaligned + whole` is at most the length of `memory` in bytes, so that the range lies inside what is borrowed
            // here alone. The advice changes how the kernel backs these addresses, never what is read from them; a refusal (an error
            // code) leaves everything as it was.
            unsafe {
                libc::madvise(start.add(unaligned).cast(), whole, libc::MADV_HUGEPAGE);
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}
