//! Transposed matrices.

use super::blocks::par_rows;
use super::memory::{Pooled, stale};
use super::simd::{Float, MOST_LANES};
use core::ops::Range;

/// A matrix with rows of `width` numbers, column by column.
pub(crate) fn columns_of<T: Float>(matrix: &[T], width: usize) -> Pooled<T> {
    let count = matrix.len() / width;
    let mut columns = stale::<T>(matrix.len());
    par_rows(&mut columns, MOST_LANES * count, 1, &|number, columns| {
        for start in (0..count).step_by(MOST_LANES) {
            let block = columns_of_block(&matrix[start * width..], width, number);
            for (column, to) in block.iter().zip(columns.chunks_mut(count)) {
                copy::<_, MOST_LANES>(column, &mut to[start..]);
            }
        }
    });
    columns
}

/// The `number`-th [`MOST_LANES`] columns of the first [`MOST_LANES`] rows of a matrix; zeros where no row or column is left.
pub(crate) fn columns_of_block<T: Float>(matrix: &[T], width: usize, number: usize) -> [[T; MOST_LANES]; MOST_LANES] {
    let columns = number * MOST_LANES..width.min((number + 1) * MOST_LANES);
    transpose(&part(matrix, width, [0..MOST_LANES.min(matrix.len() / width), columns], [0, 0]))
}

/// Some rows and columns of a matrix with rows of `width` numbers, from these places on; zeros where there is none.
#[inline(always)]
pub(crate) fn part<T: Float, const ROWS: usize, const COLUMNS: usize>(
    matrix: &[T],
    width: usize,
    [rows, columns]: [Range<usize>; 2],
    [down, right]: [usize; 2],
) -> [[T; COLUMNS]; ROWS] {
    let mut part = [[T::default(); COLUMNS]; ROWS];
    for (to, row) in part[down..].iter_mut().zip(rows) {
        copy::<_, COLUMNS>(&matrix[row * width..][columns.clone()], &mut to[right..]);
    }
    part
}

/// Rows as columns. In single moves: the vector instructions that a compiler finds for them are slower, which is why this is not inlined
/// to where it has these.
#[inline(never)]
pub(crate) fn transpose<T: Float, const ROWS: usize, const COLUMNS: usize>(
    rows: &[[T; COLUMNS]; ROWS],
) -> [[T; ROWS]; COLUMNS] {
    let mut columns = [[T::default(); ROWS]; COLUMNS];
    for (place, row) in rows.iter().enumerate() {
        for (column, number) in columns.iter_mut().zip(row) {
            column[place] = *number;
        }
    }
    columns
}

/// Copies as many numbers as there are on both sides, at most `N`: at once where these are `N`.
#[inline(always)]
fn copy<T: Copy, const N: usize>(from: &[T], to: &mut [T]) {
    match (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        (Some(from), Some(to)) => *to = *from,
        _ => to.iter_mut().zip(from).take(N).for_each(|(to, from)| *to = *from),
    }
}
