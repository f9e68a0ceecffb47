//! Loops over numbers, some lanes at a time.

use super::{Float, Lanes, MOST_LANES};
use crate::formula::Real;
use pulp::Simd;

/// The first numbers of `from`, one per lane.
#[inline(always)]
pub(crate) fn load<S: Simd, T: Float>(simd: S, from: &[T]) -> Lanes<S, T> {
    Lanes::load(simd, from)
}

/// One number in all lanes.
#[inline(always)]
pub(crate) fn splat<S: Simd, T: Float>(simd: S, number: T) -> Lanes<S, T> {
    load::<S, T>(simd, &[number; MOST_LANES])
}

/// Loads fewer numbers than a register holds, and repeats the last one.
#[inline(always)]
pub(crate) fn rest<S: Simd, T: Float>(simd: S, from: &[T]) -> Lanes<S, T> {
    let mut all = [from[from.len() - 1]; MOST_LANES];
    all[..from.len()].copy_from_slice(from);
    Lanes::load(simd, &all)
}

/// Stores the first lanes into a slice that is shorter than a register.
#[inline(always)]
pub(crate) fn store_rest<S: Simd, T: Float>(lanes: Lanes<S, T>, to: &mut [T]) {
    let mut all = [T::default(); MOST_LANES];
    lanes.store(&mut all);
    to.copy_from_slice(&all[..to.len()]);
}

/// The numbers from this place on; a register that they do not fill is padded.
#[inline(always)]
pub(crate) fn read<S: Simd, T: Float>(simd: S, from: &[T], at: usize) -> Lanes<S, T> {
    let from = &from[at..];
    if from.len() < Lanes::<S, T>::COUNT { rest(simd, from) } else { load(simd, from) }
}

/// Writes numbers from this place on, as many as there is room for.
#[inline(always)]
pub(crate) fn write<S: Simd, T: Float>(lanes: Lanes<S, T>, to: &mut [T], at: usize) {
    let to = &mut to[at..];
    if to.len() < Lanes::<S, T>::COUNT { store_rest(lanes, to) } else { lanes.store(to) }
}

/// A sum in double precision, kept in as many partial sums as a register can have lanes.
#[derive(Default)]
pub(crate) struct Sum([f64; MOST_LANES]);

impl Sum {
    #[inline(always)]
    pub(crate) fn add<T: Float>(&mut self, values: &[T], weights: Option<&[T]>) {
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
    pub(crate) fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// The largest of the numbers and of `least`.
#[inline(always)]
pub(crate) fn largest<S: Simd, T: Float>(simd: S, numbers: &[T], least: T) -> T {
    let width = Lanes::<S, T>::COUNT;
    let mut most = rest::<S, T>(simd, &[least]);
    let mut i = 0;
    while i + width <= numbers.len() {
        most = load::<S, T>(simd, &numbers[i..]).maximum(most);
        i += width;
    }
    if i < numbers.len() {
        most = rest::<S, T>(simd, &numbers[i..]).maximum(most);
    }
    let mut all = [least; MOST_LANES];
    most.store(&mut all);
    all.into_iter().fold(least, |a, b| if b.to_f64() > a.to_f64() { b } else { a })
}

/// e^(x - largest) of each number. Without `numbers`, the numbers are read from `results`.
#[inline(always)]
pub(crate) fn exponentials<S: Simd, T: Float>(simd: S, numbers: Option<&[T]>, largest: T, results: &mut [T]) {
    let width = Lanes::<S, T>::COUNT;
    let largest = rest::<S, T>(simd, &[largest]);
    let mut i = 0;
    while i + width <= results.len() {
        let number = load::<S, T>(simd, &numbers.unwrap_or(results)[i..]);
        (number - largest).exp().store(&mut results[i..]);
        i += width;
    }
    if i < results.len() {
        let number = rest::<S, T>(simd, &numbers.unwrap_or(results)[i..]);
        store_rest((number - largest).exp(), &mut results[i..]);
    }
}

/// Multiplies each number by a factor and adds a term.
#[inline(always)]
pub(crate) fn scale<S: Simd, T: Float>(simd: S, numbers: &mut [T], factor: f64, term: f64) {
    let width = Lanes::<S, T>::COUNT;
    let mut i = 0;
    while i + width <= numbers.len() {
        let scaled = load::<S, T>(simd, &numbers[i..]) * factor + term;
        scaled.store(&mut numbers[i..]);
        i += width;
    }
    if i < numbers.len() {
        let scaled = rest::<S, T>(simd, &numbers[i..]) * factor + term;
        store_rest(scaled, &mut numbers[i..]);
    }
}

/// Writes a function of each number to `results`; `results` may be longer than `numbers`.
#[inline(always)]
pub(crate) fn each<S: Simd, T: Float>(
    simd: S,
    numbers: &[T],
    results: &mut [T],
    of: impl Fn(Lanes<S, T>) -> Lanes<S, T>,
) {
    let lanes = Lanes::<S, T>::COUNT;
    let mut i = 0;
    while i + lanes <= numbers.len() {
        of(load::<S, T>(simd, &numbers[i..])).store(&mut results[i..]);
        i += lanes;
    }
    if i < numbers.len() {
        store_rest(of(rest::<S, T>(simd, &numbers[i..])), &mut results[i..numbers.len()]);
    }
}

/// `results` = f(numbers, results).
#[inline(always)]
pub(crate) fn zip<S: Simd, T: Float>(
    simd: S,
    numbers: &[T],
    results: &mut [T],
    f: impl Fn(Lanes<S, T>, Lanes<S, T>) -> Lanes<S, T>,
) {
    let width = Lanes::<S, T>::COUNT;
    let mut i = 0;
    while i + width <= numbers.len() {
        f(load::<S, T>(simd, &numbers[i..]), load::<S, T>(simd, &results[i..])).store(&mut results[i..]);
        i += width;
    }
    if i < numbers.len() {
        let lanes = f(rest::<S, T>(simd, &numbers[i..]), rest::<S, T>(simd, &results[i..]));
        store_rest(lanes, &mut results[i..]);
    }
}
