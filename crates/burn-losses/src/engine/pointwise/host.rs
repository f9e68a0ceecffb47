//! (first, target) -> value, for every pair.

use super::{Call, PointKernel, Wanted};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::host::blocks::{BLOCK, divided, divisor_of, factor_of, par_blocks, range};
use crate::engine::host::memory::{Memory, Numbers, Weights, in_precision, scalar, stale, tensor, with_slopes};
use crate::engine::host::simd::{Float, Lanes, MOST_LANES, Sum, load, splat};
use crate::formula::{Dual, Formula, Real};
use crate::reduction::Reduction;
use pulp::{Simd, WithSimd};

/// The number of pairs whose values are computed before they are added up, so that the values stay in the fastest cache.
const GROUP: usize = 16 * MOST_LANES;

/// Some pairs, and the results that are wanted of them.
pub(in crate::engine) struct Task<'a, T> {
    pub(in crate::engine) first: &'a [T],
    pub(in crate::engine) targets: &'a [T],
    /// The factor of each value.
    pub(in crate::engine) weights: Option<&'a [T]>,
    /// The factor of all derivatives.
    pub(in crate::engine) factor: f64,
    /// The values; every entry of `values` and `slopes` is written.
    pub(in crate::engine) values: Option<&'a mut [T]>,
    /// The derivatives with respect to the first argument, each times its weight and the factor.
    pub(in crate::engine) slopes: Option<&'a mut [T]>,
}

/// A formula that is compiled for the machine.
pub(in crate::engine) trait Kernel<T>: Send + Sync {
    /// Computes the results that the task wants, and returns the sum of the values, each times its weight.
    fn run(&self, task: Task<'_, T>) -> f64;
}

/// A formula that is compiled in both precisions.
pub(in crate::engine) trait Kernels: Kernel<f32> + Kernel<f64> {}
impl<K: Kernel<f32> + Kernel<f64>> Kernels for K {}

/// Training uses single precision, which is computed in the lanes of registers.
impl<F: Formula> Kernel<f32> for F {
    fn run(&self, task: Task<'_, f32>) -> f64 {
        f32::dispatch(Run { formula: self, task })
    }
}

/// Double precision is computed one number after the other: registers hold few of these numbers, and each formula would take
/// twice as long to compile.
impl<F: Formula> Kernel<f64> for F {
    fn run(&self, task: Task<'_, f64>) -> f64 {
        one_by_one(&|first, target| exact(self, first, target), task)
    }
}

/// (first, target) -> the value, and its derivative with respect to `first`.
type Exact<'a> = dyn Fn(f64, f64) -> [f64; 2] + 'a;

#[inline(never)]
fn exact<F: Formula>(formula: &F, first: f64, target: f64) -> [f64; 2] {
    let y = formula.eval(Dual::<_, 1>::variable(first, 0), Dual::constant(target));
    [y.value, y.slope[0]]
}

fn one_by_one(exact: &Exact<'_>, task: Task<'_, f64>) -> f64 {
    let Task { first, targets, weights, factor, mut values, mut slopes } = task;
    let mut sum = Sum::default();
    let mut own = [0.0; GROUP];
    for start in (0..first.len()).step_by(GROUP) {
        let group = start..first.len().min(start + GROUP);
        let weights = weights.map(|weights| &weights[group.clone()]);
        for (at, to) in group.clone().zip(&mut own) {
            let weight = weights.map_or(1.0, |weights| weights[at - start]);
            // A value of weight 0 counts as 0, even if it is NaN or infinite.
            let [value, slope] = if weight == 0.0 { [0.0; 2] } else { exact(first[at], targets[at]) };
            *to = value;
            if let Some(slopes) = &mut slopes {
                slopes[at] = (slope * weight).weigh(factor);
            }
        }
        let own = &own[..group.len()];
        sum.add(own, weights);
        if let Some(values) = &mut values {
            values[group].copy_from_slice(own);
        }
    }
    sum.total()
}

/// A sum of kernels, each times its weight.
pub(super) struct WeightedSum(pub(super) Vec<(f64, PointKernel)>);

impl WeightedSum {
    fn run<T: Float>(&self, task: Task<'_, T>) -> f64
    where
        dyn Kernels: Kernel<T>,
    {
        let Task { first, targets, weights, factor, mut values, mut slopes } = task;
        let scratch = |is_wanted: bool| vec![T::default(); if is_wanted { first.len() } else { 0 }];
        let [mut own_values, mut own_slopes] = [scratch(values.is_some()), scratch(slopes.is_some())];
        let mut total = 0.0;
        for sums in [&mut values, &mut slopes].into_iter().flatten() {
            sums.fill(T::default());
        }
        // A term of weight 0 counts as 0, even if it is NaN or infinite.
        for (weight, kernel) in self.0.iter().filter(|(weight, _)| *weight != 0.0) {
            let values_of_term = values.is_some().then_some(&mut own_values[..]);
            let slopes_of_term = slopes.is_some().then_some(&mut own_slopes[..]);
            let factor = factor * weight;
            let task = Task { first, targets, weights, factor, values: values_of_term, slopes: slopes_of_term };
            total += kernel.host.run(task) * weight;
            let weight = T::from_f64(*weight);
            for (sum, value) in values.iter_mut().flat_map(|sum| sum.iter_mut()).zip(&own_values) {
                *sum = *sum + *value * weight;
            }
            for (sum, slope) in slopes.iter_mut().flat_map(|sum| sum.iter_mut()).zip(&own_slopes) {
                *sum = *sum + *slope;
            }
        }
        total
    }
}

impl Kernel<f32> for WeightedSum {
    fn run(&self, task: Task<'_, f32>) -> f64 {
        self.run(task)
    }
}

impl Kernel<f64> for WeightedSum {
    fn run(&self, task: Task<'_, f64>) -> f64 {
        self.run(task)
    }
}

struct Run<'a, F> {
    formula: &'a F,
    task: Task<'a, f32>,
}

impl<F: Formula> WithSimd for Run<'_, F> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { formula, mut task } = self;
        let lanes = Lanes::<S, f32>::COUNT;
        let mut sum = Sum::default();
        let mut scratch = [[0.0; GROUP]; 5];
        let [values, first_scratch, target_scratch, weight_scratch, slope_scratch] = &mut scratch;
        let count = task.first.len();
        let mut start = 0;
        while start < count {
            let size = GROUP.min(count - start);
            let group = start..start + size;
            // The last numbers may not fill a register: they are copied to a buffer with space after them.
            let is_ragged = !size.is_multiple_of(lanes);
            let first = whole(&task.first[group.clone()], is_ragged, first_scratch);
            let targets = whole(&task.targets[group.clone()], is_ragged, target_scratch);
            let weights = task.weights.map(|weights| &weights[group.clone()]);
            let factors = weights.map(|weights| whole(weights, is_ragged, weight_scratch));
            let all = task.slopes.as_mut().map(|all| &mut all[group.clone()]);
            // If no slopes are wanted they are computed all the same, and dropped: one loop for both cases halves the code.
            let (slopes, ragged) = match all {
                Some(all) if !is_ragged => (all, None),
                all => (&mut slope_scratch[..], all),
            };
            // NaN if a value or a slope is NaN or infinite, otherwise 0.
            let zero = splat::<S, f32>(simd, 0.0);
            let mut not_finite = zero;
            let mut i = 0;
            while i < size {
                let (x, t) = (load::<S, f32>(simd, &first[i..]), load::<S, f32>(simd, &targets[i..]));
                let y = formula.eval(Dual::<_, 1>::variable(x, 0), Dual::constant(t));
                not_finite = (y.value + y.slope[0]).mul_add(zero, not_finite);
                y.value.store(&mut values[i..]);
                let slope = y.slope[0] * task.factor;
                let slope = match factors {
                    None => slope,
                    Some(factors) => slope * load::<S, f32>(simd, &factors[i..]),
                };
                slope.store(&mut slopes[i..]);
                i += lanes;
            }
            if is_nan(not_finite) {
                let exact = |first, target| exact(formula, first, target);
                limits(&exact, first, targets, weights, task.factor, [&mut values[..size], &mut slopes[..size]]);
            }
            if let Some(all) = ragged {
                all.copy_from_slice(&slope_scratch[..size]);
            }
            sum.add(&values[..size], weights);
            if let Some(all) = &mut task.values {
                all[group].copy_from_slice(&values[..size]);
            }
            start += size;
        }
        sum.total()
    }
}

#[inline(always)]
fn is_nan<S: Simd>(lanes: Lanes<S, f32>) -> bool {
    let mut all = [0.0; MOST_LANES];
    lanes.store(&mut all);
    all.iter().any(|number| number.is_nan())
}

/// Computes each NaN again from numbers that are not NaN, one by one: in this computation, 0 times an infinite slope is 0. A
/// value of weight 0 counts as 0, even if it is NaN or infinite.
#[cold]
#[inline(never)]
fn limits(
    exact: &Exact<'_>,
    first: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    factor: f64,
    [values, slopes]: [&mut [f32]; 2],
) {
    for (i, (value, slope)) in values.iter_mut().zip(slopes).enumerate() {
        let (x, t) = (f64::from(first[i]), f64::from(targets[i]));
        let weight = weights.map_or(1.0, |weights| f64::from(weights[i]));
        if weight == 0.0 {
            (*value, *slope) = (0.0, 0.0);
            continue;
        }
        if (value.is_nan() || slope.is_nan()) && !x.is_nan() && !t.is_nan() {
            let [exact_value, exact_slope] = exact(x, t);
            *value = exact_value as f32;
            *slope = (exact_slope * weight).weigh(factor) as f32;
        }
    }
}

/// The numbers themselves; if they do not fill whole registers, a copy that is padded.
#[inline(always)]
fn whole<'a>(numbers: &'a [f32], is_ragged: bool, scratch: &'a mut [f32; GROUP]) -> &'a [f32] {
    if !is_ragged {
        return numbers;
    }
    scratch[..numbers.len()].copy_from_slice(numbers);
    scratch[numbers.len()..].fill(numbers[numbers.len() - 1]);
    scratch
}

/// The wanted values, in the graph of the first argument. Kernels compute no gradient with respect to the targets.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    if call.targets.is_tracked() {
        return None;
    }
    in_precision!(call.first.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn Kernels: Kernel<T>,
{
    let Call { kernel, first, targets, wanted } = call;
    let (first_memory, target_memory) = (Memory::new(first)?, Memory::new(targets)?);
    let (numbers, target_numbers) = (first_memory.numbers()?, target_memory.numbers()?);
    let (shape, device, is_tracked) = (first.shape(), first.inner_device(), first.is_tracked());
    let count = numbers.len();
    let (weights, divisor) = match wanted {
        Wanted::Reduced(reduce) => {
            let weights = Weights::<T>::of_some(reduce.weights.as_ref(), count)?;
            let width = reduce.width as f64;
            let divisor = match reduce.reduction {
                Reduction::Positives => Some(positives::<T>(target_numbers)),
                reduction => {
                    let weights = weights.as_ref().filter(|_| reduction == Reduction::WeightedMean);
                    let sum = weights.map(|weights| weights.sum() / width);
                    divisor_of(reduction, count as f64 / width, reduce.samples, sum)
                }
            };
            (weights, divisor)
        }
        Wanted::Values | Wanted::RowSums => (None, None),
    };
    let factor = factor_of(divisor);
    // The number of entries that are summed to one number of the output.
    let width = if let Wanted::RowSums = wanted { shape[1] } else { 1 };
    let is_reduced = matches!(wanted, Wanted::Reduced(_));
    let rows = count / width;
    let mut values = stale::<T>(if is_reduced { 0 } else { rows });
    let mut slopes = stale::<T>(if is_tracked { count } else { 0 });
    let outputs = [(!is_reduced).then_some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let size = (BLOCK / width).max(1);
    let sum = par_blocks(rows, size, outputs, [1, width], &|block, [mut values, mut slopes]| {
        let mut scratch = [Vec::new(), Vec::new(), Vec::new()];
        let [first_scratch, target_scratch, weight_scratch] = &mut scratch;
        let entries = range(count, block, size * width);
        let first = T::read(numbers, entries.clone(), first_scratch);
        let targets = T::read(target_numbers, entries.clone(), target_scratch);
        let weights = weights.as_ref().map(|weights| weights.part(entries.start, entries.len(), weight_scratch));
        if width == 1 {
            return kernel.host.run(Task { first, targets, weights, factor, values, slopes });
        }
        for (row, sum) in values.iter_mut().flat_map(|values| values.iter_mut()).enumerate() {
            let columns = row * width..(row + 1) * width;
            let slopes = slopes.as_mut().map(|slopes| &mut slopes[columns.clone()]);
            let (first, targets) = (&first[columns.clone()], &targets[columns]);
            let task = Task { first, targets, weights: None, factor: 1.0, values: None, slopes };
            *sum = T::from_f64(kernel.host.run(task));
        }
        0.0
    });
    let value = match wanted {
        Wanted::Values => tensor(values, &shape, &device),
        Wanted::RowSums => tensor(values, &[rows], &device),
        Wanted::Reduced(_) => scalar::<T>(divided(sum, divisor), &device),
    };
    with_slopes(first, value, slopes, is_reduced)
}

/// The number of positive targets, at least 1.
fn positives<T: Float>(targets: Numbers<'_>) -> f64 {
    let count = targets.len();
    par_blocks::<T>(count, BLOCK, [None, None], [1, 1], &|block, _| {
        let mut scratch = Vec::new();
        let targets = T::read(targets, range(count, block, BLOCK), &mut scratch);
        targets.iter().filter(|target| target.to_f64() > crate::options::FOREGROUND).count() as f64
    })
    .max(1.0)
}
