//! The gradient of vectors, computed from the slopes of their pairs.

use super::ANCHORS;
use crate::engine::host::simd::{Float, Lanes, MOST_LANES, load, splat};
use crate::formula::Real;
use core::ops::Range;
use pulp::{Simd, WithSimd};

/// The number of vectors whose gradients are summed together, in registers.
const GROUP: usize = 4;

/// The number of terms that are summed separately: long sums, and sums that nearly cancel, keep more digits this way.
pub(super) const BLOCK: usize = 32;

/// Computes the gradient of some vectors, and writes all of it: for each vector, the sum of the others times their weights.
pub(super) struct Pull<'a, T> {
    pub(super) vectors: &'a [T],
    pub(super) width: usize,
    pub(super) anchors: Range<usize>,
    pub(super) others: &'a [usize],
    pub(super) weights: &'a [[T; ANCHORS]],
    pub(super) gradient: &'a mut [T],
}

/// The sum of the others themselves.
struct Others<'a, T>(Pull<'a, T>);

/// The sum of the differences from the others.
struct Differences<'a, T>(Pull<'a, T>);

impl<T: Float> WithSimd for Others<'_, T> {
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
    pub(super) fn of_others(self) {
        T::dispatch(Others(self));
    }

    pub(super) fn of_differences(self) {
        T::dispatch(Differences(self));
    }

    #[inline(always)]
    fn run<S: Simd, const DIFFERENCES: bool>(mut self, simd: S) {
        let lanes = Lanes::<S, T>::COUNT;
        if self.others.is_empty() {
            self.gradient.fill(T::default());
        }
        for block in (0..self.others.len()).step_by(BLOCK) {
            let block = block..self.others.len().min(block + BLOCK);
            let mut k = 0;
            // Machines with the longest registers have twice as many of them, and differences need half of these.
            while !DIFFERENCES && lanes == MOST_LANES && k + 4 * lanes <= self.width {
                self.tiles::<S, DIFFERENCES, 4>(simd, block.clone(), k);
                k += 4 * lanes;
            }
            while k + 2 * lanes <= self.width {
                self.tiles::<S, DIFFERENCES, 2>(simd, block.clone(), k);
                k += 2 * lanes;
            }
            while k < self.width {
                self.tiles::<S, DIFFERENCES, 1>(simd, block.clone(), k);
                k += lanes;
            }
        }
    }

    /// Computes some registers of each gradient, from number `k` on: the part of the others that one group reads is in the cache
    /// for the next.
    #[inline(always)]
    fn tiles<S: Simd, const DIFFERENCES: bool, const REGISTERS: usize>(
        &mut self,
        simd: S,
        block: Range<usize>,
        k: usize,
    ) {
        for group in (0..self.anchors.len()).step_by(GROUP) {
            self.tile::<S, DIFFERENCES, REGISTERS>(simd, block.clone(), group, k);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const DIFFERENCES: bool, const REGISTERS: usize>(
        &mut self,
        simd: S,
        block: Range<usize>,
        group: usize,
        k: usize,
    ) {
        let Self { vectors, width, anchors, others, weights, gradient } = self;
        let (width, lanes) = (*width, Lanes::<S, T>::COUNT);
        let (zero, is_first) = (splat::<S, T>(simd, T::default()), block.start == 0);
        let mut owns = [[zero; REGISTERS]; GROUP];
        let mut anchor = 0;
        while DIFFERENCES && anchor < GROUP {
            // If no vector is left, the last one is computed again.
            let own = (anchors.start + group + anchor).min(anchors.end - 1);
            owns[anchor] = registers::<S, T, REGISTERS>(simd, &vectors[own * width + k..]);
            anchor += 1;
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
        let mut anchor = 0;
        while anchor < GROUP && group + anchor < anchors.len() {
            let gradient = &mut gradient[(group + anchor) * width + k..][..REGISTERS * lanes];
            let mut part = 0;
            while part < REGISTERS {
                let gradient = &mut gradient[part * lanes..];
                let sum = sums[anchor][part];
                let before = if is_first { zero } else { load::<S, T>(simd, gradient) };
                (before + sum).store(gradient);
                part += 1;
            }
            anchor += 1;
        }
    }
}

#[inline(always)]
fn registers<S: Simd, T: Float, const REGISTERS: usize>(simd: S, from: &[T]) -> [Lanes<S, T>; REGISTERS] {
    let lanes = Lanes::<S, T>::COUNT;
    let from = &from[..REGISTERS * lanes];
    let mut registers = [load::<S, T>(simd, from); REGISTERS];
    let mut part = 1;
    while part < REGISTERS {
        registers[part] = load::<S, T>(simd, &from[part * lanes..]);
        part += 1;
    }
    registers
}
