//! Several centers of a class: the nearest one counts.

use crate::engine::cpu::PIECE;
use crate::engine::cpu::lanes::Float;
use rayon::prelude::*;

/// The largest of each `centers` products, times a scale. In their place stands which one it is: 1, and 0 for the others; at ties the
/// first, and the first that is not a number before all others, as tensor operations have it.
pub(super) fn nearest<T: Float>(products: &mut [T], logits: &mut [T], centers: usize, scale: f64) {
    let all = products.par_chunks_mut(PIECE * centers).zip(logits.par_chunks_mut(PIECE));
    all.for_each(|(products, logits)| {
        for (products, logit) in products.chunks_exact_mut(centers).zip(logits) {
            let (mut most, mut nearest) = (products[0].to_f64(), 0);
            for (center, product) in products.iter().enumerate().skip(1) {
                let product = product.to_f64();
                if product > most || (product.is_nan() && !most.is_nan()) {
                    (most, nearest) = (product, center);
                }
            }
            products.fill(T::default());
            products[nearest] = T::from_f64(1.0);
            *logit = T::from_f64(most * scale);
        }
    });
}

/// The slopes by all products: those by the logits where [`nearest`] has left a 1.
pub(super) fn slopes<T: Float>(nearest: &mut [T], slopes: &[T], centers: usize) {
    let all = nearest.par_chunks_mut(PIECE * centers).zip(slopes.par_chunks(PIECE));
    all.for_each(|(nearest, slopes)| {
        for (nearest, slope) in nearest.chunks_exact_mut(centers).zip(slopes) {
            for of_center in nearest {
                // No product: what is not a number stays where it belongs.
                *of_center = if of_center.to_f64() == 0.0 { T::default() } else { *slope };
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_has_the_slope() {
        let nan = f32::NAN;
        let mut products = [1.0, 3.0, 3.0, -1.0, -2.0, -1.0, 2.0, nan, 9.0f32];
        let mut logits = [0.0; 3];
        nearest(&mut products, &mut logits, 3, 2.0);
        assert_eq!(logits[..2], [6.0, -2.0]);
        assert!(logits[2].is_nan());
        assert_eq!(products, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        slopes(&mut products, &[0.5, f32::INFINITY, -4.0], 3);
        assert_eq!(products, [0.0, 0.5, 0.0, f32::INFINITY, 0.0, 0.0, 0.0, -4.0, 0.0]);
    }
}
