//! Rows, a weight and labels -> value and gradients, some rows at a time.
//!
//! The logits exist for these rows alone, and become their own gradient in place: what is left are three products of matrices.

use super::lanes::Float;
use super::memory::{Memory, Number, Weights, of_type, tensor, zeros};
use super::raw::{Matrix, product};
use super::rows::{Known, Reduce, Run, Task};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::engine::backward::{attach, like, times};
use crate::engine::rows::RowFormula;
use burn::tensor::{Int, Tensor};
use core::ops::Mul;
use rayon::prelude::*;

/// Logits that exist at one time: few, and the weight is packed for their product again and again; many, and they are new memory.
const LOGITS: usize = 1 << 24;

/// What is to be computed of rows `[N, E]`, a weight `[C, E]`, and where there is one a bias `[1, C]`.
pub(crate) struct Batch<'a> {
    pub(crate) formula: &'a dyn RowFormula,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) inputs: &'a [Tensor<2>],
    /// What the products of rows and weight are multiplied by.
    pub(crate) scale: f64,
    pub(crate) labels: &'a Tensor<1, Int>,
    /// The most rows that have their logits in memory at one time, where there is a limit.
    pub(crate) most_rows: Option<usize>,
}

impl Batch<'_> {
    /// The reduced value, in the graph of the inputs. `None` where there is no kernel for these tensors.
    pub(crate) fn reduced(&self, reduce: &Reduce<'_, 1>) -> Option<Tensor<1>> {
        if super::is_off() {
            return None;
        }
        of_type!(self.inputs[0].dtype(), N => self.reduced_of::<<N as Number>::Wide>(reduce))
    }

    fn reduced_of<T: Float + Number<Wide = T> + Mul<Output = T>>(&self, reduce: &Reduce<'_, 1>) -> Option<Tensor<1>> {
        let Self { formula, inputs, scale, .. } = *self;
        let memory: Vec<Memory> = inputs.iter().map(Memory::of).collect::<Option<_>>()?;
        let numbers: Vec<&[T]> = memory.iter().map(Memory::numbers::<T>).collect::<Option<_>>()?;
        let ([count, size], [classes, _]) = (inputs[0].dims(), inputs[1].dims());
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
            input.is_tracked().then(|| zeros::<T>(rows * columns))
        };
        let mut gradients: Vec<Option<Vec<T>>> = inputs.iter().zip(&shapes).map(of_input).collect();
        let most_rows = (LOGITS / classes).max(256).min(self.most_rows.unwrap_or(count)).min(count);
        let mut room = zeros::<T>(most_rows * classes);
        let weight = Matrix::rows(numbers[1], size);
        let mut sum = 0.0;
        for start in (0..count).step_by(most_rows) {
            let rows = start..count.min(start + most_rows);
            let logits = &mut room[..rows.len() * classes];
            let embeddings = Matrix::rows(&numbers[0][rows.start * size..rows.end * size], size);
            product(embeddings, weight.transposed(), scale, (logits, classes), false);
            if let Some(bias) = numbers.get(2) {
                logits.par_chunks_mut(classes).for_each(|logits| add(logits, bias));
            }
            let piece_rows = (PIECE / classes).max(1);
            let outputs = [Some(&mut *logits), None];
            sum += in_pieces(rows.len(), piece_rows, outputs, [classes, 0], |piece, [logits, _]| {
                let mut room = Vec::new();
                let labels = part(&known.labels[rows.clone()], piece, piece_rows, 1);
                let start = rows.start + piece * piece_rows;
                let weights = weights.as_ref().map(|weights| weights.part(start, labels.len(), &mut room));
                let logits = logits.expect("an output");
                let (logits, slopes) = if is_tracked { (None, Some(logits)) } else { (Some(&*logits), None) };
                T::dispatch(Run(Task {
                    formula,
                    start,
                    classes,
                    logits,
                    labels,
                    weights,
                    factor,
                    values: None,
                    slopes,
                }))
            });
            let slopes = Matrix::rows(&*logits, classes);
            if let Some(gradient) = &mut gradients[0] {
                product(slopes, weight, scale, (&mut gradient[rows.start * size..], size), false);
            }
            if let Some(gradient) = &mut gradients[1] {
                product(slopes.transposed(), embeddings, scale, (gradient, size), start > 0);
            }
            if let Some(Some(gradient)) = gradients.get_mut(2) {
                logits.chunks(classes).for_each(|slopes| add(gradient, slopes));
            }
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
