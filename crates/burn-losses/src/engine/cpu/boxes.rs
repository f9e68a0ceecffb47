//! Two boxes -> value, for every pair.

use super::lanes::{Float, Lanes, MOST_LANES, Sparse};
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
        let (places, turns) = (places::<S, T>(simd), turns(task.format));
        // One register's boxes at a time.
        let (mut values, mut weights) = ([T::default(); MOST_LANES], [T::default(); MOST_LANES]);
        let mut start = 0;
        while start < count {
            let size = width.min(count - start);
            let block = start * 4..(start + size) * 4;
            let prediction = columns::<S, T>(simd, &task.predictions[block.clone()]);
            let target = columns::<S, T>(simd, &task.targets[block.clone()]);
            let given = task.weights.map(|weights| &weights[start..start + size]);
            if let Some(given) = given {
                weights.iter_mut().zip(places).for_each(|(weight, place)| *weight = given[place.min(size - 1)]);
            }
            let (prediction, target) = (task.format.corners(prediction), task.format.corners(target));
            let value = match &mut task.slopes {
                None => formula.eval(prediction, target),
                Some(slopes) => {
                    let [a, b, c, d] = prediction;
                    let variables = [
                        Dual::<_, 4>::variable(Sparse::new(a), 0),
                        Dual::variable(Sparse::new(b), 1),
                        Dual::variable(Sparse::new(c), 2),
                        Dual::variable(Sparse::new(d), 3),
                    ];
                    let [a, b, c, d] = target;
                    let constants = [
                        Dual::constant(Sparse::new(a)),
                        Dual::constant(Sparse::new(b)),
                        Dual::constant(Sparse::new(c)),
                        Dual::constant(Sparse::new(d)),
                    ];
                    let y = formula.eval(variables, constants);
                    let [a, b, c, d] = y.slope;
                    let mut of_columns = [a.numbers, b.numbers, c.numbers, d.numbers];
                    if task.format != BoxFormat::Xyxy {
                        of_columns = by_numbers::<S, T>(of_columns, &turns);
                    }
                    let mut column = 0;
                    while column < 4 {
                        of_columns[column] = of_columns[column] * task.factor;
                        if given.is_some() {
                            of_columns[column] = of_columns[column] * load::<S, T>(simd, &weights);
                        }
                        column += 1;
                    }
                    store_rows::<S, T>(of_columns, &mut slopes[block]);
                    y.value.numbers
                }
            };
            value.store(&mut values);
            if size < width || task.values.is_some() {
                for (value, place) in values[..width].iter_mut().zip(places) {
                    if place >= size {
                        // What is there again does not count again.
                        *value = T::default();
                    } else if let Some(all) = &mut task.values {
                        all[start + place] = *value;
                    }
                }
            }
            sum.add(&values[..width], given.is_some().then_some(&weights[..width]));
            start += size;
        }
        sum.total()
    }
}

/// The derivatives of each corner's number by those of the box. Constants: a corner's numbers are sums of multiples of these.
fn turns(format: BoxFormat) -> [[f64; 4]; 4] {
    let numbers = core::array::from_fn(|number| Dual::<f64, 4>::variable(0.0, number));
    format.corners(numbers).map(|corner| corner.slope)
}

/// The derivatives by the numbers of the boxes, of those by the corners.
#[inline(always)]
fn by_numbers<S: Simd, T: Float>(by_corners: [T::Lanes<S>; 4], turns: &[[f64; 4]; 4]) -> [T::Lanes<S>; 4] {
    let mut slopes = by_corners;
    let mut number = 0;
    while number < 4 {
        slopes[number] = by_corners[0] * turns[0][number];
        let mut corner = 1;
        while corner < 4 {
            slopes[number] = slopes[number] + by_corners[corner] * turns[corner][number];
            corner += 1;
        }
        number += 1;
    }
    slopes
}

/// Which box of a block is in which lane of its [`columns`].
#[inline(always)]
fn places<S: Simd, T: Float>(simd: S) -> [usize; MOST_LANES] {
    let numbers: [T; 4 * MOST_LANES] = core::array::from_fn(|number| T::from_f64((number / 4) as f64));
    let [first, ..] = columns::<S, T>(simd, &numbers);
    let mut lanes = core::array::from_fn(|lane| T::from_f64(lane as f64));
    first.store(&mut lanes);
    lanes.map(|place| place.to_f64() as usize)
}

/// The columns of a register's boxes; where there are fewer, the last one again.
#[inline(always)]
fn columns<S: Simd, T: Float>(simd: S, boxes: &[T]) -> [T::Lanes<S>; 4] {
    let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let mut room = [T::default(); 4 * MOST_LANES];
    let boxes = if boxes.len() < 4 * width {
        let (given, rest) = room.split_at_mut(boxes.len());
        given.copy_from_slice(boxes);
        rest.chunks_exact_mut(4).for_each(|rest| rest.copy_from_slice(&boxes[boxes.len() - 4..]));
        &room
    } else {
        boxes
    };
    let boxes = &boxes[..4 * width];
    let (a, b) = (load::<S, T>(simd, boxes), load::<S, T>(simd, &boxes[width..]));
    let (c, d) = (load::<S, T>(simd, &boxes[2 * width..]), load::<S, T>(simd, &boxes[3 * width..]));
    Lanes::columns([a, b, c, d])
}

/// The rows of a register's columns, as many as there is room for.
#[inline(always)]
fn store_rows<S: Simd, T: Float>(columns: [T::Lanes<S>; 4], to: &mut [T]) {
    let (rows, width) = (Lanes::rows(columns), <T::Lanes<S> as Lanes<S, T>>::COUNT);
    let mut room = [T::default(); 4 * MOST_LANES];
    let is_whole = to.len() == 4 * width;
    let all = if is_whole { &mut *to } else { &mut room[..] };
    let mut row = 0;
    while row < 4 {
        rows[row].store(&mut all[row * width..]);
        row += 1;
    }
    if !is_whole {
        let size = to.len();
        to.copy_from_slice(&room[..size]);
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
