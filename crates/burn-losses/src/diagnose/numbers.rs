//! Checks of numbers, probabilities and weights.

use super::labels::ALL_IGNORED;
use super::outcome::Computed;
use super::report::{Floats, Report, Verdict};
use super::{Problem, Severity, word};
use crate::options::FOREGROUND;
use crate::signature::Valid;
use burn::tensor::{DType, TensorData};
use std::collections::BTreeMap;

/// NaN and infinity, where `counts` says that the number at a flat index is looked at.
pub(super) fn finite(report: &mut Report, tensor: &Floats<'_>, counts: impl Fn(usize) -> bool) {
    let numbers = &tensor.numbers;
    report.check(
        tensor.name,
        &tensor.shape,
        |at| counts(at) && numbers[at].is_nan(),
        |_| Verdict { severity: Severity::Error, problem: Problem::Nan, advice: "" },
    );
    // An infinity may be a masked class or a probability of 0. It is fine if all values of the loss are finite.
    let (severity, advice) = match (report.is_finite, tensor.dtype) {
        (true, _) => (Severity::Warning, "fine where it is meant, as in a masked class: all values are finite"),
        (false, DType::F16) => (Severity::Error, "an f16 holds at most 65504"),
        (false, _) => (Severity::Error, ""),
    };
    report.check(
        tensor.name,
        &tensor.shape,
        |at| counts(at) && numbers[at].is_infinite(),
        |at| Verdict { severity, problem: Problem::Infinite { negative: numbers[at] < 0.0 }, advice },
    );
}

/// Finite numbers outside [0, 1].
pub(super) fn in_unit_interval(
    report: &mut Report,
    tensor: &Floats<'_>,
    advice: &str,
    counts: impl Fn(usize) -> bool,
) -> bool {
    let is_outside = |x: f64| x.is_finite() && !(0.0..=1.0).contains(&x);
    report.check(
        tensor.name,
        &tensor.shape,
        |at| counts(at) && is_outside(tensor.numbers[at]),
        |at| Verdict { severity: Severity::Error, problem: Problem::OutsideUnit { value: tensor.numbers[at] }, advice },
    )
}

/// Rows of finite numbers that do not sum to 1.
pub(super) fn row_sums(
    report: &mut Report,
    tensor: &Floats<'_>,
    severity: Severity,
    advice: &str,
    counts: impl Fn(usize) -> bool,
) {
    let Some(rows) = tensor.rows() else { return };
    let sum = |row| rows.row(row).sum::<f64>();
    let is_wrong = |sum: f64| sum.is_finite() && (sum - 1.0).abs() > tensor.tolerance();
    report.check(
        tensor.name,
        &rows.shape,
        |row| counts(row) && is_wrong(sum(row)),
        |row| Verdict { severity, problem: Problem::RowSum { sum: sum(row) }, advice },
    );
}

/// Hard targets of one class alone, and positives that are all masked or have the weight 0. The targets are those that were
/// handed in.
pub(super) fn positives(report: &mut Report, targets: &Floats<'_>, valid: &Valid, weights: Option<&Floats<'_>>) {
    let numbers = &targets.numbers;
    let counted = || (0..numbers.len()).filter(|at| valid.contains(*at));
    for class in [0, 1] {
        if counted().count() > 1 && counted().all(|at| numbers[at] == f64::from(class)) {
            report.say(Severity::Warning, targets.name, Problem::OneClass { class: class.into() }, ONE_CLASS);
        }
    }
    let is_positive = |at: usize| numbers[at] > FOREGROUND;
    if (0..numbers.len()).any(is_positive) && !counted().any(is_positive) {
        report.say(Severity::Warning, targets.name, Problem::IgnoredPositives, MASKED_POSITIVES);
    }
    let Some(weights) = weights else { return };
    // There is one weight per value, or one per sample.
    let each = (numbers.len() / weights.numbers.len().max(1)).max(1);
    let mut positive = counted().filter(|at| is_positive(*at)).peekable();
    if positive.peek().is_some() && positive.all(|at| weights.numbers.get(at / each) == Some(&0.0)) {
        let advice = "their weights are 0: fine if other batches have some";
        report.say(Severity::Warning, targets.name, Problem::IgnoredPositives, advice);
    }
}

/// The advice for a batch whose positives are all masked.
const MASKED_POSITIVES: &str = "the mask leaves out all of them: fine if other batches have some";

/// The advice for a batch of one class.
pub(super) const ONE_CLASS: &str = "one class alone says nothing of the others: fine if other batches have them";

/// Weights that are not finite, negative, or all 0.
pub(super) fn weights(report: &mut Report, weights: &Floats<'_>) {
    finite(report, weights, |_| true);
    report.check(
        weights.name,
        &weights.shape,
        |at| weights.numbers[at] < 0.0,
        |at| Verdict {
            severity: Severity::Warning,
            problem: Problem::NegativeWeight { value: weights.numbers[at] },
            advice: "it rewards what the loss punishes: fine for an advantage, say",
        },
    );
    if !weights.numbers.is_empty() && weights.numbers.iter().all(|weight| *weight == 0.0) {
        report.say(Severity::Warning, weights.name, Problem::NoWeight, ALL_IGNORED);
    }
}

/// Weights of 0 that are meant to leave out rows which the loss still looks at.
pub(super) fn unmasked(report: &mut Report, inputs: &BTreeMap<String, TensorData>, computed: &Computed) {
    let (Some(masked), Some(weights)) = (&computed.masked, Floats::from_inputs(inputs, "weights")) else { return };
    let (values, masked): (Vec<f64>, Vec<f64>) = (computed.values.iter().collect(), masked.iter().collect());
    let each = (values.len() / weights.numbers.len().max(1)).max(1);
    let counts = |at: usize| weights.numbers.get(at / each).is_some_and(|weight| *weight != 0.0);
    let differs = |at: usize| (values[at] - masked[at]).abs() > DIFFERENT * values[at].abs().max(masked[at].abs());
    if (0..values.len()).any(|at| counts(at) && differs(at)) {
        let advice = "to leave it out, hand in a `mask`; fine if it is to be looked at";
        report.say(Severity::Warning, weights.name, Problem::NoMask, advice);
    }
}

/// From this relative difference on, two values differ by more than rounding.
const DIFFERENT: f64 = 1e-3;

/// Expected counts whose logarithm is not finite.
pub(super) fn expected_counts(report: &mut Report, counts: &Floats<'_>) {
    let numbers = &counts.numbers;
    let advice = "its logarithm is taken from the logits: a class that may be drawn is expected more often than never";
    report.check(
        counts.name,
        &counts.shape,
        |at| numbers[at] <= 0.0,
        |at| Verdict { severity: Severity::Error, problem: Problem::NotPositive { value: numbers[at] }, advice },
    );
}

/// Targets below 0, for a loss that takes none.
pub(super) fn not_negative(report: &mut Report, targets: &Floats<'_>) {
    report.check(
        targets.name,
        &targets.shape,
        |at| targets.numbers[at] < 0.0,
        |at| Verdict {
            severity: Severity::Warning,
            problem: Problem::NegativeTarget { value: targets.numbers[at] },
            advice: "this loss is for targets that are 0 or more, such as counts and amounts",
        },
    );
}

/// The results of the loss: the first value that is not finite though its inputs are, or a total that is not finite.
pub(super) fn values(report: &mut Report, values: &TensorData, total: f64, mixes_rows: bool) {
    let shape = values.shape().to_vec();
    let numbers: Vec<f64> = values.iter().collect();
    let each = (numbers.len() / shape.first().copied().unwrap_or(1).max(1)).max(1);
    let is_explained = |at: usize| {
        let others = mixes_rows && !report.spoiled.is_empty();
        report.all_spoiled || others || report.spoiled.contains(&(at / each))
    };
    let unexplained: Vec<bool> =
        numbers.iter().enumerate().map(|(at, value)| !value.is_finite() && !is_explained(at)).collect();
    let advice = match report.spoiled.is_empty() {
        true => "numbers too large for the type in which the loss is computed?",
        false => "numbers too large, or of a row above: some losses look at the whole batch",
    };
    report.check(
        "values",
        &shape,
        |at| unexplained[at],
        |at| Verdict { severity: Severity::Error, problem: Problem::NotFinite { value: word(numbers[at]) }, advice },
    );
    if !total.is_finite() && numbers.iter().all(|value| value.is_finite()) && report.findings.iter().all(is_no_weight) {
        let advice = "every value is finite: their sum is too large";
        report.say(Severity::Error, "total", Problem::NotFinite { value: word(total) }, advice);
    }
}

/// False for a weight that is not finite, which explains a total that is not finite.
fn is_no_weight(finding: &super::Finding) -> bool {
    finding.argument != "weights" || !matches!(finding.problem, Problem::Nan | Problem::Infinite { .. })
}
