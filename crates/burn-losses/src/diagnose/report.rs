//! The findings so far, and the arguments as plain numbers.

use super::{Finding, Problem, Severity};
use crate::signature::{Inputs, Valid, place};
use burn::tensor::{DType, TensorData};
use std::collections::{BTreeMap, BTreeSet};

/// The findings so far, and which samples have one that spoils their value.
#[derive(Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) spoiled: BTreeSet<usize>,
    /// Whether an argument without samples, such as the weight of a head, spoils every value.
    pub(super) all_spoiled: bool,
    /// Whether the loss and all its values are finite.
    pub(super) is_finite: bool,
    /// The mask of the batch, if it has one.
    pub(super) mask: Inputs,
    /// The arguments that hold valid entries in place of the masked ones.
    pub(super) stand_ins: Vec<&'static str>,
}

/// The problem at the first place, how bad it is, and the advice.
pub(super) struct Verdict<'a> {
    pub(super) severity: Severity,
    pub(super) problem: Problem,
    pub(super) advice: &'a str,
}

impl Report {
    /// Adds a finding that has no place.
    pub(super) fn say(&mut self, severity: Severity, argument: &str, problem: Problem, advice: &str) {
        self.findings.push(Finding {
            severity,
            argument: argument.to_owned(),
            index: None,
            count: 1,
            of: 0,
            problem,
            advice: advice.to_owned(),
        });
    }

    /// Adds a finding if `is_wrong` is true anywhere in a tensor of this shape, except for masked entries. Returns whether it is.
    pub(super) fn check<'a>(
        &mut self,
        argument: &str,
        shape: &[usize],
        is_wrong: impl Fn(usize) -> bool,
        verdict: impl FnOnce(usize) -> Verdict<'a>,
    ) -> bool {
        let valid = self.stand_ins.contains(&argument).then(|| Valid::new(&self.mask, shape));
        let counts = |at: usize| valid.as_ref().is_none_or(|valid| valid.contains(at));
        self.check_everywhere(argument, shape, |at| counts(at) && is_wrong(at), verdict)
    }

    /// Like [`check`](Self::check), for places that are not those of the mask.
    pub(super) fn check_everywhere<'a>(
        &mut self,
        argument: &str,
        shape: &[usize],
        is_wrong: impl Fn(usize) -> bool,
        verdict: impl FnOnce(usize) -> Verdict<'a>,
    ) -> bool {
        let of = shape.iter().product();
        let wrong: Vec<usize> = (0..of).filter(|at| is_wrong(*at)).collect();
        let Some(first) = wrong.first() else { return false };
        let Verdict { severity, problem, advice } = verdict(*first);
        let index = Some(place(*first, shape));
        let argument = argument.to_owned();
        if spoils(&problem) && argument != "weights" {
            if PARAMETERS.contains(&argument.as_str()) {
                self.all_spoiled = true;
            } else {
                let each = (of / shape.first().copied().unwrap_or(1).max(1)).max(1);
                self.spoiled.extend(wrong.iter().map(|at| at / each));
            }
        }
        let (count, advice) = (wrong.len(), advice.to_owned());
        self.findings.push(Finding { severity, argument, index, count, of, problem, advice });
        true
    }
}

/// Whether a number that has this problem makes values NaN or infinite.
fn spoils(problem: &Problem) -> bool {
    use Problem::{Infinite, Length, Nan, NoClass, OutsideBins, OutsideUnit, PositiveLogarithm, TooFewSteps};
    matches!(
        problem,
        Nan | Infinite { .. }
            | NoClass { .. }
            | Length { .. }
            | TooFewSteps { .. }
            | OutsideBins { .. }
            | OutsideUnit { .. }
            | PositiveLogarithm { .. }
    )
}

/// The arguments whose first axis is not that of the samples.
const PARAMETERS: [&str; 8] =
    ["weight", "bias", "projections", "tails", "proxies", "centers", "sampled", "expected_counts"];

/// A tensor of floats.
pub(super) struct Floats<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Vec<f64>,
    pub(super) dtype: DType,
}

impl<'a> Floats<'a> {
    /// The tensor of this name, if there is one and it has floats.
    pub(super) fn from_inputs(inputs: &BTreeMap<String, TensorData>, name: &'a str) -> Option<Self> {
        let data = inputs.get(name).filter(|data| data.dtype().is_float())?;
        Some(Self { name, shape: data.shape().to_vec(), numbers: data.iter().collect(), dtype: data.dtype() })
    }

    /// How far a sum of probabilities may be from 1.
    pub(super) fn tolerance(&self) -> f64 {
        if self.is_half() { 2e-2 } else { 1e-3 }
    }

    pub(super) fn is_half(&self) -> bool {
        matches!(self.dtype, DType::F16 | DType::BF16)
    }

    /// The rows along axis 1, if there are any.
    pub(super) fn rows(&self) -> Option<Rows<'_>> {
        match self.shape.as_slice() {
            [samples, classes, inner @ ..] if *classes > 0 => {
                let shape = [&[*samples], inner].concat();
                Some(Rows {
                    numbers: &self.numbers,
                    classes: *classes,
                    inner: inner.iter().product::<usize>().max(1),
                    shape,
                })
            }
            _ => None,
        }
    }
}

/// `[N, C, d1, ..]` as rows of C numbers.
pub(super) struct Rows<'a> {
    numbers: &'a [f64],
    pub(super) classes: usize,
    inner: usize,
    /// `[N, d1, ..]`
    pub(super) shape: Vec<usize>,
}

impl Rows<'_> {
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        let start = row / self.inner * self.classes * self.inner + row % self.inner;
        (0..self.classes).map(move |class| self.numbers[start + class * self.inner])
    }

    /// The row in which the number at a flat index is.
    pub(super) fn row_of(&self, flat: usize) -> usize {
        flat / (self.classes * self.inner) * self.inner + flat % self.inner
    }
}

/// A tensor of integers; an integer that an `i64` cannot hold is the largest one.
pub(super) struct Integers<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Vec<i64>,
}

impl<'a> Integers<'a> {
    /// The tensor of this name, if there is one and it has integers.
    pub(super) fn from_inputs(inputs: &BTreeMap<String, TensorData>, name: &'a str) -> Option<Self> {
        let data = inputs.get(name)?;
        let numbers = match data.dtype() {
            dtype if dtype.is_int() => data.iter().collect(),
            dtype if dtype.is_uint() => data.iter::<u64>().map(|x| i64::try_from(x).unwrap_or(i64::MAX)).collect(),
            _ => return None,
        };
        Some(Self { name, shape: data.shape().to_vec(), numbers })
    }
}
