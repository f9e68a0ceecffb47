//! Rows, a weight and labels -> value and gradients, some rows at a time.
//!
//! The logits exist for these rows alone, and become their own gradient in place: what is left are three products of matrices.

mod centers;
mod lengths;

use super::lanes::Float;
use super::memory::{Lent, Memory, Number, Weights, of_type, tensor, unwritten};
use super::raw::{Matrix, product};
use super::rows::{Known, Reduce, Run, Task};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::engine::backward::{attach, like, times};
use crate::engine::rows::RowFormula;
use burn::tensor::{Int, Tensor};
use centers::Nearest;
use core::ops::Mul;
use lengths::Lengths;
use rayon::prelude::*;

/// Logits that exist at one time: few, and the weight is packed for their product again and again; many, and they take memory.
const LOGITS: usize = 1 << 24;

/// What is to be computed of rows `[N, E]`, a weight `[C K, E]`, and where there is one a bias `[1, C]`.
pub(crate) struct Batch<'a> {
    pub(crate) formula: &'a dyn RowFormula,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) inputs: &'a [Tensor<2>],
    /// What the products of rows and weight are multiplied by.
    pub(crate) scale: f64,
    /// K: the rows of the weight for each class, the largest product of which is the logit.
    pub(crate) centers: usize,
    /// Whose lengths the margin depends on: of the rows, of those of the weight.
    pub(crate) lengths: [bool; 2],
    pub(crate) labels: &'a Tensor<1, Int>,
    /// The most rows that have their logits in memory at one time, where there is a limit.
    pub(crate) most_rows: Option<usize>,
}

impl Batch<'_> {
    /// The reduced value, in the graph of the inputs. `None` where there is no kernel for these tensors.
    pub(crate) fn reduced(&self, reduce: &Reduce<'_, 1>) -> Option<Tensor<1>> {
        // A class with several centers has no one length.
        let is_empty = self.labels.dims() == [0];
        if super::is_off() || is_empty || (self.centers > 1 && self.lengths[1]) {
            return None;
        }
        of_type!(self.inputs[0].dtype(), N => self.reduced_of::<<N as Number>::Wide>(reduce))
    }

    fn reduced_of<T: Float + Number<Wide = T> + Mul<Output = T>>(&self, reduce: &Reduce<'_, 1>) -> Option<Tensor<1>> {
        let Self { formula, inputs, scale, centers, .. } = *self;
        let memory: Vec<Memory> = inputs.iter().map(Memory::of).collect::<Option<_>>()?;
        let numbers: Vec<&[T]> = memory.iter().map(Memory::numbers::<T>).collect::<Option<_>>()?;
        let ([count, size], [columns, _]) = (inputs[0].dims(), inputs[1].dims());
        let classes = columns / centers;
        let weights = match reduce.weights {
            Some(weights) => Some(Weights::<T>::of(weights, count)?),
            None => None,
        };
        let known = Known::of(formula, self.ignore_index, self.labels, classes);
        let divisor = known.divisor(reduce, weights.as_ref());
        let factor = factor_of(divisor);

        let shapes: Vec<[usize; 2]> = inputs.iter().map(Tensor::dims).collect();
        let is_tracked = inputs.iter().any(Tensor::is_tracked);
        let of_input = |(input, [rows, columns]): (&Tensor<2>, &[usize; 2])| {
            input.is_tracked().then(|| unwritten::<T>(rows * columns))
        };
        let mut gradients: Vec<Option<Lent<T>>> = inputs.iter().zip(&shapes).map(of_input).collect();
        let lengths = Lengths::of(self.lengths, [numbers[0], numbers[1]], size, &known.labels);
        let mut by_length = vec![T::default(); lengths.of_rows().map_or(0, <[f64]>::len)];
        let mut of_bias = vec![0.0; gradients.get(2).and_then(Option::as_ref).map_or(0, |gradient| gradient.len())];
        let most_rows = (LOGITS / classes).max(256).min(self.most_rows.unwrap_or(count)).min(count);
        let mut room = unwritten::<T>(most_rows * classes);
        let mut nearest = Nearest::new(centers, most_rows * classes);
        // The centers of all classes that have the same number.
        let weight = |center: usize| Matrix::one_in(centers, &numbers[1][center * size..], size);
        let mut sum = 0.0;
        for start in (0..count).step_by(most_rows) {
            let rows = start..count.min(start + most_rows);
            let logits = &mut room[..rows.len() * classes];
            let embeddings = Matrix::rows(&numbers[0][rows.start * size..rows.end * size], size);
            let factor_of_products = if centers > 1 { 1.0 } else { scale };
            product(embeddings, weight(0).transposed(), factor_of_products, (logits, classes), false);
            for center in 1..centers {
                let products = nearest.room(logits.len());
                product(embeddings, weight(center).transposed(), 1.0, (products, classes), false);
                nearest.compare(center, logits);
            }
            if centers > 1 {
                nearest.scale(logits, scale);
            }
            if let Some(bias) = numbers.get(2) {
                logits.par_chunks_mut(classes).for_each(|logits| add(logits, bias));
            }
            let piece_rows = (PIECE / classes).max(1);
            let by_length = by_length.get_mut(rows.clone()).filter(|_| is_tracked);
            let outputs = [Some(&mut *logits), by_length];
            sum += in_pieces(rows.len(), piece_rows, outputs, [classes, 1], |piece, [logits, by_length]| {
                let mut room = Vec::new();
                let labels = part(&known.labels[rows.clone()], piece, piece_rows, 1);
                let start = rows.start + piece * piece_rows;
                let weights = weights.as_ref().map(|weights| weights.part(start, labels.len(), &mut room));
                let lengths = lengths.of_rows().map(|lengths| &lengths[start..start + labels.len()]);
                let logits = logits.expect("an output");
                let (logits, slopes) = if is_tracked { (None, Some(logits)) } else { (Some(&*logits), None) };
                T::dispatch(Run(Task {
                    formula,
                    start,
                    classes,
                    logits,
                    labels,
                    lengths,
                    weights,
                    factor,
                    values: None,
                    slopes,
                    by_length,
                }))
            });
            if !is_tracked {
                continue;
            }
            if !of_bias.is_empty() {
                add_rows(&mut of_bias, logits);
            }
            for center in 0..centers {
                let slopes = if centers > 1 { nearest.slopes(center, logits) } else { &*logits };
                let slopes = Matrix::rows(slopes, classes);
                if let Some(gradient) = &mut gradients[0] {
                    product(slopes, weight(center), scale, (&mut gradient[rows.start * size..], size), center > 0);
                }
                if let Some(gradient) = &mut gradients[1] {
                    let output = (&mut gradient[center * size..], centers * size);
                    product(slopes.transposed(), embeddings, scale, output, start > 0);
                }
            }
        }
        let [of_rows, of_weight, ..] = &mut gradients[..] else { unreachable!("rows and a weight") };
        lengths.add([of_rows, of_weight], [numbers[0], numbers[1]], size, &known.labels, &by_length);
        if let Some(Some(gradient)) = gradients.get_mut(2) {
            gradient.iter_mut().zip(of_bias).for_each(|(slope, sum)| *slope = T::from_f64(sum));
        }

        let device = inputs[0].clone().without_autodiff().device();
        let value = tensor(vec![T::from_f64(of_sum(sum, divisor))], [1], &device);
        if !is_tracked {
            return Some(like(&inputs[0], value));
        }
        attach(value, inputs, move |upstream: Tensor<1>| {
            let all = gradients.into_iter().zip(shapes);
            let gradient = |numbers, shape| times(tensor::<T, 2>(numbers, shape, &device), upstream.clone());
            all.map(|(numbers, shape)| numbers.map(|numbers| gradient(numbers, shape))).collect()
        })
    }
}

fn add<T: Float>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(to.to_f64() + from.to_f64()));
}

/// Adds up rows of as many columns as there are sums, each column from the first row to the last.
fn add_rows<T: Float>(sums: &mut [f64], rows: &[T]) {
    /// Columns of a task.
    const COLUMNS: usize = 256;
    let width = sums.len();
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(part, sums)| {
        for row in rows.chunks_exact(width) {
            let row = &row[part * COLUMNS..];
            sums.iter_mut().zip(row).for_each(|(sum, slope)| *sum += slope.to_f64());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many small slopes after a large one, which a sum in single precision would not see.
    #[test]
    fn columns_are_summed_in_double_precision() {
        let (rows, columns) = (1000, 700);
        let mut slopes = vec![1e-8f32; rows * columns];
        slopes[..columns].fill(1.0);
        let mut sums = vec![0.0; columns];
        add_rows(&mut sums, &slopes);
        let expected = 1.0 + 999.0 * f64::from(1e-8f32);
        assert!(sums.iter().all(|sum| (sum - expected).abs() < 1e-12), "{sums:?}");
    }
}
