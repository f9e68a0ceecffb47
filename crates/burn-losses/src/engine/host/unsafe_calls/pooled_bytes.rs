//! Tensors whose memory goes back to the buffer pool when they are dropped.

use crate::engine::host::memory::Pooled;
use crate::engine::host::simd::Float;
use burn::tensor::{AllocationProperty, Bytes};
use burn_std::{AccessError, AccessPolicy, AllocationController};
use core::mem::{MaybeUninit, replace};
use core::ptr::NonNull;
use core::slice::{from_raw_parts, from_raw_parts_mut};

/// Numbers as the memory of a tensor, which goes back to the pool when the tensor is dropped.
pub(crate) fn bytes<T: Float>(numbers: Pooled<T>) -> Bytes {
    // The pointer of an empty boxed slice points to no memory, so it must not be detached.
    debug_assert!(!numbers.is_empty(), "large buffers alone are worth it");
    let count = size_of_val(&numbers[..]);
    // SAFETY: all bytes of the numbers are initialized: they are [`Pod`].
    unsafe { Bytes::from_controller(Box::new(Numbers(numbers)), count) }
}

/// Pooled numbers; empty once they have been detached.
struct Numbers<T: Float>(Pooled<T>);

impl<T: Float> AllocationController for Numbers<T> {
    fn alloc_align(&self) -> usize {
        align_of::<T>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Native
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: these are the bytes of the numbers, borrowed as long as they are.
        Ok(unsafe { from_raw_parts(self.0.as_ptr().cast(), size_of_val(&self.0[..])) })
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        // SAFETY: as above; the caller promises to write only initialized bytes, and any bytes are valid numbers: they are
        // [`Pod`].
        Ok(unsafe { from_raw_parts_mut(self.0.as_mut_ptr().cast(), size_of_val(&self.0[..])) })
    }

    /// Gives up the memory. A boxed slice is memory of the global allocator, with the size and alignment that `Numbers` reports.
    fn try_detach(&mut self) -> Option<NonNull<u8>> {
        let numbers = replace(&mut self.0, Vec::new().into()).into_vec();
        NonNull::new(Box::into_raw(numbers.into_boxed_slice()).cast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::host::memory::{stale, zeros};

    #[test]
    fn a_buffer_is_used_again_unless_it_is_taken_away() {
        // A size that no other test has.
        let count = (1 << 18) + 77;
        let numbers = |first| {
            let mut numbers = vec![0.0f64; count];
            numbers[0] = first;
            Pooled::from(numbers)
        };
        let mut one = bytes(numbers(1.0));
        one[8..16].copy_from_slice(&2.0f64.to_ne_bytes());
        assert_eq!(one.len(), 8 * count);
        assert_eq!(one.clone()[..16], one[..16]);
        let place = one.as_ptr();
        drop(one);
        let mut again = stale::<f64>(count);
        assert_eq!(again.as_ptr().cast(), place);

        again.fill(4.0);
        drop(bytes(again));
        let zeros = zeros::<f64>(count);
        assert_eq!(zeros.as_ptr().cast(), place);
        assert!(zeros.iter().all(|number| *number == 0.0));

        drop(zeros.into_vec());
        let taken = bytes(numbers(3.0)).try_into_vec::<f64>().expect("its own memory");
        assert_eq!((taken.len(), taken.capacity(), taken[0]), (count, count, 3.0));
        drop(taken);
        assert!(f64::pool().take(count).is_none());
    }
}
