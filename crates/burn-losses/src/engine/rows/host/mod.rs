//! Rows of logits and their targets -> value: a softmax, and a formula of each class.

mod labels;
mod row;

use super::{Call, MINUS_INFINITY, Margin, Outcome, RowKernel, RowSettings, Target, as_rows};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::distributions::LEAST as LEAST_PROBABILITY;
use crate::engine::host::blocks::{BLOCK, divided, factor_of, par_blocks, part, range};
use crate::engine::host::memory::{Memory, Weights, in_precision, scalar, stale, tensor, with_slopes};
use crate::engine::host::simd::{Float, zip};
use crate::engine::pointwise::host::{self as pointwise};
use crate::formula::{Dual, RowFormula};
use burn::tensor::Device;
use labels::of_probabilities;
use pulp::{Simd, WithSimd};
use row::{OneRow, Scratch, Shared, log_softened};

pub(in crate::engine) use labels::{BatchLabels, Label, divisor};

/// A [`RowFormula`] in double precision, one class at a time.
pub(in crate::engine) trait Kernel: RowSettings {
    /// The contribution of a class, and its derivative with respect to the log-probability.
    fn eval(&self, log_p: f64, share: f64) -> Dual<f64, 1>;
    fn penalty(&self, log_total: f64) -> Option<Dual<f64, 1>>;
}

impl<F: RowFormula> Kernel for F {
    fn eval(&self, log_p: f64, share: f64) -> Dual<f64, 1> {
        self.eval(Dual::variable(log_p, 0), Dual::constant(share))
    }
    fn penalty(&self, log_total: f64) -> Option<Dual<f64, 1>> {
        self.penalty(Dual::variable(log_total, 0))
    }
}

/// Some rows, and the results that are wanted of them.
pub(in crate::engine) struct Task<'a, T> {
    pub(in crate::engine) kernel: &'a RowKernel,
    /// The number of the first row.
    pub(in crate::engine) start: usize,
    pub(in crate::engine) classes: usize,
    /// The logits; `None` if they are stored in the place of the slopes.
    pub(in crate::engine) logits: Option<&'a [T]>,
    pub(in crate::engine) target: Targets<'a, T>,
    pub(in crate::engine) margin: Option<&'a Margin<'a>>,
    /// The length that is a factor of each label's logit beside its cosine and the scale; `None` if all lengths are 1.
    pub(in crate::engine) lengths: Option<&'a [f64]>,
    pub(in crate::engine) weights: Option<&'a [T]>,
    pub(in crate::engine) factor: f64,
    pub(in crate::engine) values: Option<&'a mut [T]>,
    pub(in crate::engine) slopes: Option<&'a mut [T]>,
    /// The slopes with respect to the lengths.
    pub(in crate::engine) by_length: Option<&'a mut [T]>,
}

/// The targets of some rows.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Targets<'a, T> {
    Labels(&'a [Label]),
    Probabilities(&'a [T]),
    Teacher { numbers: &'a [T], sharpness: f64, is_logarithm: bool },
    Bins(&'a [T]),
}

/// A row, by the classes that have a share of its target.
enum Row {
    /// The value is known, and does not depend on the logits.
    Constant(f64),
    /// One class has all of the target.
    One(Shared),
    /// Two classes have all of the target.
    Two([Shared; 2]),
    /// All classes may have a share of the target; a label's share is added to the others.
    Dense(Option<Shared>),
}

pub(in crate::engine) struct Run<'a, T>(pub(in crate::engine) Task<'a, T>);

impl<T: Float> WithSimd for Run<'_, T>
where
    dyn pointwise::Kernels: pointwise::Kernel<T>,
{
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self(mut task) = self;
        let (keep, floor) = task.kernel.host.smoothing(task.classes);
        let is_dense = floor > 0.0 || task.kernel.host.every_class_counts();
        let factors = task.kernel.host.class_factors();
        let offsets: Option<Vec<T>> =
            task.kernel.host.class_offsets().map(|offsets| offsets.iter().map(|x| T::from_f64(*x)).collect());
        let factor_of_class = |class: usize| factors.map_or(1.0, |factors| factors[class]);
        let mut scratch = Scratch::default();
        // The function of each logit with the offset of its class, and the slopes of the function.
        let mut changed = [Vec::new(), Vec::new()];
        let rows = match task.target {
            Targets::Labels(labels) => labels.len(),
            Targets::Bins(numbers) => numbers.len(),
            Targets::Probabilities(numbers) | Targets::Teacher { numbers, .. } => numbers.len() / task.classes,
        };
        let mut total = 0.0;
        for i in 0..rows {
            let columns = i * task.classes..(i + 1) * task.classes;
            let row = match task.target {
                Targets::Labels(labels) => match labels[i] {
                    Label::Ignored => Row::Constant(0.0),
                    Label::Wrong => Row::Constant(f64::NAN),
                    Label::Of(class) => {
                        let shared = Shared { class, share: keep * factor_of_class(class), part: 1.0 };
                        if is_dense { Row::Dense(Some(shared)) } else { Row::One(shared) }
                    }
                },
                Targets::Bins(numbers) => bins(numbers[i].to_f64(), task.classes),
                Targets::Probabilities(_) | Targets::Teacher { .. } => Row::Dense(None),
            };
            let weight = task.weights.map_or(1.0, |weights| weights[i].to_f64());
            let row = match row {
                // A value of weight 0 counts as 0, even if it is NaN or infinite.
                Row::One(_) | Row::Two(_) | Row::Dense(_) if weight == 0.0 && task.values.is_none() => {
                    Row::Constant(0.0)
                }
                row => row,
            };
            let own = match row {
                Row::One(Shared { class, .. }) | Row::Dense(Some(Shared { class, .. })) if task.margin.is_some() => {
                    Some(class)
                }
                _ => None,
            };
            let change = task.kernel.logits.as_ref().filter(|_| !matches!(row, Row::Constant(_)));
            let is_changed = (change.is_some() || offsets.is_some()) && !matches!(row, Row::Constant(_));
            if is_changed {
                let given = task.logits.or(task.slopes.as_deref());
                let given = &given.expect("logits are given or stand where the slopes are to be")[columns.clone()];
                let [values, slopes] = &mut changed;
                values.resize(task.classes, T::default());
                match change {
                    None => values.copy_from_slice(given),
                    Some(change) => {
                        slopes.resize(task.classes, T::default());
                        let (values, slopes) = (Some(&mut values[..]), Some(&mut slopes[..]));
                        let of_logits = pointwise::Task {
                            first: given,
                            targets: given,
                            weights: None,
                            factor: 1.0,
                            values,
                            slopes,
                        };
                        change.host.run(of_logits);
                    }
                }
                if let Some(offsets) = &offsets {
                    // The offset of a label is added after its margin.
                    let of_own = own.map(|own| (own, values[own]));
                    zip(
                        simd,
                        offsets,
                        values,
                        #[inline(always)]
                        |offset, logit| logit + offset,
                    );
                    if let Some((own, logit)) = of_own {
                        values[own] = logit;
                    }
                }
            }
            let one = OneRow {
                logits: match is_changed {
                    true => Some(&changed[0][..]),
                    false => task.logits.map(|logits| &logits[columns.clone()]),
                },
                slopes: task.slopes.as_mut().map(|slopes| &mut slopes[columns.clone()]),
                offset_of_own: match (&offsets, own) {
                    (Some(offsets), Some(own)) => offsets[own].to_f64(),
                    _ => 0.0,
                },
                length: task.lengths.map_or(1.0, |lengths| lengths[i]),
                factor: task.factor * weight,
                by_length: task.by_length.as_mut().map(|by_length| &mut by_length[i]),
                kernel: task.kernel,
                margin: task.margin.map(|margin| (task.start + i, margin)),
            };
            let value = match row {
                Row::Constant(value) => {
                    if let Some(slopes) = one.slopes {
                        slopes.fill(T::default());
                    }
                    value
                }
                Row::One(shared) => one.sparse(simd, [shared]),
                Row::Two(shared) => one.sparse(simd, shared),
                Row::Dense(label) => {
                    scratch.shares.resize(task.classes, T::default());
                    let fill = |shares: &mut [T], of: &dyn Fn(usize) -> f64| {
                        for (class, share) in shares.iter_mut().enumerate() {
                            *share = T::from_f64(of(class) * factor_of_class(class));
                        }
                    };
                    // The normalizer of the row, by which its penalty is multiplied.
                    let mut counts = 1.0;
                    match task.target {
                        Targets::Probabilities(numbers) => {
                            let q = &numbers[columns];
                            fill(&mut scratch.shares, &|class| keep * q[class].to_f64() + floor);
                            if task.kernel.host.factors_count() && factors.is_some() {
                                counts = q.iter().enumerate().map(|(c, q)| q.to_f64() * factor_of_class(c)).sum();
                            }
                        }
                        Targets::Teacher { numbers, sharpness, is_logarithm } => {
                            log_softened(simd, &numbers[columns], sharpness, is_logarithm, &mut scratch);
                        }
                        Targets::Labels(_) | Targets::Bins(_) => {
                            fill(&mut scratch.shares, &|_| floor);
                            if let Some(Shared { class, share, .. }) = label {
                                scratch.shares[class] = T::from_f64(scratch.shares[class].to_f64() + share);
                                counts = if task.kernel.host.factors_count() { factor_of_class(class) } else { 1.0 };
                            }
                        }
                    }
                    let sharpness = if let Targets::Teacher { sharpness, .. } = task.target { sharpness } else { 1.0 };
                    one.dense(simd, label.map(|shared| shared.class), (sharpness, counts), &mut scratch)
                }
            };
            if let Some(slopes) = task.slopes.as_mut().filter(|_| change.is_some()) {
                for (to, slope) in slopes[i * task.classes..(i + 1) * task.classes].iter_mut().zip(&changed[1]) {
                    *to = *to * *slope;
                }
            }
            total += value * if let Row::Constant(_) = row { 1.0 } else { weight };
            if let Some(values) = &mut task.values {
                values[i] = T::from_f64(value);
            }
        }
        total
    }
}

/// The target of a number from 0 to C - 1, which its two neighboring classes share.
fn bins(y: f64, classes: usize) -> Row {
    if !(0.0..=(classes - 1) as f64).contains(&y) {
        return Row::Constant(f64::NAN);
    }
    let below = (y as usize).min(classes - 2);
    let above = y - below as f64;
    let shared = |class, share| Shared { class, share, part: 1.0 };
    Row::Two([shared(below, 1.0 - above), shared(below + 1, above)])
}

/// The values or the reduced value, in the graph of the logits. Kernels compute no gradient with respect to the targets.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    let is_tracked = match call.target {
        Target::Labels { .. } => false,
        Target::Probabilities(of) | Target::Teacher { of, .. } | Target::Bins(of) => of.is_tracked(),
    };
    if is_tracked || call.logits.count() == 0 {
        return None;
    }
    in_precision!(call.logits.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<Outcome>
where
    dyn pointwise::Kernels: pointwise::Kernel<T>,
{
    let &Call { kernel, ref logits, target, margin, reduce, .. } = call;
    let logits = &match logits.shape()[..] {
        [_, _] => logits.clone(),
        _ => as_rows(logits.clone().into_rank::<3>()).into(),
    };
    let shape = logits.shape();
    let (rows, classes) = (shape[0], shape[1]);
    let memory = Memory::new(logits)?;
    let numbers = memory.numbers()?;
    let weights = Weights::<T>::of_some(reduce.and_then(|reduce| reduce.weights.as_ref()), rows)?;
    let (labels, floats) = match target {
        Target::Labels { of, ignore_index } => {
            (Some(BatchLabels::new(&*kernel.host, *ignore_index, of, classes)), None)
        }
        Target::Probabilities(of) | Target::Teacher { of, .. } | Target::Bins(of) => {
            (None, Some(Memory::new(&of.into())?))
        }
    };
    let target_numbers = match &floats {
        None => None,
        Some(memory) => Some(memory.numbers()?),
    };
    let normalizers = match (&labels, target) {
        (Some(labels), _) => labels.normalizers.clone(),
        (None, Target::Probabilities(of)) => of_probabilities(&*kernel.host, of, rows),
        _ => None,
    };
    let divisor = reduce.and_then(|reduce| divisor(rows, normalizers.as_deref(), reduce, weights.as_ref()));
    let (is_reduced, is_tracked) = (reduce.is_some(), logits.is_tracked());
    let mut values = stale::<T>(if is_reduced { 0 } else { rows });
    let mut slopes = stale::<T>(if is_tracked { rows * classes } else { 0 });
    let size = (BLOCK / classes).max(1);
    let width = target_numbers.map_or(1, |numbers| numbers.len() / rows);
    let outputs = [(!is_reduced).then_some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let sum = par_blocks(rows, size, outputs, [1, classes], &|block, [values, slopes]| {
        let (mut scratch, mut target_scratch, mut weight_scratch) = (Vec::new(), Vec::new(), Vec::new());
        let own = range(rows, block, size);
        let weights = weights.as_ref().map(|weights| weights.part(own.start, own.len(), &mut weight_scratch));
        let logits = Some(T::read(numbers, own.start * classes..own.end * classes, &mut scratch));
        let entries = own.start * width..own.end * width;
        let floats = target_numbers.map_or(&[][..], |numbers| T::read(numbers, entries, &mut target_scratch));
        let target = match target {
            Target::Labels { .. } => Targets::Labels(part(&labels.as_ref().expect("labels").labels, block, size, 1)),
            Target::Probabilities(_) => Targets::Probabilities(floats),
            Target::Teacher { sharpness, is_logarithm, .. } => {
                Targets::Teacher { numbers: floats, sharpness: *sharpness, is_logarithm: *is_logarithm }
            }
            Target::Bins(_) => Targets::Bins(floats),
        };
        T::dispatch(Run(Task {
            kernel,
            start: own.start,
            classes,
            logits,
            target,
            margin,
            lengths: None,
            weights,
            factor: factor_of(divisor),
            values,
            slopes,
            by_length: None,
        }))
    });

    let device = logits.inner_device();
    let value = match is_reduced {
        true => scalar::<T>(divided(sum, divisor), &device),
        false => tensor(values, &[rows], &device),
    };
    let normalizer = normalizers.filter(|_| !is_reduced).map(|all| logits.lift(tensor_of::<T>(&all, &device)));
    Some(Outcome { values: with_slopes(logits, value, slopes, is_reduced)?, normalizer })
}

fn tensor_of<T: Float>(numbers: &[f64], device: &Device) -> AnyTensor {
    let numbers: Vec<T> = numbers.iter().map(|number| T::from_f64(*number)).collect();
    let count = numbers.len();
    tensor(numbers, &[count], device)
}
