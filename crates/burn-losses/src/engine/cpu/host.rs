//! What takes many whole-tensor operations on a device, and one pass over memory here.

use super::PIECE;
use super::lanes::Float;
use super::memory::{Memory, Number, of_type, tensor, zeros};
use crate::engine::backward::{attach, like};
use burn::tensor::{Bool, DType, Int, Tensor, TensorData};
use core::cmp::Ordering;
use rayon::prelude::*;

/// Runs a function of numbers in either precision; `None` on other devices, and for other types.
macro_rules! with_numbers {
    ($tensor:expr, |$numbers:ident| $result:expr) => {{
        let tensor = $tensor;
        let memory = if super::is_off() { None } else { Memory::of(tensor) }?;
        match tensor.dtype() {
            DType::F32 => {
                let $numbers = memory.numbers::<f32>()?;
                Some($result)
            }
            DType::F64 => {
                let $numbers = memory.numbers::<f64>()?;
                Some($result)
            }
            _ => None,
        }
    }};
}

fn descending<T: Float>(a: T, b: T) -> Ordering {
    b.to_f64().total_cmp(&a.to_f64())
}

/// The entry of each row at its label, in the graph of the rows. Its gradient is 0 nearly everywhere: memory that nobody writes to.
pub(crate) fn pick(rows: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Tensor<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(rows.dtype(), N => pick_of::<N>(rows, labels))
}

fn pick_of<N: Number>(rows: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Tensor<1>> {
    let ([count, classes], dtype) = (rows.dims(), rows.dtype());
    let memory = Memory::of(rows)?;
    let numbers = memory.numbers::<N>()?;
    let labels = labels.clone().without_autodiff().into_data();
    let places: Vec<usize> =
        labels.iter::<i64>().enumerate().map(|(row, label)| row * classes + label as usize).collect();
    let device = rows.clone().without_autodiff().device();
    let picked = tensor(places.iter().map(|place| numbers[*place]).collect(), [count], &device);
    if !rows.is_tracked() {
        return Some(like(rows, picked));
    }
    attach(picked, core::slice::from_ref(rows), move |upstream: Tensor<1>| {
        let mut gradient = zeros::<N::Wide>(count * classes);
        for (place, slope) in places.into_iter().zip(upstream.into_data().iter::<f64>()) {
            gradient[place] = N::Wide::from_f64(slope);
        }
        vec![Some(tensor(gradient, [count, classes], &device).cast(dtype))]
    })
}

/// Some rows, in their graph. Where none was taken, the gradient is 0: memory that nobody writes to.
pub(crate) fn select(rows: &Tensor<2>, places: &Tensor<1, Int>) -> Option<Tensor<2>> {
    if super::is_off() || rows.dims().contains(&0) {
        return None;
    }
    of_type!(rows.dtype(), N => select_of::<N>(rows, places))
}

fn select_of<N: Number>(rows: &Tensor<2>, places: &Tensor<1, Int>) -> Option<Tensor<2>> {
    let ([count, size], dtype) = (rows.dims(), rows.dtype());
    let memory = Memory::of(rows)?;
    let mut room = Vec::new();
    let numbers = N::widen(memory.numbers::<N>()?, &mut room);
    let places: Vec<usize> =
        places.clone().without_autodiff().into_data().iter::<i64>().map(|place| place as usize * size).collect();
    let device = rows.clone().without_autodiff().device();
    let selected = places.iter().flat_map(|place| &numbers[*place..place + size]).copied().collect();
    let selected = tensor::<N::Wide, 2>(selected, [places.len(), size], &device);
    if !rows.is_tracked() {
        return Some(like(rows, selected.cast(dtype)));
    }
    attach(selected.cast(dtype), core::slice::from_ref(rows), move |upstream: Tensor<2>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let mut gradient = zeros::<N::Wide>(count * size);
        for (place, slopes) in places.into_iter().zip(upstream.chunks(size)) {
            for (sum, slope) in gradient[place..place + size].iter_mut().zip(slopes) {
                *sum = N::Wide::from_f64(sum.to_f64() + slope);
            }
        }
        vec![Some(tensor(gradient, [count, size], &device).cast(dtype))]
    })
}

/// The `k` largest of `scores`, at ties those that come first.
pub(crate) fn largest(scores: &Tensor<1>, k: usize) -> Option<Tensor<1, Bool>> {
    let kept = with_numbers!(scores, |numbers| k_largest(numbers, k))?;
    let count = kept.len();
    let device = scores.clone().without_autodiff().device();
    Some(Tensor::from_data(TensorData::new(kept, [count]), &device))
}

fn k_largest<T: Float>(scores: &[T], k: usize) -> Vec<bool> {
    if k == 0 {
        return vec![false; scores.len()];
    }
    let mut sorted = scores.to_vec();
    let (_, &mut last, _) = sorted.select_nth_unstable_by(k.min(scores.len()) - 1, |a, b| descending(*a, *b));
    let last = last.to_f64();
    let mut tied = k - scores.iter().filter(|score| score.to_f64() > last).count();
    let keep = |score: &T| match score.to_f64().partial_cmp(&last) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) if tied > 0 => {
            tied -= 1;
            true
        }
        _ => false,
    };
    scores.iter().map(keep).collect()
}

/// The median: the mean of the two middle values where their number is even.
pub(crate) fn median(values: &Tensor<1>) -> Option<Tensor<1>> {
    let device = values.clone().without_autodiff().device();
    with_numbers!(values, |numbers| tensor(vec![median_of(numbers)], [1], &device))
}

fn median_of<T: Float>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    let middle = values.len() / 2;
    let (above, &mut own, _) = sorted.select_nth_unstable_by(middle, |a, b| descending(*a, *b));
    if values.len() % 2 == 1 {
        return own;
    }
    let least_above = above.iter().map(|value| value.to_f64()).fold(f64::INFINITY, f64::min);
    T::from_f64((least_above + own.to_f64()) * 0.5)
}

/// The bin of a number in [0, 1]; what is not a number gets the first.
fn bin<T: Float>(number: T, bins: usize) -> usize {
    ((number.to_f64() * bins as f64) as usize).min(bins - 1)
}

/// How many of the numbers, which are in [0, 1], are in each bin.
pub(crate) fn counts<const D: usize>(numbers: &Tensor<D>, bins: usize) -> Option<Vec<f64>> {
    with_numbers!(numbers, |numbers| counts_of(numbers, bins))
}

fn counts_of<T: Float>(numbers: &[T], bins: usize) -> Vec<f64> {
    let of_piece = |numbers: &[T]| {
        let mut counts = vec![0u64; bins];
        numbers.iter().for_each(|number| counts[bin(*number, bins)] += 1);
        counts
    };
    let add = |a: Vec<u64>, b: Vec<u64>| a.into_iter().zip(b).map(|(a, b)| a + b).collect();
    let counts = numbers.par_chunks(PIECE).map(of_piece).reduce(|| vec![0; bins], add);
    counts.into_iter().map(|count| count as f64).collect()
}

/// For each number the entry of its bin.
pub(crate) fn of_bins<const D: usize>(numbers: &Tensor<D>, entries: &[f64]) -> Option<Tensor<D>> {
    let (shape, device) = (numbers.dims(), numbers.clone().without_autodiff().device());
    with_numbers!(numbers, |numbers| tensor(entries_of(numbers, entries), shape, &device))
}

fn entries_of<T: Float>(numbers: &[T], entries: &[f64]) -> Vec<T> {
    let entries: Vec<T> = entries.iter().map(|entry| T::from_f64(*entry)).collect();
    numbers.par_iter().map(|number| entries[bin(*number, entries.len())]).collect()
}

/// J_i - J_(i-1) at the rank of each error of a row: see [`lovasz`](crate::segmentation::LovaszLoss).
pub(crate) fn lovasz_factors(errors: &Tensor<2>, foreground: &Tensor<2>) -> Option<Tensor<2>> {
    let (shape, device) = (errors.dims(), errors.clone().without_autodiff().device());
    let of = foreground.clone().into_data();
    let foreground: Vec<bool> = of.iter::<f32>().map(|mask| mask == 1.0).collect();
    with_numbers!(errors, |numbers| tensor(factors_of(numbers, &foreground, shape[1]), shape, &device))
}

fn factors_of<T: Float>(errors: &[T], foreground: &[bool], pixels: usize) -> Vec<T> {
    let mut factors = vec![T::default(); errors.len()];
    for ((errors, foreground), factors) in
        errors.chunks(pixels).zip(foreground.chunks(pixels)).zip(factors.chunks_mut(pixels))
    {
        let mut order: Vec<(T, u32)> = errors.iter().copied().zip(0..).collect();
        order.par_sort_unstable_by(|a, b| descending(a.0, b.0));
        let total = foreground.iter().filter(|mask| **mask).count() as f64;
        let mut found = 0.0;
        for (rank, (_, pixel)) in (1..).zip(order) {
            let is_found = foreground[pixel as usize];
            found += f64::from(u8::from(is_found));
            let union = total + f64::from(rank) - found;
            let factor = match is_found {
                true => 1.0 / union,
                false if total == 0.0 && rank == 1 => 1.0,
                false => (total - found) / (union * (union - 1.0).max(1.0)),
            };
            factors[pixel as usize] = T::from_f64(factor);
        }
    }
    factors
}
