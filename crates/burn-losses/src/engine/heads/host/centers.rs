//! Several centers of a class: the nearest one counts.

use crate::engine::host::blocks::{BLOCK, par_blocks, par_rows, part};
use crate::engine::host::memory::{Pooled, stale};
use crate::engine::host::simd::{Float, Lanes, load, rest, store_rest};
use crate::formula::Real;
use pulp::{Simd, WithSimd};

/// Which center of each class is the nearest to each row: at ties the first one, and before all others the first whose product is not
/// a number, as tensor operations have it.
pub(super) struct Nearest<T: Float> {
    /// Numbers of centers, of the type of the products for the sake of the registers.
    center: Pooled<T>,
    /// The products with one center of all classes, then the slopes by them.
    scratch: Pooled<T>,
}

impl<T: Float> Nearest<T> {
    /// Of so many pairs of row and class. One center is the nearest, and takes no memory.
    pub(super) fn new(centers: usize, pairs: usize) -> Self {
        let pairs = if centers > 1 { pairs } else { 0 };
        Self { center: stale(pairs), scratch: stale(pairs) }
    }

    /// What is to hold the products with a center, for [`compare`](Self::compare).
    pub(super) fn scratch(&mut self, pairs: usize) -> &mut [T] {
        &mut self.scratch[..pairs]
    }

    /// Leaves in `most` the larger one of it and of the products with this center. Centers come in order, the second one first: `most`
    /// has the products with the first one by then.
    pub(super) fn compare(&mut self, center: usize, most: &mut [T]) {
        let (products, count) = (&self.scratch, most.len());
        let outputs = [Some(most), Some(&mut self.center[..count])];
        par_blocks(count, BLOCK, outputs, [1, 1], &|block, [most, nearest]| {
            let (most, nearest) = (most.expect("an output"), nearest.expect("an output"));
            let products = &products[block * BLOCK..][..most.len()];
            T::dispatch(Compare { center, products, most, nearest });
            0.0
        });
    }

    /// The slopes by the products with this center: those by the logits where it is the nearest.
    pub(super) fn slopes(&mut self, center: usize, slopes: &[T]) -> &[T] {
        let nearest = &self.center;
        par_rows(&mut self.scratch[..slopes.len()], BLOCK, 1, &|block, of_center| {
            let (nearest, slopes) = (part(nearest, block, BLOCK, 1), part(slopes, block, BLOCK, 1));
            T::dispatch(Pick { center, nearest: &nearest[..slopes.len()], slopes, of_center });
        });
        &self.scratch[..slopes.len()]
    }
}

struct Compare<'a, T> {
    center: usize,
    products: &'a [T],
    most: &'a mut [T],
    nearest: &'a mut [T],
}

impl<T: Float> WithSimd for Compare<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, products, most, nearest } = self;
        let width = Lanes::<S, T>::COUNT;
        let mut i = 0;
        while i + width <= most.len() {
            let old = (load::<S, T>(simd, &most[i..]), load::<S, T>(simd, &nearest[i..]));
            let (product, which) = nearer(load::<S, T>(simd, &products[i..]), old, center);
            product.store(&mut most[i..]);
            which.store(&mut nearest[i..]);
            i += width;
        }
        if i < most.len() {
            let old = (rest::<S, T>(simd, &most[i..]), rest::<S, T>(simd, &nearest[i..]));
            let (product, which) = nearer(rest::<S, T>(simd, &products[i..]), old, center);
            store_rest(product, &mut most[i..]);
            store_rest(which, &mut nearest[i..]);
        }
    }
}

/// The larger product and its center.
#[inline(always)]
fn nearer<R: Real + Copy>(new: R, (old, before): (R, R), center: usize) -> (R, R) {
    // What is left there of other rows does not count.
    let before = if center == 1 { new.lit(0.0) } else { before };
    let is_larger = new.gt(&old);
    let of_numbers = (R::select(&is_larger, new, old), R::select(&is_larger, new.lit(center as f64), before));
    let of_new_nan = (if_number(old, new, old), if_number(old, new.lit(center as f64), before));
    (if_number(new, of_numbers.0, of_new_nan.0), if_number(new, of_numbers.1, of_new_nan.1))
}

/// `yes` where `x` is a number, which lies on one side of infinity at least.
#[inline(always)]
fn if_number<R: Real + Copy>(x: R, yes: R, no: R) -> R {
    let below = R::select(&(-x).gt_lit(f64::NEG_INFINITY), yes, no);
    R::select(&x.gt_lit(f64::NEG_INFINITY), yes, below)
}

struct Pick<'a, T> {
    center: usize,
    nearest: &'a [T],
    slopes: &'a [T],
    of_center: &'a mut [T],
}

impl<T: Float> WithSimd for Pick<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { center, nearest, slopes, of_center } = self;
        let width = Lanes::<S, T>::COUNT;
        let mut i = 0;
        while i + width <= slopes.len() {
            let picked = pick(load::<S, T>(simd, &nearest[i..]), load::<S, T>(simd, &slopes[i..]), center);
            picked.store(&mut of_center[i..]);
            i += width;
        }
        if i < slopes.len() {
            let picked = pick(rest::<S, T>(simd, &nearest[i..]), rest::<S, T>(simd, &slopes[i..]), center);
            store_rest(picked, &mut of_center[i..]);
        }
    }
}

/// The slope where this center is the nearest; chosen, not multiplied, so that what is not a number stays where it belongs.
#[inline(always)]
fn pick<R: Real + Copy>(nearest: R, slope: R, center: usize) -> R {
    let nothing = slope.lit(0.0);
    let not_beyond = R::select(&nearest.gt_lit(center as f64 + 0.5), nothing, slope);
    R::select(&nearest.gt_lit(center as f64 - 0.5), not_beyond, nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In registers, and in what is left beside them.
    #[test]
    fn the_first_of_the_largest_has_the_slope() {
        let (nan, infinity) = (f32::NAN, f32::INFINITY);
        let columns = |four: [f32; 4]| four.repeat(9);
        let products = [[1.0, -1.0, 2.0, nan], [3.0, -infinity, nan, infinity], [3.0, -1.0, 9.0, nan]].map(columns);
        let is_same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
        let mut nearest = Nearest::new(3, 40);
        // Twice: nothing is left of the rows before.
        for _ in 0..2 {
            let mut most = products[0].clone();
            for (center, products) in products.iter().enumerate().skip(1) {
                nearest.scratch(36).copy_from_slice(products);
                nearest.compare(center, &mut most);
            }
            assert!(is_same(&most, &columns([3.0, -1.0, nan, nan])), "{most:?}");
            let slopes = columns([0.5, infinity, nan, -4.0]);
            let expected = [[0.0, infinity, 0.0, -4.0], [0.5, 0.0, nan, 0.0], [0.0; 4]].map(columns);
            for (center, expected) in expected.iter().enumerate() {
                let got = nearest.slopes(center, &slopes);
                assert!(is_same(got, expected), "{center}: {got:?}");
            }
        }
    }
}
