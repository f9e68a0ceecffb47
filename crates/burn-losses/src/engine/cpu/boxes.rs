//! Two boxes -> value, for every pair.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Lent, Memory, Number, Weights, of_type, scaled_rows, tensor, unwritten};
use super::pointwise::{self, Sum, load};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::boxes::BoxFormat;
use crate::engine::backward::{attach, like, times};
use crate::formula::{BoxFormula, Dual};
use crate::reduction::Reduction;
use burn::tensor::Tensor;
use core::ops::Mul;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Boxes of a piece of work.
const BOXES: usize = PIECE / 4;

/// Some pairs of boxes, four numbers each, and what is wanted of them.
pub(crate) struct Task<'a, T> {
    format: BoxFormat,
    predictions: &'a [T],
    targets: &'a [T],
    /// What each value counts.
    weights: Option<&'a [T]>,
    /// What the derivatives are multiplied by.
    factor: f64,
    values: Option<&'a mut [T]>,
    /// The derivatives by the predictions, each times its weight and the factor.
    slopes: Option<&'a mut [T]>,
}

/// A formula that is compiled for the machine.
pub(crate) trait Kernel<T>: Send + Sync {
    /// Does what the task says; the sum of the values, each times its weight.
    fn run(&self, task: Task<'_, T>) -> f64;
}

/// In both precisions.
pub(crate) trait Compiled: Kernel<f32> + Kernel<f64> {}
impl<F: BoxFormula> Compiled for F {}

impl<F: BoxFormula, T: Float> Kernel<T> for F {
    fn run(&self, task: Task<'_, T>) -> f64 {
        T::dispatch(Run { formula: self, task })
    }
}

struct Run<'a, F, T> {
    formula: &'a F,
    task: Task<'a, T>,
}

impl<F: BoxFormula, T: Float> WithSimd for Run<'_, F, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { formula, mut task } = self;
        let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let count = task.targets.len() / 4;
        let mut sum = Sum::default();
        // One register's boxes at a time; the last of them are repeated.
        let mut columns = [[[T::default(); MOST_LANES]; 4]; 2];
        let (mut values, mut weights) = ([T::default(); MOST_LANES], [T::default(); MOST_LANES]);
        let mut start = 0;
        while start < count {
            let size = width.min(count - start);
            let block = start * 4..(start + size) * 4;
            let [of_predictions, of_targets] = &mut columns;
            into_columns(&task.predictions[block.clone()], width, of_predictions);
            into_columns(&task.targets[block.clone()], width, of_targets);
            let prediction = loaded::<S, T>(simd, of_predictions);
            let target = loaded::<S, T>(simd, of_targets);
            if let Some(given) = task.weights {
                weights[..size].copy_from_slice(&given[start..start + size]);
            }
            match &mut task.slopes {
                None => formula.eval(task.format.corners(prediction), task.format.corners(target)).store(&mut values),
                Some(slopes) => {
                    let [a, b, c, d] = prediction;
                    let variables = [
                        Dual::<_, 4>::variable(a, 0),
                        Dual::variable(b, 1),
                        Dual::variable(c, 2),
                        Dual::variable(d, 3),
                    ];
                    let [a, b, c, d] = target;
                    let constants = [Dual::constant(a), Dual::constant(b), Dual::constant(c), Dual::constant(d)];
                    let y = formula.eval(task.format.corners(variables), task.format.corners(constants));
                    y.value.store(&mut values);
                    let mut of_slopes = [[T::default(); MOST_LANES]; 4];
                    for (slope, column) in y.slope.into_iter().zip(&mut of_slopes) {
                        let slope = slope * task.factor;
                        let slope = if task.weights.is_some() { slope * load::<S, T>(simd, &weights) } else { slope };
                        slope.store(column);
                    }
                    for (i, slope) in slopes[block].chunks_exact_mut(4).enumerate() {
                        for (number, column) in slope.iter_mut().zip(&of_slopes) {
                            *number = column[i];
                        }
                    }
                }
            }
            sum.add(&values[..size], task.weights.is_some().then_some(&weights[..size]));
            if let Some(all) = &mut task.values {
                all[start..start + size].copy_from_slice(&values[..size]);
            }
            start += size;
        }
        sum.total()
    }
}

#[inline(always)]
fn loaded<S: Simd, T: Float>(simd: S, columns: &[[T; MOST_LANES]; 4]) -> [T::Lanes<S>; 4] {
    let [a, b, c, d] = columns;
    [load::<S, T>(simd, a), load::<S, T>(simd, b), load::<S, T>(simd, c), load::<S, T>(simd, d)]
}

#[inline(always)]
fn into_columns<T: Float>(boxes: &[T], width: usize, columns: &mut [[T; MOST_LANES]; 4]) {
    let count = boxes.len() / 4;
    for (i, numbers) in boxes.chunks_exact(4).enumerate() {
        for (column, number) in columns.iter_mut().zip(numbers) {
            column[i] = *number;
        }
    }
    for i in count..width {
        for column in columns.iter_mut() {
            column[i] = column[count - 1];
        }
    }
}

/// A formula, and what its values are multiplied by.
pub(crate) struct PairKernel {
    pub(crate) formula: Box<dyn Compiled>,
    pub(crate) weighing: Option<Weighing>,
}

/// What the values are multiplied by, as constants: the weight of what a formula measures, given the largest of these.
pub(crate) struct Weighing {
    pub(crate) by: Box<dyn Compiled>,
    pub(crate) weight: Box<dyn pointwise::Compiled>,
    /// Whether weights are divided by their mean; where that is nothing they are 0.
    pub(crate) normalize: bool,
}

/// What [`Weighing`] divides by is at least this.
const LEAST_MEAN: f64 = 1e-18;

impl Weighing {
    fn weights<N: Number>(&self, format: BoxFormat, predictions: &[N], targets: &[N]) -> Lent<N::Wide>
    where
        dyn Compiled: Kernel<N::Wide>,
        dyn pointwise::Compiled: pointwise::Kernel<N::Wide>,
    {
        let count = targets.len() / 4;
        let mut weights = unwritten::<N::Wide>(count);
        in_pieces(count, BOXES, [Some(&mut weights), None], [1, 0], |piece, [values, _]| {
            let (mut room, mut target_room) = (Vec::new(), Vec::new());
            let predictions = N::widen(part(predictions, piece, BOXES, 4), &mut room);
            let targets = N::widen(part(targets, piece, BOXES, 4), &mut target_room);
            self.by.run(Task { format, predictions, targets, weights: None, factor: 1.0, values, slopes: None })
        });
        let most_of = |part: &[N::Wide]| part.iter().map(|measure| measure.to_f64()).fold(0.0, f64::max);
        let most = N::Wide::from_f64(weights.par_chunks(PIECE).map(most_of).reduce(|| 0.0, f64::max));
        let sum = in_pieces(count, PIECE, [Some(&mut weights), None], [1, 0], |_, [weights, _]| {
            let weights = weights.expect("an output");
            let (measures, most) = (weights.to_vec(), vec![most; weights.len()]);
            let (first, targets, values) = (&measures[..], &most[..], Some(weights));
            self.weight.run(pointwise::Task { first, targets, weights: None, factor: 1.0, values, slopes: None })
        });
        if self.normalize {
            let mean = sum / count as f64;
            let factor = N::Wide::from_f64(if mean < LEAST_MEAN { 0.0 } else { 1.0 / mean });
            weights.par_chunks_mut(PIECE).for_each(|part| scale(part, core::iter::repeat(&factor)));
        }
        weights
    }
}

/// Each number times its factor.
fn scale<'a, T: Float + Mul<Output = T>>(numbers: &mut [T], factors: impl IntoIterator<Item = &'a T>) {
    numbers.iter_mut().zip(factors).for_each(|(number, factor)| *number = *number * *factor);
}

/// The reduced value, in the graph of the predictions. `None` where there is no kernel for these tensors.
pub(crate) fn reduced(
    kernel: &PairKernel,
    reduction: Reduction,
    format: BoxFormat,
    predictions: &Tensor<2>,
    targets: &Tensor<2>,
    weights: Option<&Tensor<1>>,
) -> Option<Tensor<1>> {
    let reduction = Some((reduction, weights));
    of_type!(predictions.dtype(), N => run::<N>(kernel, reduction, format, predictions, targets))
}

/// The values, in the graph of the predictions. `None` where there is no kernel for these tensors.
pub(crate) fn values(
    kernel: &PairKernel,
    format: BoxFormat,
    predictions: &Tensor<2>,
    targets: &Tensor<2>,
) -> Option<Tensor<1>> {
    of_type!(predictions.dtype(), N => run::<N>(kernel, None, format, predictions, targets))
}

fn run<N: Number>(
    kernel: &PairKernel,
    reduction: Option<(Reduction, Option<&Tensor<1>>)>,
    format: BoxFormat,
    predictions: &Tensor<2>,
    targets: &Tensor<2>,
) -> Option<Tensor<1>>
where
    dyn Compiled: Kernel<N::Wide>,
    dyn pointwise::Compiled: pointwise::Kernel<N::Wide>,
{
    if super::is_off() || targets.is_tracked() {
        return None;
    }
    let (memory, target_memory) = (Memory::of(predictions)?, Memory::of(targets)?);
    let (numbers, target_numbers) = (memory.numbers::<N>()?, target_memory.numbers::<N>()?);
    let count = predictions.dims()[0];
    let weights = match reduction.and_then(|(_, weights)| weights) {
        Some(weights) => Some(Weights::<N::Wide>::of(weights, count)?),
        None => None,
    };
    let sum = weights.as_ref().filter(|_| reduction.is_some_and(|(reduction, _)| reduction == Reduction::WeightedMean));
    let sum = sum.map(Weights::sum);
    let divisor = reduction.and_then(|(reduction, _)| reduction.divisor(count as f64, count, sum));
    let factor = factor_of(divisor);

    let own_weights = kernel.weighing.as_ref().map(|weighing| weighing.weights(format, numbers, target_numbers));
    let tracked = predictions.is_tracked();
    let mut values = unwritten::<N::Wide>(if reduction.is_none() { count } else { 0 });
    let mut slopes = unwritten::<N::Wide>(if tracked { count * 4 } else { 0 });
    let outputs = [reduction.is_none().then_some(&mut values[..]), tracked.then_some(&mut slopes[..])];
    let sum = in_pieces(count, BOXES, outputs, [1, 4], |piece, [values, slopes]| {
        let mut rooms = [Vec::new(), Vec::new(), Vec::new()];
        let [room, target_room, weight_room] = &mut rooms;
        let targets = N::widen(part(target_numbers, piece, BOXES, 4), target_room);
        let weights = weights.as_ref().map(|weights| weights.part(piece * BOXES, targets.len() / 4, weight_room));
        let predictions = N::widen(part(numbers, piece, BOXES, 4), room);
        let Some(own) = own_weights.as_ref().map(|own| part(own, piece, BOXES, 1)) else {
            return kernel.formula.run(Task { format, predictions, targets, weights, factor, values, slopes });
        };
        let mut both = own.to_vec();
        scale(&mut both, weights.into_iter().flatten());
        let mut values = values;
        let task =
            Task { format, predictions, targets, weights: Some(&both), factor, values: values.as_deref_mut(), slopes };
        let sum = kernel.formula.run(task);
        // Unreduced values have no weights but these.
        values.into_iter().for_each(|values| scale(values, own));
        sum
    });

    let device = predictions.clone().without_autodiff().device();
    let is_reduced = reduction.is_some();
    let value = if is_reduced {
        tensor(vec![N::Wide::from_f64(of_sum(sum, divisor))], [1], &device)
    } else {
        tensor(values, [count], &device)
    };
    if !tracked {
        return Some(like(predictions, value));
    }
    let dtype = predictions.dtype();
    attach(value, core::slice::from_ref(predictions), move |upstream: Tensor<1>| {
        let gradient = match is_reduced {
            true => times(tensor(slopes, [count, 4], &device), upstream),
            false => scaled_rows(slopes, upstream, [count, 4], &device),
        };
        vec![Some(gradient.cast(dtype))]
    })
}
