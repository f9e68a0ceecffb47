//! Rows of logits and their labels -> value: a formula of few numbers of each row.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, Weights, of_type, scaled_rows, tensor, unwritten};
use super::pointwise::{Sum, load, rest, store_rest};
use super::{PIECE, factor_of, in_pieces, of_sum, part};
use crate::engine::backward::{attach, like, times};
use crate::engine::rows::{Row, RowFormula, Sums};
use crate::formula::{Dual, Real};
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::{Int, Tensor};
use pulp::{Simd, WithSimd};

/// Some rows, and what is wanted of them.
pub(super) struct Task<'a, T> {
    pub(super) formula: &'a dyn RowFormula,
    /// The number of the first row.
    pub(super) start: usize,
    pub(super) classes: usize,
    /// `None`: they stand where the slopes are to be.
    pub(super) logits: Option<&'a [T]>,
    pub(super) labels: &'a [Label],
    /// What the target's logit of each row has in it beside its cosine and the scale; `None`: 1.
    pub(super) lengths: Option<&'a [f64]>,
    pub(super) weights: Option<&'a [T]>,
    pub(super) factor: f64,
    pub(super) values: Option<&'a mut [T]>,
    pub(super) slopes: Option<&'a mut [T]>,
    /// The slopes by the lengths.
    pub(super) by_length: Option<&'a mut [T]>,
}

#[derive(Clone, Copy)]
pub(super) enum Label {
    Of(usize),
    Ignored,
    /// None of the classes.
    Wrong,
}

pub(super) struct Run<'a, T>(pub(super) Task<'a, T>);

impl<T: Float> WithSimd for Run<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self(mut task) = self;
        let mut total = 0.0;
        let mut room = [T::default(); 16 * MOST_LANES];
        for (i, label) in task.labels.iter().enumerate() {
            let columns = i * task.classes..(i + 1) * task.classes;
            let Label::Of(label) = *label else {
                if let Some(slopes) = &mut task.slopes {
                    slopes[columns].fill(T::default());
                }
                if let Label::Wrong = label {
                    total = f64::NAN;
                }
                if let Some(values) = &mut task.values {
                    values[i] = T::from_f64(if let Label::Wrong = label { f64::NAN } else { 0.0 });
                }
                continue;
            };
            let given = task.logits.map(|logits| &logits[columns.clone()]);
            let mut slopes = task.slopes.as_mut().map(|slopes| &mut slopes[columns]);
            let logits = given.or(slopes.as_deref()).expect("logits");
            let own = logits[label].to_f64();
            let length = task.lengths.map_or(1.0, |lengths| lengths[i]);
            let margin = task.formula.margin(task.start + i, own, length);
            let (target, [turn, by_length]) = margin.map_or((own, [1.0, 0.0]), |margin| (margin.value, margin.slope));
            // Of all logits as they are with the margin.
            let (before, after) = (&logits[..label], &logits[label + 1..]);
            let largest = largest(simd, before, largest(simd, after, T::from_f64(target)));

            let sum = match task.formula.sums() {
                Sums::Nothing => 0.0,
                Sums::All => {
                    let mut sum = Sum::default();
                    sum.add(logits, None);
                    sum.total() - largest.to_f64() * task.classes as f64
                }
                Sums::Weighted(weights) => {
                    let relative = logits.iter().map(|logit| logit.to_f64() - largest.to_f64());
                    relative.zip(weights).map(|(logit, weight)| if *weight == 0.0 { 0.0 } else { logit * weight }).sum()
                }
            };

            // e^x, relative to the largest, and its sum over the other classes.
            let others = match &mut slopes {
                Some(slopes) => {
                    exponentials(simd, given, largest, slopes);
                    slopes[label] = T::default();
                    let mut sum = Sum::default();
                    sum.add(slopes, None);
                    sum.total()
                }
                None => {
                    let mut sum = Sum::default();
                    let logits = given.expect("logits are given or stand where the slopes are to be");
                    for (start, logits) in (0..).step_by(room.len()).zip(logits.chunks(room.len())) {
                        let powers = &mut room[..logits.len()];
                        exponentials(simd, Some(logits), largest, powers);
                        if let Some(power) = label.checked_sub(start).and_then(|own| powers.get_mut(own)) {
                            *power = T::default();
                        }
                        sum.add(powers, None);
                    }
                    sum.total()
                }
            };
            let class_weight = match task.formula.sums() {
                Sums::Nothing => 0.0,
                Sums::All => 1.0,
                Sums::Weighted(weights) => weights[label],
            };
            let (largest, sum) = (largest.to_f64(), sum + class_weight * (target - own));
            let target = target - largest;
            let power = target.exp();
            let partition = others + power;
            // The value of a row that is certain and right keeps its digits.
            let log_total = if target > -1.0 { target + (others / power).ln_1p() } else { partition.ln() };
            let row = Row {
                label,
                target: Dual::variable(target, 0),
                log_total: Dual::variable(log_total, 1),
                sum: Dual::variable(sum, 2),
                largest,
            };
            let value = task.formula.eval(&row);
            let weight = task.weights.map_or(1.0, |weights| weights[i].to_f64());
            total += value.value * weight;
            if let Some(values) = &mut task.values {
                values[i] = T::from_f64(value.value);
            }
            if let Some(slopes) = &mut slopes {
                let factor = task.factor * weight;
                let [by_target, by_total, by_sum] = value.slope.map(|slope| slope * factor);
                match task.formula.sums() {
                    Sums::Weighted(weights) => {
                        for (slope, weight) in slopes.iter_mut().zip(weights) {
                            *slope = T::from_f64(slope.to_f64() * (by_total / partition) + by_sum * weight);
                        }
                    }
                    Sums::All | Sums::Nothing => scale(simd, slopes, by_total / partition, by_sum),
                }
                let share = if by_total == 0.0 { 0.0 } else { by_total * power / partition };
                let by_logit = by_target + share + by_sum * class_weight;
                slopes[label] = T::from_f64(by_logit * turn);
                if let Some(slopes) = &mut task.by_length {
                    slopes[i] = T::from_f64(by_logit * by_length);
                }
            }
        }
        total
    }
}

#[inline(always)]
pub(in crate::engine::cpu) fn largest<S: Simd, T: Float>(simd: S, numbers: &[T], least: T) -> T {
    let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
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

/// e^x relative to the largest, of numbers that are given or stand where the results are to be.
#[inline(always)]
fn exponentials<S: Simd, T: Float>(simd: S, numbers: Option<&[T]>, largest: T, results: &mut [T]) {
    let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
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

/// Each number times a factor, plus a term.
#[inline(always)]
fn scale<S: Simd, T: Float>(simd: S, numbers: &mut [T], factor: f64, term: f64) {
    let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
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

/// What is to be computed of `[M, C]` logits and their labels.
pub(crate) struct Batch<'a> {
    pub(crate) formula: &'a dyn RowFormula,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) logits: &'a Tensor<2>,
    pub(crate) labels: &'a Tensor<1, Int>,
}

/// How the values become one: the samples of the batch, and the weights of the rows or of the samples.
pub(crate) struct Reduce<'a, const L: usize> {
    pub(crate) reduction: Reduction,
    pub(crate) samples: usize,
    pub(crate) weights: Option<&'a Tensor<L>>,
}

impl Batch<'_> {
    /// The reduced value, in the graph of the logits. `None` where there is no kernel for these tensors.
    pub(crate) fn reduced<const L: usize>(&self, reduce: &Reduce<'_, L>) -> Option<Tensor<1>> {
        self.run(Some(reduce)).map(|unreduced| unreduced.values)
    }

    /// The values, in the graph of the logits. `None` where there is no kernel for these tensors.
    pub(crate) fn values(&self) -> Option<Unreduced<1>> {
        self.run::<1>(None)
    }

    fn run<const L: usize>(&self, reduce: Option<&Reduce<'_, L>>) -> Option<Unreduced<1>> {
        of_type!(self.logits.dtype(), N => self.run_of::<N, L>(reduce))
    }

    fn run_of<N: Number, const L: usize>(&self, reduce: Option<&Reduce<'_, L>>) -> Option<Unreduced<1>> {
        if super::is_off() {
            return None;
        }
        let Self { formula, logits, .. } = *self;
        let [rows, classes] = logits.dims();
        let memory = Memory::of(logits)?;
        let numbers = memory.numbers::<N>()?;
        let weights = match reduce.and_then(|reduce| reduce.weights) {
            Some(weights) => Some(Weights::<N::Wide>::of(weights, rows)?),
            None => None,
        };
        let known = Known::of(formula, self.ignore_index, self.labels, classes);
        let divisor = reduce.and_then(|reduce| known.divisor(reduce, weights.as_ref()));
        let factor = factor_of(divisor);

        let tracked = logits.is_tracked();
        let mut values = unwritten::<N::Wide>(if reduce.is_none() { rows } else { 0 });
        let mut slopes = unwritten::<N::Wide>(if tracked { rows * classes } else { 0 });
        let size = (PIECE / classes).max(1);
        let outputs = [reduce.is_none().then_some(&mut values[..]), tracked.then_some(&mut slopes[..])];
        let sum = in_pieces(rows, size, outputs, [1, classes], |piece, [values, slopes]| {
            let (mut room, mut weight_room) = (Vec::new(), Vec::new());
            let labels = part(&known.labels, piece, size, 1);
            let start = piece * size;
            let weights = weights.as_ref().map(|weights| weights.part(start, labels.len(), &mut weight_room));
            let logits = Some(N::widen(part(numbers, piece, size, classes), &mut room));
            let (lengths, by_length) = (None, None);
            let task =
                Task { formula, start, classes, logits, labels, lengths, weights, factor, values, slopes, by_length };
            N::Wide::dispatch(Run(task))
        });

        let device = logits.clone().without_autodiff().device();
        let is_reduced = reduce.is_some();
        let value = if is_reduced {
            tensor(vec![N::Wide::from_f64(of_sum(sum, divisor))], [1], &device)
        } else {
            tensor(values, [rows], &device)
        };
        let mass = known.mass.filter(|_| !is_reduced).map(|mass| {
            let mass = tensor(mass, [rows], &device).cast(value.dtype());
            like(logits, mass)
        });
        let values = if tracked {
            let dtype = logits.dtype();
            attach(value, core::slice::from_ref(logits), move |upstream: Tensor<1>| {
                let gradient = match is_reduced {
                    true => times(tensor(slopes, [rows, classes], &device), upstream),
                    false => scaled_rows(slopes, upstream, [rows, classes], &device),
                };
                vec![Some(gradient.cast(dtype))]
            })?
        } else {
            like(logits, value)
        };
        Some(Unreduced { values, mass })
    }
}

/// The labels of a batch, and what its rows count.
pub(super) struct Known {
    pub(super) labels: Vec<Label>,
    /// What each row counts; `None` where all count 1.
    mass: Option<Vec<f64>>,
}

impl Known {
    pub(super) fn of(
        formula: &dyn RowFormula,
        ignore_index: Option<i64>,
        labels: &Tensor<1, Int>,
        classes: usize,
    ) -> Self {
        let label = |label: i64| match usize::try_from(label) {
            _ if Some(label) == ignore_index => Label::Ignored,
            Ok(label) if label < classes => Label::Of(label),
            _ => Label::Wrong,
        };
        let labels: Vec<_> = labels.clone().without_autodiff().into_data().iter::<i64>().map(label).collect();
        let mass = |label: &Label| match *label {
            Label::Of(label) => formula.mass(label).unwrap_or(1.0),
            Label::Ignored => 0.0,
            Label::Wrong => 1.0,
        };
        let is_counted = ignore_index.is_some() || formula.mass(0).is_some();
        let mass = is_counted.then(|| labels.iter().map(mass).collect());
        Self { labels, mass }
    }

    /// What the sum of the values is divided by.
    pub(super) fn divisor<T: Float + Number<Wide = T>, const L: usize>(
        &self,
        reduce: &Reduce<'_, L>,
        weights: Option<&Weights<T>>,
    ) -> Option<f64> {
        let rows = self.labels.len();
        let count = self.mass.as_ref().map_or(rows as f64, |mass| mass.iter().sum());
        let weight = weights.map(|weights| match &self.mass {
            None => weights.sum(),
            Some(mass) => {
                let mut room = Vec::new();
                let weights = weights.part(0, rows, &mut room);
                weights.iter().zip(mass).map(|(weight, mass)| weight.to_f64() * mass).sum()
            }
        });
        reduce.reduction.divisor(count, reduce.samples, weight)
    }
}
