//! Two boxes -> value, for every pair.

use super::Call;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::host::blocks::{BLOCK, divided, divisor_of, factor_of, par_blocks, par_map, par_rows, part, range};
use crate::engine::host::memory::{Memory, Numbers, Pooled, Weights, in_precision, scalar, scaled_rows, stale, tensor};
use crate::engine::host::simd::{Float, KnownZero, Lanes, MOST_LANES, Sum, load};
use crate::engine::pointwise::{PointKernel, host as pointwise};
use crate::formula::{BoxFormula, Dual};
use crate::options::BoxFormat;
use crate::reduction::Reduction;
use pulp::{Simd, WithSimd};

/// Boxes of a block.
const BOXES: usize = BLOCK / 4;

/// Some pairs of boxes, four numbers each, and what is wanted of them.
pub(super) struct Task<'a, T> {
    format: BoxFormat,
    predictions: &'a [T],
    targets: &'a [T],
    /// What each value is multiplied by.
    weights: Option<&'a [T]>,
    /// What the derivatives are multiplied by.
    factor: f64,
    values: Option<&'a mut [T]>,
    /// The derivatives by the predictions, each times its weight and the factor.
    slopes: Option<&'a mut [T]>,
}

/// A formula that is compiled for the machine.
pub(super) trait Kernel<T>: Send + Sync {
    /// Does what the task says; the sum of the values, each times its weight.
    fn run(&self, task: Task<'_, T>) -> f64;
}

/// In both precisions.
pub(super) trait Kernels: Kernel<f32> + Kernel<f64> {}
impl<F: BoxFormula> Kernels for F {}

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
        let (places, jacobian) = (places::<S, T>(simd), format_jacobian(task.format));
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
            let [a, b, c, d] = prediction;
            let variables = [
                Dual::<_, 4>::variable(KnownZero::new(a), 0),
                Dual::variable(KnownZero::new(b), 1),
                Dual::variable(KnownZero::new(c), 2),
                Dual::variable(KnownZero::new(d), 3),
            ];
            let [a, b, c, d] = target;
            let constants = [
                Dual::constant(KnownZero::new(a)),
                Dual::constant(KnownZero::new(b)),
                Dual::constant(KnownZero::new(c)),
                Dual::constant(KnownZero::new(d)),
            ];
            // Where no slopes are wanted they are computed all the same: one text for both takes half the code.
            let y = formula.eval(variables, constants);
            let value = y.value.numbers;
            if let Some(slopes) = &mut task.slopes {
                let [a, b, c, d] = y.slope;
                let mut of_columns = [a.numbers, b.numbers, c.numbers, d.numbers];
                if task.format != BoxFormat::Xyxy {
                    of_columns = by_numbers::<S, T>(of_columns, &jacobian);
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
            }
            value.store(&mut values);
            if size < width || task.values.is_some() {
                for (value, place) in values[..width].iter_mut().zip(places) {
                    if place >= size {
                        // Padding lanes contribute zero.
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
fn format_jacobian(format: BoxFormat) -> [[f64; 4]; 4] {
    let numbers = core::array::from_fn(|number| Dual::<f64, 4>::variable(0.0, number));
    format.corners(numbers).map(|corner| corner.slope)
}

/// The derivatives by the numbers of the boxes, of those by the corners.
#[inline(always)]
fn by_numbers<S: Simd, T: Float>(by_corners: [T::Lanes<S>; 4], jacobian: &[[f64; 4]; 4]) -> [T::Lanes<S>; 4] {
    let mut slopes = by_corners;
    let mut number = 0;
    while number < 4 {
        slopes[number] = by_corners[0] * jacobian[0][number];
        let mut corner = 1;
        while corner < 4 {
            slopes[number] = slopes[number] + by_corners[corner] * jacobian[corner][number];
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
    let mut scratch = [T::default(); 4 * MOST_LANES];
    let boxes = if boxes.len() < 4 * width {
        let (given, rest) = scratch.split_at_mut(boxes.len());
        given.copy_from_slice(boxes);
        rest.chunks_exact_mut(4).for_each(|rest| rest.copy_from_slice(&boxes[boxes.len() - 4..]));
        &scratch
    } else {
        boxes
    };
    let boxes = &boxes[..4 * width];
    let (a, b) = (load::<S, T>(simd, boxes), load::<S, T>(simd, &boxes[width..]));
    let (c, d) = (load::<S, T>(simd, &boxes[2 * width..]), load::<S, T>(simd, &boxes[3 * width..]));
    Lanes::columns([a, b, c, d])
}

/// The rows of a register's columns, as many as there is space for.
#[inline(always)]
fn store_rows<S: Simd, T: Float>(columns: [T::Lanes<S>; 4], to: &mut [T]) {
    let (rows, width) = (Lanes::rows(columns), <T::Lanes<S> as Lanes<S, T>>::COUNT);
    let mut scratch = [T::default(); 4 * MOST_LANES];
    let is_whole = to.len() == 4 * width;
    let all = if is_whole { &mut *to } else { &mut scratch[..] };
    let mut row = 0;
    while row < 4 {
        rows[row].store(&mut all[row * width..]);
        row += 1;
    }
    if !is_whole {
        let size = to.len();
        to.copy_from_slice(&scratch[..size]);
    }
}

/// What the values of boxes are multiplied by, as constants: the weight of what a formula measures, given the largest of these.
pub(super) struct Weighting {
    pub(super) by: Box<dyn Kernels>,
    pub(super) weight: PointKernel,
    /// Whether weights are divided by their mean; where that is 0 they are 0.
    pub(super) normalize: bool,
}

/// What [`Weighting`] divides by is at least this.
const LEAST_MEAN: f64 = 1e-18;

impl Weighting {
    fn weights<T: Float>(&self, format: BoxFormat, predictions: Numbers<'_>, targets: Numbers<'_>) -> Pooled<T>
    where
        dyn Kernels: Kernel<T>,
        dyn pointwise::Kernels: pointwise::Kernel<T>,
    {
        let count = targets.len() / 4;
        let mut weights = stale::<T>(count);
        par_blocks(count, BOXES, [Some(&mut weights), None], [1, 0], &|block, [values, _]| {
            let (mut scratch, mut target_scratch) = (Vec::new(), Vec::new());
            let numbers = range(4 * count, block, 4 * BOXES);
            let predictions = T::read(predictions, numbers.clone(), &mut scratch);
            let targets = T::read(targets, numbers, &mut target_scratch);
            self.by.run(Task { format, predictions, targets, weights: None, factor: 1.0, values, slopes: None })
        });
        let most_of =
            |block| part(&weights, block, BLOCK, 1).iter().map(|measure| measure.to_f64()).fold(0.0, f64::max);
        let most = par_map(count.div_ceil(BLOCK), 1, &most_of).into_iter().fold(0.0, f64::max);
        let most = T::from_f64(most);
        let sum = par_blocks(count, BLOCK, [Some(&mut weights), None], [1, 0], &|_, [weights, _]| {
            let weights = weights.expect("an output");
            let (measures, most) = (weights.to_vec(), vec![most; weights.len()]);
            let (first, targets, values) = (&measures[..], &most[..], Some(weights));
            self.weight.host.run(pointwise::Task { first, targets, weights: None, factor: 1.0, values, slopes: None })
        });
        if self.normalize {
            let mean = sum / count as f64;
            let factor = T::from_f64(if mean < LEAST_MEAN { 0.0 } else { 1.0 / mean });
            par_rows(&mut weights, BLOCK, 1, &|_, part| scale(part, core::iter::repeat(&factor)));
        }
        weights
    }
}

/// Each number times its factor.
fn scale<'a, T: Float>(numbers: &mut [T], factors: impl IntoIterator<Item = &'a T>) {
    numbers.iter_mut().zip(factors).for_each(|(number, factor)| *number = *number * *factor);
}

/// The values or the reduced value, in the graph of the predictions. Kernels compute no gradient by the targets.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    if call.targets.is_tracked() {
        return None;
    }
    in_precision!(call.predictions.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn Kernels: Kernel<T>,
    dyn pointwise::Kernels: pointwise::Kernel<T>,
{
    let Call { kernel, format, predictions, targets, reduction, .. } = call;
    let (memory, target_memory) = (Memory::of(predictions)?, Memory::of(targets)?);
    let (numbers, target_numbers) = (memory.numbers()?, target_memory.numbers()?);
    let count = numbers.len() / 4;
    let weights = Weights::<T>::of_some(call.weights.as_ref(), count)?;
    let sum = weights.as_ref().filter(|_| *reduction == Some(Reduction::WeightedMean)).map(Weights::sum);
    let divisor = reduction.and_then(|reduction| divisor_of(reduction, count as f64, count, sum));
    let factor = factor_of(divisor);

    let own_weights =
        kernel.weighting.as_ref().map(|weighting| weighting.weights::<T>(*format, numbers, target_numbers));
    let (is_reduced, is_tracked) = (reduction.is_some(), predictions.is_tracked());
    let mut values = stale::<T>(if is_reduced { 0 } else { count });
    let mut slopes = stale::<T>(if is_tracked { count * 4 } else { 0 });
    let outputs = [(!is_reduced).then_some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let sum = par_blocks(count, BOXES, outputs, [1, 4], &|block, [mut values, slopes]| {
        let mut scratch = [Vec::new(), Vec::new(), Vec::new()];
        let [first_scratch, target_scratch, weight_scratch] = &mut scratch;
        let boxes = range(count, block, BOXES);
        let predictions = T::read(numbers, 4 * boxes.start..4 * boxes.end, first_scratch);
        let targets = T::read(target_numbers, 4 * boxes.start..4 * boxes.end, target_scratch);
        let weights = weights.as_ref().map(|weights| weights.part(boxes.start, boxes.len(), weight_scratch));
        let format = *format;
        let Some(own) = own_weights.as_ref().map(|own| part(own, block, BOXES, 1)) else {
            return kernel.host.run(Task { format, predictions, targets, weights, factor, values, slopes });
        };
        let mut both = own.to_vec();
        scale(&mut both, weights.into_iter().flatten());
        let weights = Some(&both[..]);
        let task = Task { format, predictions, targets, weights, factor, values: values.as_deref_mut(), slopes };
        let sum = kernel.host.run(task);
        // Unreduced values have no weights but these.
        values.into_iter().for_each(|values| scale(values, own));
        sum
    });

    let device = predictions.inner_device();
    let value = match is_reduced {
        true => scalar::<T>(divided(sum, divisor), &device),
        false => tensor(values, &[count], &device),
    };
    if !is_tracked {
        return Some(predictions.lift(value));
    }
    let dtype = predictions.dtype();
    custom_backward(value, core::slice::from_ref(predictions), move |upstream| {
        let gradient = match is_reduced {
            true => tensor(slopes, &[count, 4], &device).times(upstream),
            false => scaled_rows(slopes, &upstream, &[count, 4], &device),
        };
        vec![Some(gradient.cast(dtype))]
    })
}
