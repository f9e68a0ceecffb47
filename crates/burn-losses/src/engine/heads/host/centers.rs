//! Several centers of a class: the nearest one counts.

use crate::engine::host::blocks::{BLOCK, par_blocks, par_rows, part};
use crate::engine::host::memory::{Pooled, stale};
use crate::engine::host::simd::{Float, Lanes, load, rest, store_rest};
use crate::formula::Real;
use pulp::{Simd, WithSimd};

/// Which center of each class is the nearest to each row: the first one at ties. A center whose product is NaN comes before all
/// others, as in tensor operations; the first one of these counts.
pub(super) struct Nearest<T: Float> {
    /// The index of the nearest center, as a number of the products' type, so that it fits into the same registers.
    center: Pooled<T>,
    /// The products of all classes with one center; later the slopes with respect to them.
    scratch: Pooled<T>,
}

impl<T: Float> Nearest<T> {
    /// Space for this many pairs of row and class. With one center per class nothing has to be compared, and no memory is taken.
    pub(super) fn new(centers: usize, pairs: usize) -> Self {
        let pairs = if centers > 1 { pairs } else { 0 };
        Self { center: stale(pairs), scratch: stale(pairs) }
    }

    /// The space for the products with a center, which [`compare`](Self::compare) reads.
    pub(super) fn scratch(&mut self, pairs: usize) -> &mut [T] {
        &mut self.scratch[..pairs]
    }

    /// Writes to `most` the larger one of each number there and its product with this center. The centers come in order,
    /// beginning with the second one: `most` already holds the products with the first one.
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

    /// The slopes with respect to the products with this center: the slopes with respect to the logits if the center is the
    /// nearest, else 0.
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
    // A number that is left from earlier rows must not count.
    let before = if center == 1 { new.lit(0.0) } else { before };
    let is_larger = new.gt(&old);
    let of_numbers = (R::select(&is_larger, new, old), R::select(&is_larger, new.lit(center as f64), before));
    let of_new_nan = (if_number(old, new, old), if_number(old, new.lit(center as f64), before));
    (if_number(new, of_numbers.0, of_new_nan.0), if_number(new, of_numbers.1, of_new_nan.1))
}

/// `yes` if `x` is a number, else `no`: a number is above minus infinity, or its negative is.
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

/// The slope if this center is the nearest, else 0. The slope is chosen, not multiplied, so that a NaN stays with its own center.
#[inline(always)]
fn pick<R: Real + Copy>(nearest: R, slope: R, center: usize) -> R {
    let nothing = slope.lit(0.0);
    let not_beyond = R::select(&nearest.gt_lit(center as f64 + 0.5), nothing, slope);
    R::select(&nearest.gt_lit(center as f64 - 0.5), not_beyond, nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases fill whole registers and leave a rest.
    #[test]
    fn the_first_of_the_largest_has_the_slope() {
        let (nan, infinity) = (f32::NAN, f32::INFINITY);
        let columns = |four: [f32; 4]| four.repeat(9);
        let products = [[1.0, -1.0, 2.0, nan], [3.0, -infinity, nan, infinity], [3.0, -1.0, 9.0, nan]].map(columns);
        let is_same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
        let mut nearest = Nearest::new(3, 40);
        // The second run must not see anything of the first one.
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
