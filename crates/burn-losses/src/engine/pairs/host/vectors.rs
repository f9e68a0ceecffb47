//! Vectors, the products or squared distances of their pairs, and the gradient of the vectors from that of the pairs.

use super::ANCHORS;
use super::pull::{BLOCK, Pull};
use super::squares::squares;
use crate::engine::host::blocks::par_blocks;
use crate::engine::host::memory::{Pooled, stale, zeros};
use crate::engine::host::simd::{Float, MOST_LANES, vectorized};
use crate::engine::host::transpose::{columns_of, part, transpose};
use crate::engine::host::unsafe_calls::{Matrix, product};
use crate::engine::host::vectors::{l2_normalize, l2_normalize_backward};
use crate::formula::{Distance, Score};
use core::ops::Range;

/// Which rows each embedding is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Against {
    All,
    /// A row of each half with the rows of the other half.
    ///
    /// In the symmetric case both rows of a pair have the same slope: only the slopes of the first half are stored.
    OtherHalf {
        symmetric: bool,
    },
}

/// The embeddings as they are compared: scaled to length 1 if necessary, and each padded with zeros to whole registers.
pub(super) struct Vectors<T: Float> {
    numbers: Pooled<T>,
    shape: [usize; 2],
    /// The number of entries of an embedding, including the padding.
    width: usize,
    /// The lengths that the embeddings were divided by; `None` if they were not scaled.
    lengths: Option<Vec<f64>>,
    /// Whether embeddings are compared by their distances; otherwise by their products.
    is_of_distances: bool,
    against: Against,
}

impl<T: Float> Vectors<T> {
    pub(super) fn new(numbers: &[T], shape: [usize; 2], score: Score, against: Against) -> Self {
        let (is_of_distances, is_unit) = match score {
            // Precomputed scores are cosines of two views.
            Score::Precomputed | Score::Cosine | Score::Distance(Distance::Cosine, _) => (false, true),
            Score::Distance(_, normalize) => (true, normalize),
        };
        let [count, size] = shape;
        let width = size.next_multiple_of(MOST_LANES);
        let (numbers, lengths) = if is_unit {
            let (numbers, lengths) = l2_normalize(numbers, shape, width);
            (numbers, Some(lengths))
        } else {
            let mut vectors = zeros::<T>(count * width);
            for (from, to) in numbers.chunks(size).zip(vectors.chunks_mut(width)) {
                to[..size].copy_from_slice(from);
            }
            (vectors, None)
        };
        Self { numbers, shape, width, lengths, is_of_distances, against }
    }

    /// The number of rows that each row is compared with.
    pub(super) fn columns(&self) -> usize {
        match self.against {
            Against::All => self.shape[0],
            Against::OtherHalf { .. } => self.shape[0] / 2,
        }
    }

    /// The rows that an anchor is compared with.
    pub(super) fn others(&self, anchor: usize) -> Range<usize> {
        let (count, columns) = (self.shape[0], self.columns());
        if anchor < count - columns { columns..count } else { 0..columns }
    }

    /// The groups of rows that are compared with the same rows.
    pub(super) fn sides(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        let (count, columns) = (self.shape[0], self.columns());
        (0..count).step_by(columns).map(move |start| start..start + columns)
    }

    /// The products or squared distances of all pairs, each computed once.
    ///
    /// With [`Against::All`] the result is `[N, N]`, but only blocks of [`ANCHORS`] on the diagonal and the columns to the right
    /// of these blocks are computed. With the other half, the first half is the rows and the second half the columns.
    pub(super) fn products(&self) -> Pooled<T> {
        /// The number of rows whose products with themselves and the rows after them are computed together.
        const STRIP: usize = 128;
        let (numbers, width, columns) = (&self.numbers, self.width, self.columns());
        let mut products = stale::<T>(columns * columns);
        if self.is_of_distances {
            squares(numbers, width, &mut products);
            return products;
        }
        let (strip, from) = match self.against {
            Against::All => (STRIP, 0),
            Against::OtherHalf { .. } => (columns, columns),
        };
        // Transposed once here: each call of `product` would transpose its right side again, on one thread.
        let transposed = columns_of(&numbers[from * width..], width);
        for start in (0..columns).step_by(strip) {
            let rows = start..columns.min(start + strip);
            let first = Matrix::rows(&numbers[rows.start * width..rows.end * width], width);
            let second = Matrix::rows(&transposed, columns).without_columns(start);
            product(first, second, 1.0, (&mut products[start * columns + start..], columns), false);
        }
        products
    }

    /// The part of [`products`](Self::products) that belongs to the anchors of one block of [`ANCHORS`] of a side: one row per
    /// anchor, with all rows that it is compared with.
    pub(super) fn read(&self, products: &[T], anchors: Range<usize>) -> Vec<f64> {
        let columns = self.columns();
        // The place of the anchors' own rows, and the column from which on these rows are computed. The numbers before are read
        // from the anchors' columns.
        let (own, whole) = match self.against {
            Against::All => (anchors.start, anchors.start),
            _ if anchors.start < columns => (anchors.start, 0),
            _ => (anchors.start - columns, columns),
        };
        let mut rows = vec![0.0; anchors.len() * columns];
        vectorized(
            #[inline(always)]
            || {
                for start in (0..whole).step_by(ANCHORS) {
                    // Few rows at a time, because power-of-two strides cause cache conflicts.
                    let block = start..whole.min(start + ANCHORS);
                    let at = [block.clone(), own..own + anchors.len()];
                    let columns_of_rows = transpose(&part::<_, ANCHORS, ANCHORS>(products, columns, at, [0, 0]));
                    for (row, to) in columns_of_rows.iter().zip(rows.chunks_mut(columns)) {
                        to[block.clone()].iter_mut().zip(row).for_each(|(to, number)| *to = number.to_f64());
                    }
                }
                for (row, to) in products[own * columns..].chunks(columns).zip(rows.chunks_mut(columns)) {
                    to[whole..].iter_mut().zip(&row[whole..]).for_each(|(to, number)| *to = number.to_f64());
                }
            },
        );
        rows
    }

    /// The gradient of the embeddings, from the upstream gradient of the values and their slopes with respect to
    /// [`products`](Self::products).
    pub(super) fn gradient(&self, slopes: &[T], upstream: &[f64]) -> Pooled<T> {
        let (width, [count, size]) = (self.width, self.shape);
        let mut gradient = stale::<T>(count * width);
        par_blocks(count, ANCHORS, [Some(&mut gradient), None], [width, 0], &|block, [gradient, _]| {
            let (gradient, start) = (gradient.expect("an output"), block * ANCHORS);
            let anchors = start..start + gradient.len() / width;
            let own = &self.numbers[start * width..anchors.end * width];
            let (others, weights) = vectorized(
                #[inline(always)]
                || self.weights(slopes, upstream, anchors.clone()),
            );
            let (vectors, others, weights) = (&self.numbers, &others, &weights);
            let pull = Pull { vectors, width, anchors, others, weights, gradient: &mut *gradient };
            if self.is_of_distances {
                pull.of_differences()
            } else {
                pull.of_others()
            }
            if let Some(lengths) = &self.lengths {
                l2_normalize_backward(gradient, own, &lengths[start..], width);
            }
            0.0
        });
        if width == size {
            return gradient;
        }
        gradient.chunks(width).flat_map(|row| row[..size].iter().copied()).collect::<Vec<_>>().into()
    }

    /// The rows that some anchors have a slope with, and the weight of each such row in the gradient of each anchor.
    #[inline(always)]
    fn weights(&self, slopes: &[T], upstream: &[f64], anchors: Range<usize>) -> (Vec<usize>, Vec<[T; ANCHORS]>) {
        let columns = self.columns();
        // The derivative of a squared distance is twice the difference.
        let twice = if self.is_of_distances { 2.0 } else { 1.0 };
        let has_slopes = |anchor| self.against != (Against::OtherHalf { symmetric: true }) || anchor < columns;
        let (mut others, mut weights) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        // All anchors are compared with the same rows, except in a block where the halves meet.
        for side in self.sides() {
            let own = anchors.start.max(side.start)..anchors.end.min(side.end);
            if own.is_empty() {
                continue;
            }
            let place = own.start - anchors.start;
            let mut factors = [0.0; ANCHORS];
            factors[place..].iter_mut().zip(&upstream[own.clone()]).for_each(|(to, upstream)| *to = upstream * twice);
            let of_side = self.others(side.start);
            for first in (0..columns).step_by(BLOCK) {
                let block = first..columns.min(first + BLOCK);
                let of_others = of_side.start + block.start..of_side.start + block.end;
                // All slopes are read before any is used, because they are far apart in memory.
                let at = [own.clone(), block];
                let forth = has_slopes(own.start)
                    .then(|| transpose(&part::<_, ANCHORS, BLOCK>(slopes, columns, at, [place, 0])));
                let at = [of_others.clone(), own.start - side.start..own.end - side.start];
                let back =
                    has_slopes(of_others.start).then(|| part::<_, BLOCK, ANCHORS>(slopes, columns, at, [0, place]));
                // At least one of them is stored; if the other is not, it is the same.
                let [forth, back] = [forth.or(back), back.or(forth)].map(|slopes| slopes.expect("of one half"));
                // A pair changes the values of two anchors: the slopes of both values with respect to its score add up.
                for ((forth, back), other) in forth.iter().zip(&back).zip(of_others) {
                    let of_other = upstream[other] * twice;
                    let mut both = [T::default(); ANCHORS];
                    for (anchor, both) in both.iter_mut().enumerate() {
                        let sum = forth[anchor].to_f64() * factors[anchor] + back[anchor].to_f64() * of_other;
                        *both = T::from_f64(sum);
                    }
                    if both.iter().any(|weight| weight.to_f64() != 0.0) {
                        others.push(other);
                        weights.push(both);
                    }
                }
            }
        }
        (others, weights)
    }
}
