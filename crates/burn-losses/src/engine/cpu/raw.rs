//! The only unsafe calls of this crate: pages from the system, tensors whose memory is kept when they are dropped, and products of
//! matrices in memory that is there already.
#![allow(unsafe_code)]

use super::lanes::Float;
use super::memory::Lent;
use burn::tensor::{AllocationProperty, Bytes};
use burn_std::{AccessError, AccessPolicy, AllocationController};
use core::mem::{MaybeUninit, replace};
use core::ptr::NonNull;
use core::slice::{from_raw_parts, from_raw_parts_mut};
use pulp::bytemuck::Pod;

/// Asks that this memory, which was not written to yet, be made of large pages. Nothing is promised.
///
/// A gradient as large as a batch is new memory in every step. To be given it in pages of 4 kB costs several times as much as to
/// compute a light loss; many systems give pages of 2 MB, but only on request.
pub(super) fn request_large<T>(memory: &mut [T]) {
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

/// Numbers as the memory of a tensor, which is kept when the tensor is dropped.
pub(super) fn bytes<T: Float + Pod>(numbers: Lent<T>) -> Bytes {
    let count = size_of_val(&numbers[..]);
    // SAFETY: all bytes of the numbers are initialised: they are [`Pod`].
    unsafe { Bytes::from_controller(Box::new(Numbers(numbers)), count) }
}

/// Numbers; none once they were detached.
struct Numbers<T: Float>(Lent<T>);

impl<T: Float + Pod> AllocationController for Numbers<T> {
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
        // SAFETY: as above; the caller promises to write initialised bytes alone, and any of them are a number: it is [`Pod`].
        Ok(unsafe { from_raw_parts_mut(self.0.as_mut_ptr().cast(), size_of_val(&self.0[..])) })
    }

    /// A boxed slice is memory of the global allocator, as large and aligned as it says here.
    fn try_detach(&mut self) -> Option<NonNull<u8>> {
        let numbers = replace(&mut self.0, Vec::new().into()).into_vec();
        NonNull::new(Box::into_raw(numbers.into_boxed_slice()).cast())
    }
}

/// Numbers in rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    numbers: &'a [T],
    shape: [usize; 2],
    /// From a row to the next, and from a column to the next.
    strides: [usize; 2],
}

impl<'a, T> Matrix<'a, T> {
    /// Rows of `columns` numbers.
    pub(super) fn rows(numbers: &'a [T], columns: usize) -> Self {
        Self { numbers, shape: [numbers.len() / columns, columns], strides: [columns, 1] }
    }

    /// Of rows of `columns` numbers one in `step`, the first of them first.
    pub(super) fn one_in(step: usize, numbers: &'a [T], columns: usize) -> Self {
        let rows = (numbers.len() / columns).div_ceil(step);
        Self { numbers, shape: [rows, columns], strides: [step * columns, 1] }
    }

    pub(super) fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.shape, self.strides);
        Self { shape: [columns, rows], strides: [right, down], ..self }
    }

    /// Without the first columns.
    pub(super) fn without_columns(self, count: usize) -> Self {
        let ([rows, columns], [_, right]) = (self.shape, self.strides);
        Self { numbers: &self.numbers[count * right..], shape: [rows, columns - count], ..self }
    }

    /// Whether all of it is there.
    fn is_inside(&self) -> bool {
        is_inside(self.numbers, self.shape, self.strides)
    }
}

fn is_inside<T>(numbers: &[T], shape: [usize; 2], strides: [usize; 2]) -> bool {
    shape.contains(&0) || (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] < numbers.len()
}

/// `output <- factor left right`, or `output + factor left right`, in rows that begin `stride` numbers apart; on all threads.
pub(super) fn product<T: Float>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    factor: f64,
    (output, stride): (&mut [T], usize),
    is_added: bool,
) {
    let ([rows, inner], [other, columns]) = (left.shape, right.shape);
    assert_eq!(inner, other, "columns of the left, rows of the right");
    assert!(columns <= stride && is_inside(output, [rows, columns], [stride, 1]), "room for the product");
    assert!(left.is_inside() && right.is_inside(), "matrices are as large as they say");
    let [left_strides, right_strides] = [left.strides, right.strides].map(|strides| strides.map(|of| of as isize));
    // SAFETY: every number that is read or written lies inside its slice, as asserted above; `output` is borrowed here alone and its
    // entries do not overlap, since a row has at most `stride` columns. `T` is one of the types that `gemm` has (`f32`, `f64`), and all
    // its memory is initialised.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            stride as isize,
            is_added,
            left.numbers.as_ptr(),
            left_strides[1],
            left_strides[0],
            right.numbers.as_ptr(),
            right_strides[1],
            right_strides[0],
            T::from_f64(1.0),
            T::from_f64(factor),
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::memory::{unwritten, zeros};

    #[test]
    fn memory_is_kept_unless_it_is_taken_away() {
        // A size that no other test has.
        let count = (1 << 18) + 77;
        let numbers = |first| {
            let mut numbers = vec![0.0f64; count];
            numbers[0] = first;
            Lent::from(numbers)
        };
        let mut one = bytes(numbers(1.0));
        one[8..16].copy_from_slice(&2.0f64.to_ne_bytes());
        assert_eq!(one.len(), 8 * count);
        assert_eq!(one.clone()[..16], one[..16]);
        let place = one.as_ptr();
        drop(one);
        let mut again = unwritten::<f64>(count);
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
        assert!(f64::kept().take(count).is_none());
    }

    #[test]
    fn products_are_sums_of_products() {
        let (a, b) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, -1.0, 0.5, 2.0, 0.0, 3.0]);
        let mut output = [7.0f32; 7];
        // [2, 3] x [3, 2], rows four numbers apart.
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 2), 1.0, (&mut output, 4), false);
        assert_eq!(output, [2.0, 12.0, 7.0, 7.0, 6.5, 24.0, 7.0]);
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 3).transposed(), 2.0, (&mut output, 4), true);
        assert_eq!(output, [2.0 + 2.0 * 0.5, 12.0 + 2.0 * 11.0, 7.0, 7.0, 6.5 + 2.0 * 2.0, 24.0 + 2.0 * 26.0, 7.0]);
    }

    #[test]
    fn some_columns() {
        let (a, b) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, -1.0, 0.5, 2.0, 0.0, 3.0]);
        let mut output = [0.0f32; 2];
        // [2, 3] x [3, 1]
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 2).without_columns(1), 1.0, (&mut output, 1), false);
        assert_eq!(output, [12.0, 24.0]);
    }

    #[test]
    fn one_row_in_two() {
        let numbers = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let mut output = [0.0; 4];
        // Rows 1 and 3 of four, times one column.
        product(Matrix::one_in(2, &numbers[2..], 2), Matrix::rows(&[1.0, -1.0], 1), 1.0, (&mut output[1..], 2), false);
        assert_eq!(output, [0.0, -1.0, 0.0, -1.0]);
        product(Matrix::one_in(3, &numbers, 2), Matrix::rows(&[1.0, 0.5], 1), 1.0, (&mut output, 1), false);
        assert_eq!(output[..2], [2.0, 11.0]);
    }

    #[test]
    #[should_panic(expected = "room for the product")]
    fn what_does_not_fit_is_refused() {
        product(Matrix::rows(&[1.0f64; 4], 2), Matrix::rows(&[1.0; 4], 2), 1.0, (&mut [0.0; 3], 2), false);
    }
}
