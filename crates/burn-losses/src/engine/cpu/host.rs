//! What takes many whole-tensor operations on a device, and one pass over memory here.

use super::PIECE;
use super::lanes::Float;
use super::memory::{Lent, Memory, Number, of_type, tensor, unwritten, with_numbers, zeros};
use crate::engine::backward::{attach, like};
use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;

/// Values in the graph of an input that they do not depend on.
pub(crate) fn without_gradient<const V: usize, const P: usize>(
    values: &Tensor<V>,
    input: &Tensor<P>,
) -> Option<Tensor<V>> {
    if !super::applies(input) {
        return None;
    }
    let (shape, options) = (input.dims(), (input.clone().without_autodiff().device(), input.dtype()));
    let values = values.clone().without_autodiff();
    attach(values, core::slice::from_ref(input), move |_| vec![Some(Tensor::zeros(shape, (&options.0, options.1)))])
}

/// The entry of each row at its label, in the graph of the rows.
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
    let picked: Vec<N> = places.iter().map(|place| numbers[*place]).collect();
    let picked = Tensor::<1>::from_data(TensorData::new(picked, [count]), (&device, dtype));
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

/// Some rows, in their graph.
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
    let selected: Vec<_> = places.iter().flat_map(|place| &numbers[*place..place + size]).copied().collect();
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

fn entries_of<T: Float>(numbers: &[T], entries: &[f64]) -> Lent<T> {
    let entries: Vec<T> = entries.iter().map(|entry| T::from_f64(*entry)).collect();
    let mut of_numbers = unwritten::<T>(numbers.len());
    of_numbers.par_chunks_mut(PIECE).zip(numbers.par_chunks(PIECE)).for_each(|(of_numbers, numbers)| {
        for (entry, number) in of_numbers.iter_mut().zip(numbers) {
            *entry = entries[bin(*number, entries.len())];
        }
    });
    of_numbers
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
        T::sort_descending(&mut order);
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
