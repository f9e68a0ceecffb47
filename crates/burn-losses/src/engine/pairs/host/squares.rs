//! Squared distances of all pairs of vectors.

use super::ANCHORS;
use crate::engine::host::blocks::{par_blocks, par_rows, part};
use crate::engine::host::memory::{Pooled, stale};
use crate::engine::host::simd::{Float, Lanes, MOST_LANES, load, splat};
use crate::engine::host::transpose::columns_of_block;
use crate::formula::Real;
use pulp::{Simd, WithSimd};

/// Writes the squared distances between vectors, `[N, N]`: only blocks of [`ANCHORS`] on the diagonal and the columns to the
/// right of these blocks.
pub(super) fn squares<T: Float>(vectors: &[T], width: usize, squares: &mut [T]) {
    let (count, blocks) = (vectors.len() / width, in_blocks(vectors, width));
    par_blocks(count, ANCHORS, [Some(squares), None], [count, 0], &|block, [squares, _]| {
        let squares = squares.expect("an output");
        T::dispatch(Squares { vectors, blocks: &blocks, width, start: block * ANCHORS, squares });
        0.0
    });
}

/// The vectors in blocks of [`MOST_LANES`], padded with zeros. A block has the first numbers of all its vectors, then the second
/// ones, and so on.
fn in_blocks<T: Float>(vectors: &[T], width: usize) -> Pooled<T> {
    let count = (vectors.len() / width).next_multiple_of(MOST_LANES);
    let mut blocks = stale::<T>(count * width);
    par_rows(&mut blocks, MOST_LANES * width, 1, &|number, block| {
        let vectors = part(vectors, number, MOST_LANES, width);
        for (part, columns) in block.chunks_mut(MOST_LANES * MOST_LANES).enumerate() {
            columns.copy_from_slice(columns_of_block(vectors, width, part).as_flattened());
        }
    });
    blocks
}

/// The squared distances of some vectors, from number `start` on, to themselves and to the vectors after them.
struct Squares<'a, T> {
    vectors: &'a [T],
    /// All vectors, arranged by [`in_blocks`].
    blocks: &'a [T],
    width: usize,
    /// The first vector: a multiple of [`ANCHORS`], which is the number of vectors in a block.
    start: usize,
    squares: &'a mut [T],
}

impl<T: Float> WithSimd for Squares<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { vectors, blocks, width, start, squares } = self;
        let (count, lanes) = (vectors.len() / width, Lanes::<S, T>::COUNT);
        let mut scratch = [T::default(); MOST_LANES];
        for others in (start..count).step_by(MOST_LANES) {
            let block = &blocks[others * width..][..MOST_LANES * width];
            for (group, squares) in squares.chunks_mut(ROWS * count).enumerate() {
                // If no vector is left, the last one is computed again.
                let first = start + group * ROWS;
                let owns = core::array::from_fn(|row| &vectors[(first + row).min(count - 1) * width..][..width]);
                for at in (0..MOST_LANES).step_by(lanes) {
                    let sums = squares_of::<S, T>(simd, owns, &block[at..]);
                    for (squares, sum) in squares.chunks_mut(count).zip(sums) {
                        sum.store(&mut scratch);
                        let squares = &mut squares[count.min(others + at)..];
                        let size = squares.len().min(lanes);
                        squares[..size].copy_from_slice(&scratch[..size]);
                    }
                }
            }
        }
    }
}

/// The number of vectors whose distances are summed together, in registers.
const ROWS: usize = 8;

/// The number of terms of a distance that are summed separately.
const PART: usize = MOST_LANES;

/// The squared distances to the first others of a block, one for each lane of a register.
#[inline(always)]
fn squares_of<S: Simd, T: Float>(simd: S, owns: [&[T]; ROWS], block: &[T]) -> [Lanes<S, T>; ROWS] {
    let zero = splat::<S, T>(simd, T::default());
    let mut sums = [zero; ROWS];
    for (part, columns) in block.chunks(PART * MOST_LANES).enumerate() {
        let owns = owns.map(
            #[inline(always)]
            |own| own[part * PART..].first_chunk::<PART>().expect("whole registers"),
        );
        let mut parts = [zero; ROWS];
        for (k, column) in columns.chunks(MOST_LANES).enumerate() {
            let other = load::<S, T>(simd, column);
            let mut row = 0;
            while row < ROWS {
                let difference = splat::<S, T>(simd, owns[row][k]) - other;
                parts[row] = difference.mul_add(difference, parts[row]);
                row += 1;
            }
        }
        let mut row = 0;
        while row < ROWS {
            sums[row] = sums[row] + parts[row];
            row += 1;
        }
    }
    sums
}
