//! (prediction, target) -> value, for every row.

use super::{Call, arguments};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::host::blocks::{BLOCK, divided, divisor_of, factor_of, par_blocks, range};
use crate::engine::host::memory::{Memory, Weights, in_precision, scalar, stale, tensor, with_slopes};
use crate::engine::host::simd::{Float, KnownZero, Lanes, MOST_LANES, Sum, load, splat};
use crate::engine::pointwise::host::Task;
use crate::formula::safe::is_infinite;
use crate::formula::{Dual, Real, VectorFormula};
use crate::reduction::Reduction;
use pulp::{Simd, WithSimd};

pub(super) use crate::engine::pointwise::host::{Kernel, Kernels};

/// A formula, with or without its derivatives.
pub(super) struct Compiled<F, const K: usize, const TARGETS: usize, const SLOPES: bool>(pub(super) F);

/// Training uses single precision, which is computed in the lanes of registers.
impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool> Kernel<f32>
    for Compiled<F, K, TARGETS, SLOPES>
{
    fn run(&self, task: Task<'_, f32>) -> f64 {
        f32::dispatch(Run::<_, K, TARGETS, SLOPES> { formula: &self.0, task })
    }
}

/// Double precision is computed one row after the other, for the reasons given in `pointwise/host.rs`.
impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool> Kernel<f64>
    for Compiled<F, K, TARGETS, SLOPES>
{
    fn run(&self, task: Task<'_, f64>) -> f64 {
        let Task { first, targets, weights, factor, mut values, mut slopes } = task;
        let mut sum = Sum::default();
        for (row, (prediction, target)) in first.chunks(K).zip(targets.chunks(TARGETS)).enumerate() {
            let (prediction, target) = (core::array::from_fn(|i| prediction[i]), core::array::from_fn(|i| target[i]));
            let weight = weights.map_or(1.0, |weights| weights[row]);
            // A value of weight 0 counts as 0, even if it is NaN or infinite.
            let y = match weight {
                0.0 => Dual::constant(0.0),
                _ => one_row::<F, K, TARGETS, SLOPES>(&self.0, prediction, target),
            };
            if let Some(slopes) = &mut slopes {
                for (to, slope) in slopes[row * K..].iter_mut().zip(y.slope) {
                    *to = (slope * weight).weigh(factor);
                }
            }
            if let Some(values) = &mut values {
                values[row] = y.value;
            }
            sum.add(&[y.value], weights.map(|weights| &weights[row..=row]));
        }
        sum.total()
    }
}

/// The value of a row and, with `SLOPES`, its derivatives.
#[inline(never)]
fn one_row<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool>(
    formula: &F,
    prediction: [f64; K],
    target: [f64; TARGETS],
) -> Dual<f64, K> {
    let is_far = has_infinite_coordinate(formula, &prediction, &target);
    if SLOPES {
        let variables = core::array::from_fn(|number| Dual::variable(prediction[number], number));
        let constants = target.map(Dual::constant);
        let (variables, constants) =
            if is_far { arguments(formula, variables, constants) } else { formula.linear(variables, constants) };
        formula.eval(variables, constants)
    } else {
        let (prediction, target) =
            if is_far { arguments(formula, prediction, target) } else { formula.linear(prediction, target) };
        Dual::constant(formula.eval(prediction, target))
    }
}

/// Whether a coordinate or a length is infinite.
#[inline(always)]
fn has_infinite_coordinate<const K: usize, const TARGETS: usize>(
    formula: &impl VectorFormula<K, TARGETS>,
    prediction: &[f64; K],
    target: &[f64; TARGETS],
) -> bool {
    let is_far = |numbers: &[f64]| numbers.iter().take(formula.coordinates()).any(|number| is_infinite(*number));
    is_far(prediction) || is_far(target)
}

/// Computes a row with a NaN or an infinite coordinate again from numbers that are not NaN: in this computation, 0 times an infinite
/// slope is 0. A row of weight 0 counts as 0, even if it is NaN or infinite.
#[cold]
#[inline(never)]
fn limit<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool>(
    formula: &F,
    [prediction, target]: [&[f32]; 2],
    [weight, factor]: [f64; 2],
    value: &mut f32,
    slopes: &mut [f32],
) {
    if weight == 0.0 {
        *value = 0.0;
        slopes.fill(0.0);
        return;
    }
    let has_nan = prediction.iter().chain(target).any(|number| number.is_nan());
    let prediction = core::array::from_fn(|i| f64::from(prediction[i]));
    let target = core::array::from_fn(|i| f64::from(target[i]));
    let is_number = !value.is_nan() && !slopes.iter().any(|slope| slope.is_nan());
    if has_nan || is_number && !has_infinite_coordinate(formula, &prediction, &target) {
        return;
    }
    let y = one_row::<F, K, TARGETS, SLOPES>(formula, prediction, target);
    *value = y.value as f32;
    for (to, slope) in slopes.iter_mut().zip(y.slope) {
        *to = (slope * weight).weigh(factor) as f32;
    }
}

/// A register of numbers in single precision.
type Register<S> = Lanes<S, f32>;

struct Run<'a, F, const K: usize, const TARGETS: usize, const SLOPES: bool> {
    formula: &'a F,
    task: Task<'a, f32>,
}

impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool> WithSimd
    for Run<'_, F, K, TARGETS, SLOPES>
{
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { formula, mut task } = self;
        let width = Register::<S>::COUNT;
        let count = task.first.len() / K;
        let mut sum = Sum::default();
        let (places, jacobian) = (places::<S>(simd, K == 4 || TARGETS == 4), jacobian(formula));
        // The loop computes the rows of one register at a time.
        let (mut values, mut weights) = ([0.0; MOST_LANES], [0.0; MOST_LANES]);
        let mut start = 0;
        while start < count {
            let size = width.min(count - start);
            let (block, target_block) = (start * K..(start + size) * K, start * TARGETS..(start + size) * TARGETS);
            let prediction = columns::<S, K>(simd, &task.first[block.clone()], &places);
            let target = columns::<S, TARGETS>(simd, &task.targets[target_block], &places);
            let given = task.weights.map(|weights| &weights[start..start + size]);
            if let Some(given) = given {
                weights.iter_mut().zip(places).for_each(|(weight, place)| *weight = given[place.min(size - 1)]);
            }
            let (prediction, target) = formula.linear(prediction, target);
            // Of the value, all slopes and all coordinates: NaN or infinite if one of them is.
            let mut sum_of_row = splat::<S, f32>(simd, 0.0);
            let mut number = 0;
            while number < formula.coordinates().min(K).min(TARGETS) {
                sum_of_row = sum_of_row + prediction[number] + target[number];
                number += 1;
            }
            let value = if SLOPES {
                let nothing = Dual::<_, K>::constant(KnownZero::new(splat::<S, f32>(simd, 0.0)));
                let (mut variables, mut constants) = ([nothing; K], [nothing; TARGETS]);
                let mut number = 0;
                while number < K {
                    variables[number] = Dual::variable(KnownZero::new(prediction[number]), number);
                    number += 1;
                }
                let mut number = 0;
                while number < TARGETS {
                    constants[number] = Dual::constant(KnownZero::new(target[number]));
                    number += 1;
                }
                let y = formula.eval(variables, constants);
                if let Some(slopes) = &mut task.slopes {
                    let mut of_columns = [y.value.numbers; K];
                    let mut column = 0;
                    while column < K {
                        of_columns[column] = y.slope[column].numbers;
                        sum_of_row = sum_of_row + of_columns[column];
                        column += 1;
                    }
                    if let Some(jacobian) = &jacobian {
                        of_columns = through::<S, K>(of_columns, jacobian);
                    }
                    let mut column = 0;
                    while column < K {
                        of_columns[column] = of_columns[column] * task.factor;
                        if given.is_some() {
                            of_columns[column] = of_columns[column] * load::<S, f32>(simd, &weights);
                        }
                        column += 1;
                    }
                    store_rows::<S, K>(of_columns, &mut slopes[block.clone()], &places);
                }
                y.value.numbers
            } else {
                formula.eval(prediction, target)
            };
            value.store(&mut values);
            if is_not_finite(sum_of_row + value) {
                let mut lane = 0;
                while lane < width {
                    let (row, own) = (start + places[lane], places[lane] < size);
                    if own {
                        let slopes = task.slopes.as_mut().map_or(&mut [][..], |slopes| &mut slopes[row * K..][..K]);
                        let weight = if given.is_some() { f64::from(weights[lane]) } else { 1.0 };
                        let numbers = [&task.first[row * K..][..K], &task.targets[row * TARGETS..][..TARGETS]];
                        let factors = [weight, task.factor];
                        limit::<F, K, TARGETS, SLOPES>(formula, numbers, factors, &mut values[lane], slopes);
                    }
                    lane += 1;
                }
            }
            if size < width || task.values.is_some() {
                for (value, place) in values[..width].iter_mut().zip(places) {
                    if place >= size {
                        // Padding lanes contribute zero.
                        *value = 0.0;
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

/// Whether a lane holds a NaN or an infinity.
#[inline(always)]
fn is_not_finite<S: Simd>(lanes: Register<S>) -> bool {
    let mut all = [0.0; MOST_LANES];
    (lanes * 0.0).store(&mut all);
    all.iter().any(|number| number.is_nan())
}

/// The derivatives of the numbers that a formula takes with respect to the given numbers; `None` if these are the same.
#[inline(always)]
fn jacobian<const K: usize, const TARGETS: usize>(formula: &impl VectorFormula<K, TARGETS>) -> Option<[[f64; K]; K]> {
    let variables = core::array::from_fn(|number| Dual::<f64, K>::variable(0.0, number));
    let (numbers, _) = formula.linear(variables, [Dual::constant(0.0); TARGETS]);
    (numbers != variables).then(|| numbers.map(|number| number.slope))
}

/// Converts slopes: from derivatives with respect to the numbers that a formula takes, to derivatives with respect to the given
/// numbers.
#[inline(always)]
fn through<S: Simd, const K: usize>(slopes: [Register<S>; K], jacobian: &[[f64; K]; K]) -> [Register<S>; K] {
    let mut by_given = slopes;
    let mut given = 0;
    while given < K {
        by_given[given] = slopes[0] * jacobian[0][given];
        let mut taken = 1;
        while taken < K {
            by_given[given] = by_given[given] + slopes[taken] * jacobian[taken][given];
            taken += 1;
        }
        given += 1;
    }
    by_given
}

/// The row of a block that is in each lane of its [`columns`]: for rows of four numbers, the machine chooses the order.
#[inline(always)]
fn places<S: Simd>(simd: S, has_four: bool) -> [usize; MOST_LANES] {
    if !has_four {
        return core::array::from_fn(|lane| lane);
    }
    let numbers: [f32; 4 * MOST_LANES] = core::array::from_fn(|number| (number / 4) as f32);
    let [first, ..] = columns_of_four::<S>(simd, &numbers);
    let mut lanes = core::array::from_fn(|lane| lane as f32);
    first.store(&mut lanes);
    lanes.map(|place| place as usize)
}

/// The columns of a register's rows; if there are fewer rows, the last one is repeated.
#[inline(always)]
fn columns<S: Simd, const K: usize>(simd: S, rows: &[f32], places: &[usize; MOST_LANES]) -> [Register<S>; K] {
    let width = Register::<S>::COUNT;
    let mut columns = [splat::<S, f32>(simd, 0.0); K];
    let mut column = 0;
    if K == 4 && rows.len() >= 4 * width {
        let four = columns_of_four::<S>(simd, rows);
        while column < K {
            columns[column] = four[column];
            column += 1;
        }
        return columns;
    }
    let last = rows.len() / K - 1;
    while column < K {
        let mut numbers = [0.0; MOST_LANES];
        numbers.iter_mut().zip(places).for_each(|(number, place)| *number = rows[last.min(*place) * K + column]);
        columns[column] = load::<S, f32>(simd, &numbers);
        column += 1;
    }
    columns
}

/// The columns of rows of four numbers, one row for each lane.
#[inline(always)]
fn columns_of_four<S: Simd>(simd: S, rows: &[f32]) -> [Register<S>; 4] {
    let width = Register::<S>::COUNT;
    let rows = &rows[..4 * width];
    let (a, b) = (load::<S, f32>(simd, rows), load::<S, f32>(simd, &rows[width..]));
    let (c, d) = (load::<S, f32>(simd, &rows[2 * width..]), load::<S, f32>(simd, &rows[3 * width..]));
    Lanes::columns([a, b, c, d])
}

/// Stores columns as rows, as many as there is space for.
#[inline(always)]
fn store_rows<S: Simd, const K: usize>(columns: [Register<S>; K], to: &mut [f32], places: &[usize; MOST_LANES]) {
    let width = Register::<S>::COUNT;
    if K == 4 && to.len() == 4 * width {
        let rows = Lanes::rows([columns[0], columns[1], columns[2], columns[3]]);
        let mut row = 0;
        while row < 4 {
            rows[row].store(&mut to[row * width..]);
            row += 1;
        }
        return;
    }
    let mut column = 0;
    while column < K {
        let mut numbers = [0.0; MOST_LANES];
        columns[column].store(&mut numbers);
        for (number, place) in numbers[..width].iter().zip(places) {
            if let Some(to) = to.get_mut(place * K + column) {
                *to = *number;
            }
        }
        column += 1;
    }
}

/// The values or the reduced value, in the graph of the predictions. Kernels compute no gradient with respect to the targets.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    if call.targets.is_tracked() {
        return None;
    }
    in_precision!(call.predictions.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn Kernels: Kernel<T>,
{
    let Call { kernel, predictions, targets, reduction, .. } = call;
    let [width, target_width] = [predictions, targets].map(|rows| rows.shape()[1]);
    let (memory, target_memory) = (Memory::new(predictions)?, Memory::new(targets)?);
    let (numbers, target_numbers) = (memory.numbers()?, target_memory.numbers()?);
    let count = numbers.len() / width;
    let weights = Weights::<T>::of_some(call.weights.as_ref(), count)?;
    let sum = weights.as_ref().filter(|_| *reduction == Some(Reduction::WeightedMean)).map(Weights::sum);
    let divisor = reduction.and_then(|reduction| divisor_of(reduction, count as f64, count, sum));
    let factor = factor_of(divisor);

    let (is_reduced, is_tracked) = (reduction.is_some(), predictions.is_tracked());
    let mut values = stale::<T>(if is_reduced { 0 } else { count });
    let mut slopes = stale::<T>(if is_tracked { count * width } else { 0 });
    let outputs = [(!is_reduced).then_some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let size = (BLOCK / width).max(1);
    let sum = par_blocks(count, size, outputs, [1, width], &|block, [values, slopes]| {
        let mut scratch = [Vec::new(), Vec::new(), Vec::new()];
        let [first_scratch, target_scratch, weight_scratch] = &mut scratch;
        let rows = range(count, block, size);
        let of_rows = |width: usize| rows.start * width..rows.end * width;
        let predictions = T::read(numbers, of_rows(width), first_scratch);
        let targets = T::read(target_numbers, of_rows(target_width), target_scratch);
        let weights = weights.as_ref().map(|weights| weights.part(rows.start, rows.len(), weight_scratch));
        kernel.host.run(Task { first: predictions, targets, weights, factor, values, slopes })
    });

    let device = predictions.inner_device();
    let value = match is_reduced {
        true => scalar::<T>(divided(sum, divisor), &device),
        false => tensor(values, &[count], &device),
    };
    with_slopes(predictions, value, slopes, is_reduced)
}
