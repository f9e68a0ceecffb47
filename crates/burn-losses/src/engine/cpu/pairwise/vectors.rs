//! Vectors, what is computed of each pair of them, and their gradient from that of the pairs.

use super::ANCHORS;
use crate::engine::cpu::in_pieces;
use crate::engine::cpu::lanes::{Float, Lanes, MOST_LANES, dispatch_longest};
use crate::engine::cpu::memory::{Lent, Number, unwritten, zeros};
use crate::engine::cpu::pointwise::load;
use crate::engine::cpu::raw::{Matrix, product};
use crate::engine::cpu::unit::{normalized, pull_back};
use crate::formula::Score;
use crate::metric::Distance;
use core::ops::Range;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Whom an embedding is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Against {
    All,
    /// A row of the first half with those of the second, and the other way round.
    OtherHalf,
}

/// The embeddings as they are compared, each filled up with zeros to whole registers.
pub(super) struct Vectors<T: Float> {
    numbers: Lent<T>,
    shape: [usize; 2],
    /// How many numbers an embedding has here.
    width: usize,
    /// What each was divided by; none where they are as they were.
    lengths: Option<Vec<f64>>,
    /// Whether they are compared by their distance, or by their product.
    is_of_distances: bool,
    against: Against,
}

impl<T: Float + Number<Wide = T>> Vectors<T> {
    pub(super) fn of(numbers: &[T], shape: [usize; 2], score: Score, against: Against) -> Self {
        let (is_of_distances, is_unit) = match score {
            // Given scores are cosines of two views.
            Score::Given | Score::Cosine | Score::Distance(Distance::Cosine, _) => (false, true),
            Score::Distance(_, normalize) => (true, normalize),
        };
        let [count, size] = shape;
        let width = size.next_multiple_of(MOST_LANES);
        let (numbers, lengths) = if is_unit {
            let (numbers, lengths) = normalized(numbers, shape, width);
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

    /// With how many each is compared.
    pub(super) fn columns(&self) -> usize {
        match self.against {
            Against::All => self.shape[0],
            Against::OtherHalf => self.shape[0] / 2,
        }
    }

    /// Whom one is compared with.
    pub(super) fn others(&self, anchor: usize) -> Range<usize> {
        let (count, columns) = (self.shape[0], self.columns());
        if anchor < count - columns { columns..count } else { 0..columns }
    }

    /// Those that are compared with the same.
    pub(super) fn sides(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        let (count, columns) = (self.shape[0], self.columns());
        (0..count).step_by(columns).map(move |start| start..start + columns)
    }

    /// What is computed of each pair once: products, or the squares of distances.
    ///
    /// Against all, this is `[N, N]`, of which only what is on the diagonal and to the right of it is there; against the other half the
    /// first half is the rows, the second the columns.
    pub(super) fn products(&self) -> Lent<T> {
        /// Rows whose products are computed together.
        const ROWS: usize = 128;
        let (numbers, width, columns) = (&self.numbers, self.width, self.columns());
        let mut products = unwritten::<T>(columns * columns);
        if self.is_of_distances {
            in_pieces(columns, ANCHORS, [Some(&mut products), None], [columns, 0], |piece, [squares, _]| {
                let squares = squares.expect("an output");
                T::dispatch(Squares { vectors: numbers, width, start: piece * ANCHORS, squares });
                0.0
            });
            return products;
        }
        for start in (0..columns).step_by(ROWS) {
            let rows = start..columns.min(start + ROWS);
            let (left, from) = match self.against {
                Against::All => (start, start),
                Against::OtherHalf => (0, columns),
            };
            let first = Matrix::rows(&numbers[rows.start * width..rows.end * width], width);
            let second = Matrix::rows(&numbers[from * width..], width).transposed();
            product(first, second, 1.0, (&mut products[start * columns + left..], columns), false);
        }
        products
    }

    /// What [`products`](Self::products) computed of one and all that it is compared with.
    pub(super) fn read(&self, products: &[T], anchor: usize, room: &mut [f64]) {
        let columns = self.columns();
        // Where its row begins, and from where on it is there; before that, its column.
        let (own, whole) = match self.against {
            Against::All => (anchor, anchor),
            Against::OtherHalf if anchor < columns => (anchor, 0),
            Against::OtherHalf => (anchor - columns, columns),
        };
        let (above, right) = room.split_at_mut(whole);
        for (j, number) in above.iter_mut().enumerate() {
            *number = products[j * columns + own].to_f64();
        }
        let row = &products[own * columns..][whole..columns];
        dispatch_longest(
            #[inline(always)]
            || right.iter_mut().zip(row).for_each(|(to, number)| *to = number.to_f64()),
        );
    }

    /// The gradient by what the products are multiplied by, and by what is added then.
    pub(super) fn of_scaling(&self, products: &[T], slopes: &[T], upstream: &[f64]) -> [f64; 2] {
        let columns = self.columns();
        let of_anchor = |(anchor, slopes): (usize, &[T])| {
            let mut scores = vec![0.0; columns];
            self.read(products, anchor, &mut scores);
            let by_factor: f64 = slopes.iter().zip(&scores).map(|(slope, score)| slope.to_f64() * score).sum();
            let by_term: f64 = slopes.iter().map(|slope| slope.to_f64()).sum();
            [by_factor * upstream[anchor], by_term * upstream[anchor]]
        };
        let all: Vec<[f64; 2]> = slopes.par_chunks(columns).enumerate().map(of_anchor).collect();
        all.into_iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d])
    }

    /// The gradient of the embeddings, from that of the values and their slopes by what [`products`](Self::products) computes.
    pub(super) fn gradient(&self, slopes: &[T], upstream: &[f64]) -> Lent<T> {
        let (width, [count, size]) = (self.width, self.shape);
        let mut gradient = zeros::<T>(count * width);
        in_pieces(count, ANCHORS, [Some(&mut gradient), None], [width, 0], |piece, [gradient, _]| {
            let (gradient, start) = (gradient.expect("an output"), piece * ANCHORS);
            let anchors = start..start + gradient.len() / width;
            let (others, weights) = dispatch_longest(
                #[inline(always)]
                || self.weights(slopes, upstream, anchors.clone()),
            );
            let pull = Pull { vectors: &self.numbers, width, anchors, others: &others, weights: &weights, gradient };
            match self.is_of_distances {
                true => T::dispatch(Differences(pull)),
                false => T::dispatch(Sums(pull)),
            }
            0.0
        });
        if let Some(lengths) = &self.lengths {
            pull_back(&mut gradient, &self.numbers, lengths, width);
        }
        if width == size {
            return gradient;
        }
        gradient.chunks(width).flat_map(|row| row[..size].iter().copied()).collect::<Vec<_>>().into()
    }

    /// Whom some anchors have a slope with, and how much of each is in the gradient of each anchor.
    #[inline(always)]
    fn weights(&self, slopes: &[T], upstream: &[f64], anchors: Range<usize>) -> (Vec<usize>, Vec<[T; ANCHORS]>) {
        let columns = self.columns();
        // The square of a distance changes by twice the difference.
        let twice = if self.is_of_distances { 2.0 } else { 1.0 };
        let (mut others, mut weights) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        // All are compared with the same, but where the halves meet.
        for side in self.sides() {
            let own = anchors.start.max(side.start)..anchors.end.min(side.end);
            if own.is_empty() {
                continue;
            }
            let place = own.start - anchors.start;
            let of_side = self.others(side.start);
            for first in (0..columns).step_by(BLOCK) {
                let block = first..columns.min(first + BLOCK);
                // A pair has two anchors: what its score changes the value of each by.
                let mut both = [[0.0; ANCHORS]; BLOCK];
                for (place, anchor) in (place..).zip(own.clone()) {
                    let factor = upstream[anchor] * twice;
                    for (both, slope) in both.iter_mut().zip(&slopes[anchor * columns..][block.clone()]) {
                        both[place] = slope.to_f64() * factor;
                    }
                }
                for (both, other) in both.iter_mut().zip(block.map(|column| of_side.start + column)) {
                    let factor = upstream[other] * twice;
                    let back = &slopes[other * columns + own.start - side.start..][..own.len()];
                    for (both, slope) in both[place..].iter_mut().zip(back) {
                        *both += slope.to_f64() * factor;
                    }
                    if both.iter().any(|weight| *weight != 0.0) {
                        others.push(other);
                        weights.push(both.map(T::from_f64));
                    }
                }
            }
        }
        (others, weights)
    }
}

/// The squared distances of some vectors, from number `start` on, to themselves and those behind them.
struct Squares<'a, T> {
    vectors: &'a [T],
    width: usize,
    start: usize,
    squares: &'a mut [T],
}

impl<T: Float> WithSimd for Squares<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { vectors, width, start, squares } = self;
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let count = vectors.len() / width;
        let mut room = [T::default(); MOST_LANES];
        // All anchors with one other row after the other: both stay in the fastest cache.
        for j in start..count {
            let other = &vectors[j * width..(j + 1) * width];
            for (i, squares) in squares.chunks_exact_mut(count).enumerate() {
                if start + i > j {
                    break;
                }
                let own = &vectors[(start + i) * width..][..width];
                let zero = load::<S, T>(simd, &[T::default(); MOST_LANES]);
                let mut sums = [zero, zero];
                let mut k = 0;
                while k + 2 * lanes <= width {
                    let mut part = 0;
                    while part < 2 {
                        let at = k + part * lanes;
                        let difference = load::<S, T>(simd, &own[at..]) - load::<S, T>(simd, &other[at..]);
                        sums[part] = difference.mul_add(difference, sums[part]);
                        part += 1;
                    }
                    k += 2 * lanes;
                }
                if k < width {
                    let difference = load::<S, T>(simd, &own[k..]) - load::<S, T>(simd, &other[k..]);
                    sums[0] = difference.mul_add(difference, sums[0]);
                }
                (sums[0] + sums[1]).store(&mut room);
                squares[j] = T::from_f64(room[..lanes].iter().map(|part| part.to_f64()).sum());
            }
        }
    }
}

/// Vectors whose gradients are summed up together, in registers.
const GROUP: usize = 4;

/// Others that are summed up on their own. They fit into the fastest cache; and of sums that nearly cancel, more digits are left.
const BLOCK: usize = 16;

/// The gradient of some vectors, which begins as 0: the sum of others, each times its weight for each of the vectors.
struct Pull<'a, T> {
    vectors: &'a [T],
    width: usize,
    anchors: Range<usize>,
    others: &'a [usize],
    weights: &'a [[T; ANCHORS]],
    gradient: &'a mut [T],
}

/// Of the others themselves.
struct Sums<'a, T>(Pull<'a, T>);

/// Of the differences from the others.
struct Differences<'a, T>(Pull<'a, T>);

impl<T: Float> WithSimd for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, false>(simd);
    }
}

impl<T: Float> WithSimd for Differences<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, true>(simd);
    }
}

impl<T: Float> Pull<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const DIFFERENCES: bool>(mut self, simd: S) {
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        for block in (0..self.others.len()).step_by(BLOCK) {
            let block = block..self.others.len().min(block + BLOCK);
            for group in (0..self.anchors.len()).step_by(GROUP) {
                let mut k = 0;
                // The machines with the longest registers have twice as many of them.
                while lanes == MOST_LANES && k + 4 * lanes <= self.width {
                    self.tile::<S, DIFFERENCES, 4>(simd, block.clone(), group, k);
                    k += 4 * lanes;
                }
                while k + 2 * lanes <= self.width {
                    self.tile::<S, DIFFERENCES, 2>(simd, block.clone(), group, k);
                    k += 2 * lanes;
                }
                while k < self.width {
                    self.tile::<S, DIFFERENCES, 1>(simd, block.clone(), group, k);
                    k += lanes;
                }
            }
        }
    }

    /// Some registers, from number `k` on, of each gradient of a group.
    #[inline(always)]
    fn tile<S: Simd, const DIFFERENCES: bool, const REGISTERS: usize>(
        &mut self,
        simd: S,
        block: Range<usize>,
        group: usize,
        k: usize,
    ) {
        let Self { vectors, width, anchors, others, weights, gradient } = self;
        let (width, lanes) = (*width, <T::Lanes<S> as Lanes<S, T>>::COUNT);
        let zero = splat::<S, T>(simd, T::default());
        let mut owns = [[zero; REGISTERS]; GROUP];
        if DIFFERENCES {
            for (own, anchor) in owns.iter_mut().zip(anchors.start + group..anchors.end) {
                *own = registers::<S, T, REGISTERS>(simd, &vectors[anchor * width + k..]);
            }
        }
        let mut sums = [[zero; REGISTERS]; GROUP];
        for (other, weights) in others[block.clone()].iter().zip(&weights[block]) {
            let other = registers::<S, T, REGISTERS>(simd, &vectors[other * width + k..]);
            let mut anchor = 0;
            while anchor < GROUP {
                let weight = splat::<S, T>(simd, weights[group + anchor]);
                let mut part = 0;
                while part < REGISTERS {
                    let number = if DIFFERENCES { owns[anchor][part] - other[part] } else { other[part] };
                    sums[anchor][part] = number.mul_add(weight, sums[anchor][part]);
                    part += 1;
                }
                anchor += 1;
            }
        }
        for (anchor, gradient) in gradient.chunks_exact_mut(width).skip(group).take(GROUP).enumerate() {
            let mut part = 0;
            while part < REGISTERS {
                let gradient = &mut gradient[k + part * lanes..];
                (load::<S, T>(simd, gradient) + sums[anchor][part]).store(gradient);
                part += 1;
            }
        }
    }
}

#[inline(always)]
fn registers<S: Simd, T: Float, const REGISTERS: usize>(simd: S, from: &[T]) -> [T::Lanes<S>; REGISTERS] {
    let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let from = &from[..REGISTERS * lanes];
    let mut registers = [load::<S, T>(simd, from); REGISTERS];
    let mut part = 1;
    while part < REGISTERS {
        registers[part] = load::<S, T>(simd, &from[part * lanes..]);
        part += 1;
    }
    registers
}

#[inline(always)]
fn splat<S: Simd, T: Float>(simd: S, number: T) -> T::Lanes<S> {
    load::<S, T>(simd, &[number; MOST_LANES])
}
