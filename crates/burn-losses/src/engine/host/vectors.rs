//! Vectors: dot products, and L2 normalization with its backward pass.

use super::blocks::{par_map, par_rows, part};
use super::memory::{Pooled, stale};
use super::simd::{Float, vectorized};
use crate::engine::primitives::l2_normalize::NO_LENGTH;

/// The vectors scaled to length 1, each followed by zeros up to `width`; and the lengths that they were divided by, which are 1
/// for vectors without a direction.
pub(crate) fn l2_normalize<T: Float>(vectors: &[T], [count, size]: [usize; 2], width: usize) -> (Pooled<T>, Vec<f64>) {
    let mut units = stale::<T>(count * width);
    let lengths = par_map(count, LEAST_ROWS, &|row| {
        let vector = part(vectors, row, 1, size);
        let own = vectorized(
            #[inline(always)]
            || dot(vector, vector).sqrt(),
        );
        let own = if own == f64::INFINITY { length_of_large(vector) } else { own };
        if own >= NO_LENGTH || own.is_nan() { own } else { 1.0 }
    });
    par_rows(&mut units, width, LEAST_ROWS, &|row, unit| {
        let (vector, reciprocal) = (part(vectors, row, 1, size), 1.0 / lengths[row]);
        vectorized(
            #[inline(always)]
            || {
                for (to, from) in unit.iter_mut().zip(vector) {
                    *to = T::from_f64(from.to_f64() * reciprocal);
                }
                unit[size..].fill(T::default());
            },
        );
    });
    (units, lengths)
}

/// The length of a vector whose squares add up to infinity.
fn length_of_large<T: Float>(vector: &[T]) -> f64 {
    let largest = vector.iter().fold(0.0, |most: f64, number| most.max(number.to_f64().abs()));
    let sum: f64 = vector.iter().map(|number| (number.to_f64() / largest).powi(2)).sum();
    largest * sum.sqrt()
}

/// Turns the gradient with respect to the unit vectors, in place, into the gradient with respect to the vectors.
pub(crate) fn l2_normalize_backward<T: Float>(gradient: &mut [T], units: &[T], lengths: &[f64], width: usize) {
    par_rows(gradient, width, LEAST_ROWS, &|row, gradient| {
        let unit = part(units, row, 1, width);
        vectorized(
            #[inline(always)]
            || {
                // A vector without a direction was not changed.
                let along = if dot(unit, unit) < NO_LENGTH { 0.0 } else { dot(gradient, unit) };
                let reciprocal = 1.0 / lengths[row];
                for (own, unit) in gradient.iter_mut().zip(unit) {
                    *own = T::from_f64((own.to_f64() - along * unit.to_f64()) * reciprocal);
                }
            },
        );
    });
}

/// The least number of rows that is worth a task.
pub(crate) const LEAST_ROWS: usize = 16;

/// The dot product of two rows.
#[inline(always)]
pub(crate) fn dot<A: Float, B: Float>(a: &[A], b: &[B]) -> f64 {
    // Separate sums do not wait for each other.
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    let (mut of_a, mut of_b) = (a.chunks_exact(SUMS), b.chunks_exact(SUMS));
    for (a, b) in (&mut of_a).zip(&mut of_b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a.to_f64() * b.to_f64();
        }
    }
    let rest: f64 = of_a.remainder().iter().zip(of_b.remainder()).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
    sums.iter().sum::<f64>() + rest
}
