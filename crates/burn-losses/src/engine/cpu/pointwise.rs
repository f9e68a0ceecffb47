//! (first, target) -> value, for every pair.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, Weights, of_type, scaled_rows, tensor, unwritten};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::engine::backward::{attach, like, times};
use crate::formula::{Dual, Formula};
use crate::reduction::Reduction;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};

/// Pairs whose values are computed before they are added up: these stay in the fastest cache.
const BLOCK: usize = 16 * MOST_LANES;

/// Some pairs, and what is wanted of them.
pub(crate) struct Task<'a, T> {
    pub(crate) first: &'a [T],
    pub(crate) targets: &'a [T],
    /// What each value counts.
    pub(crate) weights: Option<&'a [T]>,
    /// What the derivatives are multiplied by.
    pub(crate) factor: f64,
    /// All of both is written.
    pub(crate) values: Option<&'a mut [T]>,
    /// The derivatives by the first argument, each times its weight and the factor.
    pub(crate) slopes: Option<&'a mut [T]>,
}

/// A formula that is compiled for the machine.
pub(crate) trait Kernel<T>: Send + Sync {
    /// Does what the task says; the sum of the values, each times its weight.
    fn run(&self, task: Task<'_, T>) -> f64;
}

/// In both precisions.
pub(crate) trait Compiled: Kernel<f32> + Kernel<f64> {}
impl<F: Formula> Compiled for F {}

impl<F: Formula, T: Float> Kernel<T> for F {
    fn run(&self, task: Task<'_, T>) -> f64 {
        T::dispatch(Run { formula: self, task })
    }
}

/// A sum of kernels, each times its weight.
pub(crate) struct WeightedSum(pub(crate) Vec<(f64, Box<dyn Compiled>)>);

macro_rules! weighted_sum {
    ($float:ty) => {
        impl Kernel<$float> for WeightedSum {
            fn run(&self, task: Task<'_, $float>) -> f64 {
                let Task { first, targets, weights, factor, mut values, mut slopes } = task;
                let room = |wanted: bool| vec![0.0; if wanted { first.len() } else { 0 }];
                let [mut own_values, mut own_slopes] = [room(values.is_some()), room(slopes.is_some())];
                let mut total = 0.0;
                for sums in [&mut values, &mut slopes].into_iter().flatten() {
                    sums.fill(0.0);
                }
                for (weight, kernel) in &self.0 {
                    let values_of_term = values.is_some().then_some(&mut own_values[..]);
                    let slopes_of_term = slopes.is_some().then_some(&mut own_slopes[..]);
                    let factor = factor * weight;
                    let task = Task { first, targets, weights, factor, values: values_of_term, slopes: slopes_of_term };
                    total += kernel.run(task) * weight;
                    for (sum, value) in values.iter_mut().flat_map(|sum| sum.iter_mut()).zip(&own_values) {
                        *sum += value * *weight as $float;
                    }
                    for (sum, slope) in slopes.iter_mut().flat_map(|sum| sum.iter_mut()).zip(&own_slopes) {
                        *sum += slope;
                    }
                }
                total
            }
        }
    };
}
weighted_sum!(f32);
weighted_sum!(f64);
impl Compiled for WeightedSum {}

struct Run<'a, F, T> {
    formula: &'a F,
    task: Task<'a, T>,
}

impl<F: Formula, T: Float> WithSimd for Run<'_, F, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { formula, mut task } = self;
        let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let mut sum = Sum::default();
        let mut rooms = [[T::default(); BLOCK]; 5];
        let [values, first_room, target_room, weight_room, slope_room] = &mut rooms;
        let count = task.first.len();
        let mut start = 0;
        while start < count {
            let size = BLOCK.min(count - start);
            let block = start..start + size;
            // The last numbers may not fill a register: they are copied to where there is room behind them.
            let is_ragged = !size.is_multiple_of(width);
            let first = whole(&task.first[block.clone()], is_ragged, first_room);
            let targets = whole(&task.targets[block.clone()], is_ragged, target_room);
            let weights = task.weights.map(|weights| &weights[block.clone()]);
            let factors = weights.map(|weights| whole(weights, is_ragged, weight_room));
            match &mut task.slopes {
                None => {
                    let mut i = 0;
                    while i < size {
                        let (x, t) = (load::<S, T>(simd, &first[i..]), load::<S, T>(simd, &targets[i..]));
                        formula.eval(x, t).store(&mut values[i..]);
                        i += width;
                    }
                }
                Some(all) => {
                    let all = &mut all[block.clone()];
                    let slopes = if is_ragged { &mut slope_room[..] } else { &mut all[..] };
                    let mut i = 0;
                    while i < size {
                        let (x, t) = (load::<S, T>(simd, &first[i..]), load::<S, T>(simd, &targets[i..]));
                        let y = formula.eval(Dual::<_, 1>::variable(x, 0), Dual::constant(t));
                        y.value.store(&mut values[i..]);
                        let slope = y.slope[0] * task.factor;
                        let slope = match factors {
                            None => slope,
                            Some(factors) => slope * load::<S, T>(simd, &factors[i..]),
                        };
                        slope.store(&mut slopes[i..]);
                        i += width;
                    }
                    if is_ragged {
                        all.copy_from_slice(&slope_room[..size]);
                    }
                }
            }
            sum.add(&values[..size], weights);
            if let Some(all) = &mut task.values {
                all[block].copy_from_slice(&values[..size]);
            }
            start += size;
        }
        sum.total()
    }
}

/// The numbers themselves, or, if they do not fill whole registers, a copy with room behind them.
#[inline(always)]
fn whole<'a, T: Float>(numbers: &'a [T], is_ragged: bool, room: &'a mut [T; BLOCK]) -> &'a [T] {
    if !is_ragged {
        return numbers;
    }
    room[..numbers.len()].copy_from_slice(numbers);
    room[numbers.len()..].fill(numbers[numbers.len() - 1]);
    room
}

#[inline(always)]
pub(super) fn load<S: Simd, T: Float>(simd: S, from: &[T]) -> T::Lanes<S> {
    Lanes::load(simd, from)
}

#[inline(always)]
pub(super) fn splat<S: Simd, T: Float>(simd: S, number: T) -> T::Lanes<S> {
    load::<S, T>(simd, &[number; MOST_LANES])
}

/// Fewer numbers than a register holds; the last one is repeated.
#[inline(always)]
pub(super) fn rest<S: Simd, T: Float>(simd: S, from: &[T]) -> T::Lanes<S> {
    let mut all = [from[from.len() - 1]; MOST_LANES];
    all[..from.len()].copy_from_slice(from);
    Lanes::load(simd, &all)
}

#[inline(always)]
pub(super) fn store_rest<S: Simd, T: Float>(lanes: impl Lanes<S, T>, to: &mut [T]) {
    let mut all = [T::default(); MOST_LANES];
    lanes.store(&mut all);
    to.copy_from_slice(&all[..to.len()]);
}

/// A sum in double precision, in as many parts as there may be lanes.
#[derive(Default)]
pub(super) struct Sum([f64; MOST_LANES]);

impl Sum {
    #[inline(always)]
    pub(super) fn add<T: Float>(&mut self, values: &[T], weights: Option<&[T]>) {
        match weights {
            None => {
                let mut groups = values.chunks_exact(MOST_LANES);
                for group in &mut groups {
                    for (sum, value) in self.0.iter_mut().zip(group) {
                        *sum += value.to_f64();
                    }
                }
                for (sum, value) in self.0.iter_mut().zip(groups.remainder()) {
                    *sum += value.to_f64();
                }
            }
            Some(weights) => {
                let mut groups = values.chunks_exact(MOST_LANES);
                let mut of_groups = weights.chunks_exact(MOST_LANES);
                for (group, weights) in (&mut groups).zip(&mut of_groups) {
                    for (sum, (value, weight)) in self.0.iter_mut().zip(group.iter().zip(weights)) {
                        *sum += value.to_f64() * weight.to_f64();
                    }
                }
                let rest = groups.remainder().iter().zip(of_groups.remainder());
                for (sum, (value, weight)) in self.0.iter_mut().zip(rest) {
                    *sum += value.to_f64() * weight.to_f64();
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// How values become one.
pub(crate) struct Reduce<'a, const W: usize> {
    pub(crate) reduction: Reduction,
    /// How many entries of the inputs make a value: 1, or all of a row.
    pub(crate) width: usize,
    pub(crate) samples: usize,
    /// How many values count, where these are not all.
    pub(crate) count: Option<f64>,
    /// One per value, or one per sample.
    pub(crate) weights: Option<&'a Tensor<W>>,
}

/// The reduced value, in the graph of `first`. `None` where there is no kernel for these tensors.
pub(crate) fn reduced<const D: usize, const W: usize>(
    kernel: &(dyn Compiled + 'static),
    reduce: &Reduce<'_, W>,
    first: &Tensor<D>,
    targets: &Tensor<D>,
) -> Option<Tensor<1>> {
    of_type!(first.dtype(), N => reduced_of::<N, D, W>(kernel, reduce, first, targets))
}

/// The values, in the graph of `first`. `None` where there is no kernel for these tensors.
pub(crate) fn values<const D: usize>(
    kernel: &(dyn Compiled + 'static),
    first: &Tensor<D>,
    targets: &Tensor<D>,
) -> Option<Tensor<D>> {
    of_type!(first.dtype(), N => values_of::<N, D>(kernel, first, targets))
}

/// Kernels compute no gradient by the targets.
fn memory<const D: usize>(first: &Tensor<D>, targets: &Tensor<D>) -> Option<(Memory, Memory)> {
    if super::is_off() || targets.is_tracked() {
        return None;
    }
    Some((Memory::of(first)?, Memory::of(targets)?))
}

fn reduced_of<N: Number, const D: usize, const W: usize>(
    kernel: &(dyn Compiled + 'static),
    reduce: &Reduce<'_, W>,
    first: &Tensor<D>,
    targets: &Tensor<D>,
) -> Option<Tensor<1>>
where
    dyn Compiled: Kernel<N::Wide>,
{
    let (shape, device) = (first.dims(), first.clone().without_autodiff().device());
    let (first_memory, targets_memory) = memory(first, targets)?;
    let (numbers, target_numbers) = (first_memory.numbers::<N>()?, targets_memory.numbers::<N>()?);
    let count = numbers.len();
    let weights = match reduce.weights {
        Some(weights) => Some(Weights::<N::Wide>::of(weights, count)?),
        None => None,
    };
    let width = reduce.width as f64;
    let divisor = match reduce.reduction {
        Reduction::Positives => Some(positives(target_numbers)),
        reduction => {
            let weights = weights.as_ref().filter(|_| reduction == Reduction::WeightedMean);
            let sum = weights.map(|weights| weights.sum() / width);
            reduction.divisor(reduce.count.unwrap_or(count as f64 / width), reduce.samples, sum)
        }
    };
    let factor = factor_of(divisor);
    let mut slopes = unwritten::<N::Wide>(if first.is_tracked() { count } else { 0 });
    let output = first.is_tracked().then_some(&mut slopes[..]);
    let sum = in_pieces(count, PIECE, [None, output], [1, 1], |piece, [_, slopes]| {
        let mut rooms = [Vec::new(), Vec::new(), Vec::new()];
        let [room, target_room, weight_room] = &mut rooms;
        let first = N::widen(part(numbers, piece, PIECE, 1), room);
        let weights = weights.as_ref().map(|weights| weights.part(piece * PIECE, first.len(), weight_room));
        let targets = N::widen(part(target_numbers, piece, PIECE, 1), target_room);
        kernel.run(Task { first, targets, weights, factor, values: None, slopes })
    });
    let value = tensor(vec![N::Wide::from_f64(of_sum(sum, divisor))], [1], &device);
    if !first.is_tracked() {
        return Some(like(first, value));
    }
    let (slopes, dtype) = (tensor(slopes, shape, &device), first.dtype());
    attach(value, core::slice::from_ref(first), move |upstream| vec![Some(times(slopes, upstream).cast(dtype))])
}

fn values_of<N: Number, const D: usize>(
    kernel: &(dyn Compiled + 'static),
    first: &Tensor<D>,
    targets: &Tensor<D>,
) -> Option<Tensor<D>>
where
    dyn Compiled: Kernel<N::Wide>,
{
    let (shape, device) = (first.dims(), first.clone().without_autodiff().device());
    let (first_memory, targets_memory) = memory(first, targets)?;
    let (numbers, target_numbers) = (first_memory.numbers::<N>()?, targets_memory.numbers::<N>()?);
    let count = numbers.len();
    let mut values = unwritten::<N::Wide>(count);
    let mut slopes = unwritten::<N::Wide>(if first.is_tracked() { count } else { 0 });
    let outputs = [Some(&mut values[..]), first.is_tracked().then_some(&mut slopes[..])];
    in_pieces(count, PIECE, outputs, [1, 1], |piece, [values, slopes]| {
        let (mut room, mut target_room) = (Vec::new(), Vec::new());
        let first = N::widen(part(numbers, piece, PIECE, 1), &mut room);
        let targets = N::widen(part(target_numbers, piece, PIECE, 1), &mut target_room);
        kernel.run(Task { first, targets, weights: None, factor: 1.0, values, slopes })
    });
    let values = tensor(values, shape, &device);
    if !first.is_tracked() {
        return Some(like(first, values));
    }
    let (slopes, dtype) = (tensor(slopes, shape, &device), first.dtype());
    attach(values, core::slice::from_ref(first), move |upstream: Tensor<D>| vec![Some((slopes * upstream).cast(dtype))])
}

/// The sum of each row's values, in the graph of `first`. `None` where there is no kernel for these tensors.
pub(crate) fn row_sums(kernel: &(dyn Compiled + 'static), first: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
    of_type!(first.dtype(), N => row_sums_of::<N>(kernel, first, targets))
}

fn row_sums_of<N: Number>(
    kernel: &(dyn Compiled + 'static),
    first: &Tensor<2>,
    targets: &Tensor<2>,
) -> Option<Tensor<1>>
where
    dyn Compiled: Kernel<N::Wide>,
{
    let (shape, device) = (first.dims(), first.clone().without_autodiff().device());
    let [rows, width] = shape;
    let (first_memory, targets_memory) = memory(first, targets)?;
    let (numbers, target_numbers) = (first_memory.numbers::<N>()?, targets_memory.numbers::<N>()?);
    let mut sums = unwritten::<N::Wide>(rows);
    let mut slopes = unwritten::<N::Wide>(if first.is_tracked() { rows * width } else { 0 });
    let outputs = [Some(&mut sums[..]), first.is_tracked().then_some(&mut slopes[..])];
    let size = (PIECE / width).max(1);
    in_pieces(rows, size, outputs, [1, width], |piece, [sums, mut slopes]| {
        let (mut room, mut target_room) = (Vec::new(), Vec::new());
        let first = N::widen(part(numbers, piece, size, width), &mut room);
        let targets = N::widen(part(target_numbers, piece, size, width), &mut target_room);
        for (row, sum) in sums.into_iter().flatten().enumerate() {
            let columns = row * width..(row + 1) * width;
            let slopes = slopes.as_mut().map(|slopes| &mut slopes[columns.clone()]);
            let (first, targets) = (&first[columns.clone()], &targets[columns]);
            let task = Task { first, targets, weights: None, factor: 1.0, values: None, slopes };
            *sum = N::Wide::from_f64(kernel.run(task));
        }
        0.0
    });
    let sums = tensor(sums, [rows], &device);
    if !first.is_tracked() {
        return Some(like(first, sums));
    }
    let dtype = first.dtype();
    attach(sums, core::slice::from_ref(first), move |upstream: Tensor<1>| {
        vec![Some(scaled_rows(slopes, upstream, shape, &device).cast(dtype))]
    })
}

/// The number of positive targets, at least 1.
fn positives<N: Number>(targets: &[N]) -> f64 {
    let count = targets.len();
    in_pieces::<()>(count, PIECE, [None, None], [1, 1], |piece, _| {
        let mut room = Vec::new();
        let targets = N::widen(part(targets, piece, PIECE, 1), &mut room);
        targets.iter().filter(|target| target.to_f64() > 0.5).count() as f64
    })
    .max(1.0)
}
