//! The kernel of the CPU: forward and backward sums in double precision, row by row, on all threads.

use super::{Call, Lattice};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::host::memory::{Memory, in_precision, tensor, zeros};
use crate::engine::host::simd::Float;
use core::slice::from_ref;
use rayon::prelude::*;

/// The logarithm of 0.
const NOTHING: f64 = f64::NEG_INFINITY;

pub(in crate::engine) fn lattice(call: &Call<'_>) -> Option<AnyTensor> {
    in_precision!(call.log_p.dtype(), T => run::<T>(call))
}

fn run<T: Float>(call: &Call<'_>) -> Option<AnyTensor> {
    let (shape, device, dtype) = (call.log_p.shape(), call.log_p.inner_device(), call.log_p.dtype());
    let memory = Memory::new(&call.log_p)?;
    let numbers = memory.numbers_of::<T>()?;
    let (rows, size) = (shape[0], shape[1..].iter().product::<usize>());
    let integers = |data: burn::tensor::TensorData| data.iter::<i64>().collect::<Vec<_>>();
    let labels = integers(call.labels.labels.clone().into_data());
    let input_lengths = integers(call.labels.input_lengths.clone().into_data());
    let label_lengths = integers(call.labels.label_lengths.clone().into_data());
    let width = call.labels.labels.dims()[1];
    let mut values = vec![T::default(); rows];
    let mut slopes = if call.log_p.is_tracked() { zeros::<T>(rows * size) } else { zeros::<T>(0) };
    let of_row = |row: usize, slopes: Option<&mut [T]>| {
        let lengths = [(input_lengths[row], shape[1]), (label_lengths[row], width)];
        let [Some(steps), Some(count)] = lengths.map(|(length, most)| in_range(length, most + 1)) else {
            return T::from_f64(f64::NAN);
        };
        let (classes, blank) = (shape[shape.len() - 1], call.labels.blank);
        let labels = labels[row * width..row * width + count].iter();
        let labels = labels.map(|label| in_range(*label, classes).filter(|label| *label != blank));
        let Some(labels) = labels.collect::<Option<Vec<_>>>() else { return T::from_f64(f64::NAN) };
        let log_p = LogP { numbers: &numbers[row * size..(row + 1) * size], classes };
        T::from_f64(match call.lattice {
            Lattice::Ctc => ctc(log_p, steps, &labels, blank, slopes),
            Lattice::Transducer => {
                let emphasis = call.labels.fast_emit.ln_1p();
                transducer(log_p, steps, (&labels, width + 1), (blank, emphasis), slopes)
            }
        })
    };
    if slopes.is_empty() {
        values.par_iter_mut().enumerate().for_each(|(row, value)| *value = of_row(row, None));
    } else {
        let rows = values.par_iter_mut().zip(slopes.par_chunks_mut(size)).enumerate();
        rows.for_each(|(row, (value, slopes))| *value = of_row(row, Some(slopes)));
    }
    let values = tensor(values, &[rows], &device).cast(dtype);
    custom_backward(values, from_ref(&call.log_p), move |upstream| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        slopes.par_chunks_mut(size.max(1)).zip(upstream).for_each(|(slopes, factor)| match factor {
            0.0 => slopes.fill(T::default()),
            _ => slopes.iter_mut().for_each(|slope| *slope = T::from_f64(slope.to_f64() * factor)),
        });
        vec![Some(tensor(slopes, &shape, &device).cast(dtype))]
    })
}

/// A number from 0 to `end - 1`.
fn in_range(number: i64, end: usize) -> Option<usize> {
    usize::try_from(number).ok().filter(|number| *number < end)
}

/// The log-probabilities of a row.
#[derive(Clone, Copy)]
struct LogP<'a, T> {
    numbers: &'a [T],
    classes: usize,
}

impl<T: Float> LogP<'_, T> {
    fn at(self, place: usize, class: usize) -> f64 {
        self.numbers[place * self.classes + class].to_f64()
    }
}

/// ln(e^a + e^b).
fn log_add(a: f64, b: f64) -> f64 {
    let (most, least) = if a < b { (b, a) } else { (a, b) };
    if least == NOTHING || most == f64::INFINITY { most } else { most + (least - most).exp().ln_1p() }
}

/// Subtracts the share of the likelihood that goes through a step from its slope.
fn occupy<T: Float>(slope: &mut T, log_share: f64) {
    *slope = T::from_f64(slope.to_f64() - log_share.exp());
}

/// The states are the labels with a blank before, between and after them.
fn ctc<T: Float>(log_p: LogP<'_, T>, steps: usize, labels: &[usize], blank: usize, slopes: Option<&mut [T]>) -> f64 {
    let states = 2 * labels.len() + 1;
    if steps == 0 {
        return if labels.is_empty() { 0.0 } else { f64::INFINITY };
    }
    let class = |state: usize| if state.is_multiple_of(2) { blank } else { labels[state / 2] };
    // A blank between two labels may be left out if these differ.
    let skips = |state: usize| state > 2 && !state.is_multiple_of(2) && class(state) != class(state - 2);
    let mut sums = vec![NOTHING; steps * states];
    for (state, sum) in sums.iter_mut().enumerate().take(states.min(2)) {
        *sum = log_p.at(0, class(state));
    }
    for step in 1..steps {
        let (before, now) = sums[(step - 1) * states..(step + 1) * states].split_at_mut(states);
        for (state, sum) in now.iter_mut().enumerate() {
            let mut reached = before[state];
            if state > 0 {
                reached = log_add(reached, before[state - 1]);
            }
            if skips(state) {
                reached = log_add(reached, before[state - 2]);
            }
            *sum = reached + log_p.at(step, class(state));
        }
    }
    let last = &sums[(steps - 1) * states..];
    let total = if states > 1 { log_add(last[states - 1], last[states - 2]) } else { last[0] };
    let Some(slopes) = slopes.filter(|_| total != NOTHING) else { return -total };
    // The sums over the ends of the paths after a state.
    let mut ends = vec![NOTHING; states];
    ends[states - 1] = 0.0;
    if states > 1 {
        ends[states - 2] = 0.0;
    }
    for step in (0..steps).rev() {
        for state in 0..states {
            let share = sums[step * states + state] + ends[state] - total;
            occupy(&mut slopes[step * log_p.classes + class(state)], share);
        }
        let after: Vec<f64> = (0..states).map(|state| ends[state] + log_p.at(step, class(state))).collect();
        for (state, end) in ends.iter_mut().enumerate() {
            *end = after[state];
            if state + 1 < states {
                *end = log_add(*end, after[state + 1]);
            }
            if state + 2 < states && skips(state + 2) {
                *end = log_add(*end, after[state + 2]);
            }
        }
    }
    -total
}

/// The states are the numbers of labels so far, of which the lattice has `width`. `emphasis` is the logarithm of the factor of the
/// labels' slopes.
fn transducer<T: Float>(
    log_p: LogP<'_, T>,
    steps: usize,
    (labels, width): (&[usize], usize),
    (blank, emphasis): (usize, f64),
    slopes: Option<&mut [T]>,
) -> f64 {
    let states = labels.len() + 1;
    if steps == 0 {
        return f64::INFINITY;
    }
    let place = |step: usize, state: usize| step * width + state;
    let mut sums = vec![NOTHING; steps * states];
    for step in 0..steps {
        for state in 0..states {
            let mut reached = if step + state == 0 { 0.0 } else { NOTHING };
            if step > 0 {
                reached = log_add(reached, sums[(step - 1) * states + state] + log_p.at(place(step - 1, state), blank));
            }
            if state > 0 {
                let label = log_p.at(place(step, state - 1), labels[state - 1]);
                reached = log_add(reached, sums[step * states + state - 1] + label);
            }
            sums[step * states + state] = reached;
        }
    }
    let total = sums[steps * states - 1] + log_p.at(place(steps - 1, states - 1), blank);
    let Some(slopes) = slopes.filter(|_| total != NOTHING) else { return -total };
    // The sums over the ends of the paths from a state on: of the next step, and of this one.
    let mut later = vec![NOTHING; states];
    for step in (0..steps).rev() {
        let mut ends = vec![NOTHING; states];
        for state in (0..states).rev() {
            let place = place(step, state);
            let is_end = step + 1 == steps && state + 1 == states;
            let by_blank = log_p.at(place, blank) + if is_end { 0.0 } else { later[state] };
            let so_far = sums[step * states + state] - total;
            occupy(&mut slopes[place * log_p.classes + blank], so_far + by_blank);
            ends[state] = by_blank;
            if state + 1 < states {
                let by_label = log_p.at(place, labels[state]) + ends[state + 1];
                occupy(&mut slopes[place * log_p.classes + labels[state]], so_far + by_label + emphasis);
                ends[state] = log_add(by_blank, by_label);
            }
        }
        later = ends;
    }
    -total
}
