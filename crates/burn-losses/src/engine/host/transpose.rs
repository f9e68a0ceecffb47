//! Transposed matrices.

use super::blocks::par_rows;
use super::memory::{Pooled, stale};
use super::simd::{Float, MOST_LANES};
use core::ops::Range;

/// The transpose of a matrix with rows of `width` numbers.
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

/// The [`MOST_LANES`] columns with this block `number`, of the first [`MOST_LANES`] rows of a matrix; zeros fill the block where
/// the matrix ends.
pub(crate) fn columns_of_block<T: Float>(matrix: &[T], width: usize, number: usize) -> [[T; MOST_LANES]; MOST_LANES] {
    let columns = number * MOST_LANES..width.min((number + 1) * MOST_LANES);
    transpose(&part(matrix, width, [0..MOST_LANES.min(matrix.len() / width), columns], [0, 0]))
}

/// Some rows and columns of a matrix with rows of `width` numbers, written from row `down` and column `right` on; the other
/// entries are 0.
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

/// Transposes rows into columns, one number at a time. The vector instructions that the compiler finds for this are slower, so
/// the function is not inlined into code that may use them.
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

/// Copies the first `N` numbers, or fewer if one side is shorter; all `N` are copied at once.
#[inline(always)]
fn copy<T: Copy, const N: usize>(from: &[T], to: &mut [T]) {
    match (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        (Some(from), Some(to)) => *to = *from,
        _ => to.iter_mut().zip(from).take(N).for_each(|(to, from)| *to = *from),
    }
}
