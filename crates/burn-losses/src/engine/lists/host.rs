//! Pairs of lists on the CPU: a row of pairs at a time, so that no memory holds all of them.

use super::pairs::Call;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::host::blocks::{BLOCK, par_blocks, par_rows, range};
use crate::engine::host::memory::{Memory, in_precision, stale, tensor, with_slopes};
use crate::engine::host::simd::Float;
use crate::engine::pointwise::host::{Kernel, Kernels, Task};
use core::cmp::Ordering;

/// The values of the lists, in the graph of the scores.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    in_precision!(call.scores.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn Kernels: Kernel<T>,
{
    let shape = call.scores.shape();
    let (count, length) = (shape[0], shape[1]);
    let memory = Memory::new(&call.scores)?;
    let scores = memory.numbers_of::<T>()?;
    let valid = Memory::new(&call.valid)?;
    let valid = valid.numbers_of::<T>()?;
    let constants = call.constants.iter().map(Memory::new).collect::<Option<Vec<_>>>()?;
    let constants = constants.iter().map(Memory::numbers_of::<T>).collect::<Option<Vec<_>>>()?;

    let is_tracked = call.scores.is_tracked();
    let mut values = stale::<T>(count);
    let mut slopes = stale::<T>(if is_tracked { count * length } else { 0 });
    let outputs = [Some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let size = (BLOCK / (length * length)).max(1);
    par_blocks(count, size, outputs, [1, length], &|block, [values, mut slopes]| {
        let mut scratch = Scratch::new(length);
        let values = values.expect("an output");
        for (value, list) in values.iter_mut().zip(range(count, block, size)) {
            let of_list = list * length..(list + 1) * length;
            let place = (list - block * size) * length;
            let slopes = slopes.as_mut().map(|slopes| &mut slopes[place..place + length]);
            scratch.read(&constants, of_list.clone());
            *value = scratch.run(call, [&scores[of_list.clone()], &valid[of_list]], slopes);
        }
        0.0
    });
    let values = tensor(values, &[count], &call.scores.inner_device());
    with_slopes(&call.scores, values, slopes, false)
}

/// The constants of a list, and the numbers of a row of its pairs.
struct Scratch<T> {
    items: Vec<f64>,
    weights: Vec<f64>,
    differences: Vec<T>,
    rounded: Vec<T>,
    of_row: Vec<T>,
    gradient: Vec<f64>,
}

impl<T: Float> Scratch<T>
where
    dyn Kernels: Kernel<T>,
{
    fn new(length: usize) -> Self {
        let numbers = || vec![T::default(); length];
        Self {
            items: Vec::new(),
            weights: vec![0.0; length],
            differences: numbers(),
            rounded: numbers(),
            of_row: numbers(),
            gradient: vec![0.0; length],
        }
    }

    /// Puts the constants of each item side by side.
    fn read(&mut self, constants: &[&[T]], of_list: core::ops::Range<usize>) {
        self.items.clear();
        self.items.extend(of_list.flat_map(|item| constants.iter().map(move |numbers| numbers[item].to_f64())));
    }

    /// The value of a list; its slopes are written.
    fn run(&mut self, call: &Call<'_>, [scores, valid]: [&[T]; 2], slopes: Option<&mut [T]>) -> T {
        let width = call.constants.len();
        let is_there = |item: usize| valid[item].to_f64() != 0.0;
        let (mut total, mut pairs) = (0.0, 0);
        self.gradient.fill(0.0);
        for first in (0..scores.len()).filter(|first| is_there(*first)) {
            call.weights.weigh(&self.items[first * width..][..width], &self.items, &mut self.weights);
            let mut of_row = 0;
            for second in 0..scores.len() {
                let weight = T::from_f64(if is_there(second) { self.weights[second] } else { 0.0 });
                let is_pair = weight.to_f64() != 0.0;
                // The difference of infinity and itself would not be a number.
                let has_difference = is_pair && first != second;
                let difference = if has_difference { scores[first].to_f64() - scores[second].to_f64() } else { 0.0 };
                of_row += usize::from(is_pair);
                self.rounded[second] = weight;
                self.differences[second] = T::from_f64(difference);
            }
            if of_row == 0 {
                continue;
            }
            pairs += of_row;
            total += call.kernel.host.run(Task {
                first: &self.differences,
                targets: &self.rounded,
                weights: None,
                factor: 1.0,
                values: None,
                slopes: slopes.is_some().then_some(&mut self.of_row[..]),
            });
            if slopes.is_some() {
                for (second, slope) in self.of_row.iter().enumerate() {
                    self.gradient[first] += slope.to_f64();
                    self.gradient[second] -= slope.to_f64();
                }
            }
        }
        let divisor = if call.is_mean { pairs.max(1) as f64 } else { 1.0 };
        if let Some(slopes) = slopes {
            slopes.iter_mut().zip(&self.gradient).for_each(|(to, slope)| *to = T::from_f64(slope / divisor));
        }
        T::from_f64(total / divisor)
    }
}

/// The rank of each item by its key, among those that are there: see [`Items::ranks`](super::Items::ranks).
pub(in crate::engine) fn ranks(keys: &AnyTensor, valid: &AnyTensor) -> Option<AnyTensor> {
    in_precision!(keys.dtype(), T => ranks_in::<T>(keys, valid))
}

fn ranks_in<T: Float>(keys: &AnyTensor, valid: &AnyTensor) -> Option<AnyTensor> {
    let length = keys.shape()[1];
    let (memory, valid) = (Memory::new(keys)?, Memory::new(valid)?);
    let (numbers, valid) = (memory.numbers_of::<T>()?, valid.numbers_of::<T>()?);
    let mut ranks = stale::<T>(numbers.len());
    par_rows(&mut ranks, length, (BLOCK / (length * length)).max(1), &|list, ranks| {
        let [numbers, valid] = [numbers, valid].map(|all| &all[list * length..][..length]);
        let keys: Vec<f64> = numbers.iter().map(|key| key.to_f64()).collect();
        for (item, rank) in ranks.iter_mut().enumerate() {
            let (own, mut above) = (keys[item], 0);
            if valid[item].to_f64() != 0.0 {
                for (other, (key, valid)) in keys.iter().zip(valid).enumerate() {
                    // A NaN is neither above nor below, so it is ranked by its place.
                    let order = key.partial_cmp(&own);
                    let is_above = order == Some(Ordering::Greater) || (other < item && order != Some(Ordering::Less));
                    above += usize::from(is_above && valid.to_f64() != 0.0);
                }
            }
            *rank = T::from_f64(above as f64 + 1.0);
        }
    });
    Some(tensor(ranks, &keys.shape(), &keys.inner_device()))
}
