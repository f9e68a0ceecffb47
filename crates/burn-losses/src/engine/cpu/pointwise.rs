//! (first, target) -> value, for every pair.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, Weights, tensor};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::engine::backward::{attach, like, times};
use crate::formula::{Dual, Formula};
use crate::reduction::Reduction;
use burn::tensor::{DType, Tensor};
use pulp::{Arch, Simd, WithSimd};

/// Values that are summed up in the registers' own precision before they are widened: they stay in the fastest cache.
const BLOCK: usize = 16 * MOST_LANES;

/// Some pairs, and what is wanted of them.
pub(crate) struct Task<'a, T> {
    pub(crate) first: &'a [T],
    pub(crate) targets: &'a [T],
    /// What each value counts.
    pub(crate) weights: Option<&'a [T]>,
    /// What the derivatives are multiplied by.
    pub(crate) factor: f64,
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
        Arch::new().dispatch(Run { formula: self, task })
    }
}

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
        let mut room = [T::default(); BLOCK];
        let mut sum = Sum::default();
        let count = task.first.len();
        let mut start = 0;
        while start < count {
            let size = BLOCK.min(count - start);
            let block = start..start + size;
            let values = &mut room[..size];
            let (first, targets) = (&task.first[block.clone()], &task.targets[block.clone()]);
            let weights = task.weights.map(|weights| &weights[block.clone()]);
            match &mut task.slopes {
                None => {
                    let mut i = 0;
                    while i + width <= size {
                        let (x, t) = (load::<S, T>(simd, &first[i..]), load::<S, T>(simd, &targets[i..]));
                        formula.eval(x, t).store(&mut values[i..]);
                        i += width;
                    }
                    if i < size {
                        let (x, t) = (rest::<S, T>(simd, &first[i..]), rest::<S, T>(simd, &targets[i..]));
                        store_rest(formula.eval(x, t), &mut values[i..]);
                    }
                }
                Some(slopes) => {
                    let slopes = &mut slopes[block.clone()];
                    let mut i = 0;
                    while i + width <= size {
                        let (x, t) = (load::<S, T>(simd, &first[i..]), load::<S, T>(simd, &targets[i..]));
                        let y = formula.eval(Dual::<_, 1>::variable(x, 0), Dual::constant(t));
                        y.value.store(&mut values[i..]);
                        let slope = y.slope[0] * task.factor;
                        let slope = match weights {
                            None => slope,
                            Some(weights) => slope * load::<S, T>(simd, &weights[i..]),
                        };
                        slope.store(&mut slopes[i..]);
                        i += width;
                    }
                    if i < size {
                        let (x, t) = (rest::<S, T>(simd, &first[i..]), rest::<S, T>(simd, &targets[i..]));
                        let y = formula.eval(Dual::<_, 1>::variable(x, 0), Dual::constant(t));
                        store_rest(y.value, &mut values[i..]);
                        let slope = y.slope[0] * task.factor;
                        let slope = match weights {
                            None => slope,
                            Some(weights) => slope * rest::<S, T>(simd, &weights[i..]),
                        };
                        store_rest(slope, &mut slopes[i..]);
                    }
                }
            }
            sum.add(values, weights);
            if let Some(all) = &mut task.values {
                all[block].copy_from_slice(values);
            }
            start += size;
        }
        sum.total()
    }
}

#[inline(always)]
pub(super) fn load<S: Simd, T: Float>(simd: S, from: &[T]) -> T::Lanes<S> {
    Lanes::load(simd, from)
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
                    for i in 0..MOST_LANES {
                        self.0[i] += group[i].to_f64();
                    }
                }
                for (sum, value) in self.0.iter_mut().zip(groups.remainder()) {
                    *sum += value.to_f64();
                }
            }
            Some(weights) => {
                for (i, (value, weight)) in values.iter().zip(weights).enumerate() {
                    self.0[i % MOST_LANES] += value.to_f64() * weight.to_f64();
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// The reduced value, in the graph of `first`. `None` where there is no kernel for these tensors.
pub(crate) fn reduced<const D: usize>(
    kernel: &(dyn Compiled + 'static),
    reduction: Reduction,
    first: &Tensor<D>,
    targets: &Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Option<Tensor<1>> {
    match first.dtype() {
        DType::F32 => reduced_of::<f32, D>(kernel, reduction, first, targets, weights),
        DType::F64 => reduced_of::<f64, D>(kernel, reduction, first, targets, weights),
        DType::F16 => reduced_of::<half::f16, D>(kernel, reduction, first, targets, weights),
        DType::BF16 => reduced_of::<half::bf16, D>(kernel, reduction, first, targets, weights),
        _ => None,
    }
}

/// The values, in the graph of `first`. `None` where there is no kernel for these tensors.
pub(crate) fn values<const D: usize>(
    kernel: &(dyn Compiled + 'static),
    first: &Tensor<D>,
    targets: &Tensor<D>,
) -> Option<Tensor<D>> {
    match first.dtype() {
        DType::F32 => values_of::<f32, D>(kernel, first, targets),
        DType::F64 => values_of::<f64, D>(kernel, first, targets),
        DType::F16 => values_of::<half::f16, D>(kernel, first, targets),
        DType::BF16 => values_of::<half::bf16, D>(kernel, first, targets),
        _ => None,
    }
}

/// Kernels compute no gradient by the targets.
fn memory<const D: usize>(first: &Tensor<D>, targets: &Tensor<D>) -> Option<(Memory, Memory)> {
    if super::is_off() || targets.is_tracked() {
        return None;
    }
    Some((Memory::of(first)?, Memory::of(targets)?))
}

fn reduced_of<N: Number, const D: usize>(
    kernel: &(dyn Compiled + 'static),
    reduction: Reduction,
    first: &Tensor<D>,
    targets: &Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Option<Tensor<1>>
where
    dyn Compiled: Kernel<N::Wide>,
{
    let (shape, device) = (first.dims(), first.clone().without_autodiff().device());
    let (first_memory, targets_memory) = memory(first, targets)?;
    let (numbers, target_numbers) = (first_memory.numbers::<N>()?, targets_memory.numbers::<N>()?);
    let count = numbers.len();
    let weights = match weights {
        Some(weights) => Some(Weights::<N::Wide>::of(weights, count)?),
        None => None,
    };
    let divisor = match reduction {
        Reduction::Positives => Some(positives(target_numbers)),
        _ => reduction.divisor(count as f64, shape[0], weights.as_ref().map(Weights::sum)),
    };
    let factor = factor_of(divisor);
    let mut slopes = vec![N::Wide::default(); if first.is_tracked() { count } else { 0 }];
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
    let mut values = vec![N::Wide::default(); count];
    let mut slopes = vec![N::Wide::default(); if first.is_tracked() { count } else { 0 }];
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
