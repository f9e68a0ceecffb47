//! The length that is a factor of a logit beside its cosine, and the gradient that flows through it.

use crate::engine::host::blocks::{par_rows, part};
use crate::engine::host::memory::Pooled;
use crate::engine::host::simd::Float;
use crate::engine::host::vectors::{LEAST_ROWS, dot};
use crate::engine::rows::host::Label;
use rayon::prelude::*;

/// For each row the lengths of its embedding and of its label's row of the weight; a length that the margin does not depend on is
/// 1.
pub(super) struct Lengths {
    each: Vec<[f64; 2]>,
    product: Vec<f64>,
    wanted: [bool; 2],
}

impl Lengths {
    pub(super) fn new<T: Float>(wanted: [bool; 2], [rows, weight]: [&[T]; 2], size: usize, labels: &[Label]) -> Self {
        if !wanted.contains(&true) {
            return Self { each: Vec::new(), product: Vec::new(), wanted };
        }
        let length = |is_wanted: bool, vector: &[T]| if is_wanted { dot(vector, vector).sqrt() } else { 1.0 };
        let of_row = |(row, label): (&[T], &Label)| match *label {
            Label::Of(label) => [length(wanted[0], row), length(wanted[1], &weight[label * size..(label + 1) * size])],
            Label::Ignored | Label::Wrong => [1.0; 2],
        };
        let each: Vec<[f64; 2]> =
            rows.par_chunks(size).zip(labels.par_iter()).with_min_len(LEAST_ROWS).map(of_row).collect();
        Self { product: each.iter().map(|[row, class]| row * class).collect(), each, wanted }
    }

    /// The product of both lengths for each row, if the margin depends on any of them.
    pub(super) fn of_rows(&self) -> Option<&[f64]> {
        self.wanted.contains(&true).then_some(&self.product)
    }

    /// Adds to the gradients of rows and weight the part that flows through the lengths: |x| has the gradient x / |x|, or 0 if
    /// |x| is 0.
    pub(super) fn add<T: Float>(
        &self,
        [of_rows, of_weight]: [&mut Option<Pooled<T>>; 2],
        [rows, weight]: [&[T]; 2],
        size: usize,
        labels: &[Label],
        slopes: &[T],
    ) {
        let over = |length: f64| if length == 0.0 { 0.0 } else { 1.0 / length };
        if let (true, Some(gradient)) = (self.wanted[0], of_rows) {
            let factor = |(slope, [row, class]): (&T, &[f64; 2])| slope.to_f64() * class * over(*row);
            let factors: Vec<f64> = slopes.iter().zip(&self.each).map(factor).collect();
            add_scaled(gradient, rows, &factors, size);
        }
        if let (true, Some(gradient)) = (self.wanted[1], of_weight) {
            // The gradients of all rows of a class point along the same vector.
            let mut factors = vec![0.0; weight.len() / size];
            for ((slope, [row, class]), label) in slopes.iter().zip(&self.each).zip(labels) {
                if let Label::Of(label) = *label {
                    factors[label] += slope.to_f64() * row * over(*class);
                }
            }
            add_scaled(gradient, weight, &factors, size);
        }
    }
}

/// Adds to each vector of `to` the vector of `from` at the same place, times its factor.
fn add_scaled<T: Float>(to: &mut [T], from: &[T], factors: &[f64], size: usize) {
    par_rows(to, size, LEAST_ROWS, &|row, to| {
        let factor = factors[row];
        if factor != 0.0 {
            for (to, from) in to.iter_mut().zip(part(from, row, 1, size)) {
                *to = T::from_f64(to.to_f64() + factor * from.to_f64());
            }
        }
    });
}
