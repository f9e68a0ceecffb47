//! Sums that slide along an axis, and what lies beyond the ends of the axis.

use super::{CHUNK, MAPS};
use crate::engine::host::blocks::par_rows;
use crate::engine::host::simd::{Float, Lanes, load, splat};
use crate::formula::Real;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The weight of a window at a place along an axis.
#[derive(Clone, Copy)]
pub(super) struct Weight<T> {
    place: usize,
    weight: T,
}

/// The weights of a window. The smallest come first, so that most partial sums are small, and with them their rounding.
pub(super) fn weights<T: Float>(weights: impl Iterator<Item = f64>) -> Vec<Weight<T>> {
    let mut places: Vec<(usize, f64)> = weights.enumerate().collect();
    places.sort_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
    places.into_iter().map(|(place, weight)| Weight { place, weight: T::from_f64(weight) }).collect()
}

/// `to[i]` = the sum of `weight from[i + place stride]` over the weights.
struct Slide<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
    weights: &'a [Weight<T>],
    stride: usize,
}

impl<T: Float> WithSimd for Slide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// The number of registers that are summed together.
        const TOGETHER: usize = 4;
        let Self { from, to, weights, stride } = self;
        let lanes = Lanes::<S, T>::COUNT;
        // What is left at the end is computed together with numbers before it, a second time.
        if to.len() >= TOGETHER * lanes {
            for start in (0..to.len()).step_by(TOGETHER * lanes) {
                let start = start.min(to.len() - TOGETHER * lanes);
                let sums = sums::<S, T, TOGETHER>(simd, &from[start..], weights, stride);
                let mut i = 0;
                while i < TOGETHER {
                    sums[i].store(&mut to[start + i * lanes..]);
                    i += 1;
                }
            }
        } else if to.len() >= lanes {
            for start in (0..to.len()).step_by(lanes) {
                let start = start.min(to.len() - lanes);
                let [sum] = sums::<S, T, 1>(simd, &from[start..], weights, stride);
                sum.store(&mut to[start..]);
            }
        } else {
            for (i, to) in to.iter_mut().enumerate() {
                *to = T::default();
                for Weight { place, weight } in weights {
                    *to = *to + *weight * from[i + place * stride];
                }
            }
        }
    }
}

/// The first sums, in `N` registers.
#[inline(always)]
fn sums<S: Simd, T: Float, const N: usize>(
    simd: S,
    from: &[T],
    weights: &[Weight<T>],
    stride: usize,
) -> [Lanes<S, T>; N] {
    let mut sums = [splat::<S, T>(simd, T::default()); N];
    for Weight { place, weight } in weights {
        let weight = splat::<S, T>(simd, *weight);
        let from = &from[place * stride..][..N * Lanes::<S, T>::COUNT];
        let mut i = 0;
        while i < N {
            sums[i] = load::<S, T>(simd, &from[i * Lanes::<S, T>::COUNT..]).mul_add(weight, sums[i]);
            i += 1;
        }
    }
    sums
}

/// What lies beyond the ends of an axis.
#[derive(Clone, Copy)]
pub(super) enum Beyond {
    Zeros,
    Reflection,
}

/// Whether the threads share the pixels of an image; otherwise they share the images. Tasks within tasks would begin an image while
/// others wait for their last pixels, and each of them needs memory of its own.
#[derive(Clone, Copy)]
pub(super) struct Threads {
    pub(super) share_pixels: bool,
}

impl Threads {
    /// Runs `work` on each row of `width` numbers, with the number of the row.
    pub(super) fn rows<T: Send>(self, numbers: &mut [T], width: usize, work: &(dyn Fn(usize, &mut [T]) + Sync)) {
        match self.share_pixels {
            true => par_rows(numbers, width, (CHUNK / width).max(1), work),
            false => numbers.chunks_mut(width).enumerate().for_each(|(row, numbers)| work(row, numbers)),
        }
    }

    /// Runs `work` on the same part of all maps, with the number of the part, and adds up its results in order.
    pub(super) fn parts<T: Send>(
        self,
        [a, b, c, d]: [&mut [T]; MAPS],
        work: &(dyn Fn(usize, [&mut [T]; MAPS]) -> f64 + Sync),
    ) -> f64 {
        let pairs = a.chunks_mut(CHUNK).zip(b.chunks_mut(CHUNK)).zip(c.chunks_mut(CHUNK).zip(d.chunks_mut(CHUNK)));
        let parts: Vec<_> = pairs.enumerate().collect();
        let run = |(number, ((a, b), (c, d)))| work(number, [a, b, c, d]);
        match self.share_pixels {
            true => parts.into_par_iter().map(run).collect::<Vec<f64>>().into_iter().sum(),
            false => parts.into_iter().map(run).sum(),
        }
    }

    /// The sums over all windows along one axis of `[outer, side, inner]`, written to `[outer, side + 1 - weights, inner]`.
    pub(super) fn slide<T: Float>(
        self,
        from: &[T],
        to: &mut [T],
        [outer, side, inner]: [usize; 3],
        weights: &[Weight<T>],
    ) {
        let (of_from, of_to) = (side * inner, (side + 1 - weights.len()) * inner);
        self.rows(&mut to[..outer * of_to], of_to, &|row, to| {
            let from = &from[row * of_from..][..of_from];
            let run = |chunk: usize, to: &mut [T]| {
                T::dispatch(Slide { from: &from[chunk * CHUNK..], to, weights, stride: inner });
            };
            if to.len() <= CHUNK { run(0, to) } else { self.rows(to, CHUNK, &run) }
        });
    }

    /// Copies `[outer, side, inner]` with `width` more entries on both ends of the axis.
    pub(super) fn pad<T: Float>(
        self,
        from: &[T],
        to: &mut [T],
        [outer, side, inner]: [usize; 3],
        width: usize,
        beyond: Beyond,
    ) {
        let (of_from, of_to) = (side * inner, (side + 2 * width) * inner);
        self.rows(&mut to[..outer * of_to], of_to, &|row, to| {
            let from = &from[row * of_from..][..of_from];
            let (before, to) = to.split_at_mut(width * inner);
            let (to, behind) = to.split_at_mut(of_from);
            to.copy_from_slice(from);
            match beyond {
                Beyond::Zeros => {
                    before.fill(T::default());
                    behind.fill(T::default());
                }
                Beyond::Reflection => {
                    let entry = |number: usize| &from[number * inner..][..inner];
                    for (i, (before, behind)) in before.chunks_mut(inner).zip(behind.chunks_mut(inner)).enumerate() {
                        before.copy_from_slice(entry(width - i));
                        behind.copy_from_slice(entry(side - 2 - i));
                    }
                }
            }
        });
    }

    /// The adjoint of [`pad`](Self::pad) by reflection: each number beyond an end is added to the one that it reflects. The result
    /// is `[outer, side, inner]`.
    pub(super) fn fold<T: Float>(self, from: &[T], to: &mut [T], [outer, side, inner]: [usize; 3], width: usize) {
        let (of_from, of_to) = ((side + 2 * width) * inner, side * inner);
        self.rows(&mut to[..outer * of_to], of_to, &|row, to| {
            let from = &from[row * of_from..][..of_from];
            to.copy_from_slice(&from[width * inner..][..of_to]);
            let mut add = |entry: usize, beyond: usize| {
                let (to, beyond) = (&mut to[entry * inner..][..inner], &from[beyond * inner..][..inner]);
                to.iter_mut().zip(beyond).for_each(|(to, beyond)| *to = *to + *beyond);
            };
            for i in 0..width {
                add(width - i, i);
                add(side - 2 - i, width + side + i);
            }
        });
    }
}
