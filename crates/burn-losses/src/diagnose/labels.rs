//! Labels that are out of range, and rows that are ignored.

use super::numbers::ONE_CLASS;
use super::report::{Integers, Report, Verdict};
use super::{Problem, Severity};
use crate::config::{CountedWeights, FieldType, Value};

/// Which labels are allowed.
pub(super) struct Allowed {
    pub(super) classes: usize,
    pub(super) ignore_index: Option<i64>,
    /// Whether the config has a field `ignore_index`.
    pub(super) can_ignore: bool,
}

/// Labels outside 0..C, and batches in which every label is ignored.
pub(super) fn classes(report: &mut Report, labels: &Integers<'_>, allowed: &Allowed) {
    let Allowed { classes, ignore_index, .. } = *allowed;
    let is_ignored = |label| Some(label) == ignore_index;
    let is_class = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
    let is_wrong = |label| !is_ignored(label) && !is_class(label);
    let advice = advice(labels.numbers.iter().copied().filter(|label| !is_ignored(*label)), allowed);
    report.check(
        labels.name,
        &labels.shape,
        |at| is_wrong(labels.numbers[at]),
        |at| Verdict {
            severity: Severity::Error,
            problem: Problem::NoClass { label: labels.numbers[at], classes, ignore_index },
            advice: &advice,
        },
    );
    if !labels.numbers.is_empty() && labels.numbers.iter().all(|label| is_ignored(*label)) {
        report.say(Severity::Warning, labels.name, Problem::AllIgnored, ALL_IGNORED);
    }
}

/// Lengths that are negative, or greater than `most`.
pub(super) fn lengths(report: &mut Report, lengths: &Integers<'_>, most: usize) {
    let is_length = |length: i64| usize::try_from(length).is_ok_and(|length| length <= most);
    report.check(
        lengths.name,
        &lengths.shape,
        |at| !is_length(lengths.numbers[at]),
        |at| Verdict {
            severity: Severity::Error,
            problem: Problem::Length { length: lengths.numbers[at], most },
            advice: "",
        },
    );
}

/// Sequences with fewer steps than their labels need in `ctc`: `[labels, input_lengths, label_lengths]`.
pub(super) fn enough_steps(report: &mut Report, [labels, steps, counts]: &[Integers<'_>; 3], zero_infinity: bool) {
    let [rows, width] = labels.shape[..] else { return };
    if [steps, counts].iter().any(|lengths| lengths.numbers.len() != rows) {
        return;
    }
    let needed = |row: usize| {
        let count = usize::try_from(counts.numbers[row]).unwrap_or(0).min(width);
        let labels = &labels.numbers[row * width..][..count];
        count + labels.windows(2).filter(|pair| pair[0] == pair[1]).count()
    };
    let is_short = |row: usize| usize::try_from(steps.numbers[row]).is_ok_and(|steps| steps < needed(row));
    let (severity, advice) = match zero_infinity {
        true => (Severity::Warning, "`zero_infinity` makes the value of such a sequence 0"),
        false => (Severity::Error, "longer inputs, or `zero_infinity = true`"),
    };
    report.check(steps.name, &steps.shape, is_short, |row| Verdict {
        severity,
        problem: Problem::TooFewSteps { steps: steps.numbers[row], needed: needed(row) },
        advice,
    });
}

/// Batches of several rows that all have one class, though there are others.
pub(super) fn one_class(report: &mut Report, labels: &Integers<'_>, classes: usize, counts: impl Fn(usize) -> bool) {
    let mut counted = (0..labels.numbers.len()).filter(|row| counts(*row)).map(|row| labels.numbers[row]);
    let Some(class) = counted.next().filter(|class| (0..classes as i64).contains(class)) else { return };
    let mut others = counted.peekable();
    if classes > 1 && others.peek().is_some() && others.all(|label| label == class) {
        report.say(Severity::Warning, labels.name, Problem::OneClass { class }, ONE_CLASS);
    }
}

/// Labels of classes that have no sample in the counts of the config, and therefore weight 0.
pub(super) fn weightless(report: &mut Report, labels: &Integers<'_>, settings: &Value, counts: impl Fn(usize) -> bool) {
    for field in ["class_weights", "alpha"] {
        let Some(Ok(weights)) = settings.get(field).map(CountedWeights::from_value) else { continue };
        let absent = weights.absent();
        let is_absent =
            |at: usize| counts(at) && usize::try_from(labels.numbers[at]).is_ok_and(|label| absent.contains(&label));
        let because = format!("`{field}.counts` has no sample of the class, so the class weighs nothing");
        report.check(labels.name, &labels.shape, is_absent, |at| Verdict {
            severity: Severity::Warning,
            problem: Problem::Setting { value: labels.numbers[at] as f64, because },
            advice: "count the samples anew, or leave the class out",
        });
    }
}

/// Labels for one channel: label 0 is the foreground, and no label is the background.
pub(super) fn one_channel(report: &mut Report, labels: &Integers<'_>, ignore_index: Option<i64>) {
    let is_foreground = |at: usize| labels.numbers[at] == 0 && ignore_index != Some(0);
    report.check(labels.name, &labels.shape, is_foreground, |_| Verdict {
        severity: Severity::Error,
        problem: Problem::OneChannel,
        advice: "0 for background and 1 for foreground? Hand them over as `masks`",
    });
}

pub(super) const ALL_IGNORED: &str = "nothing counts, and every gradient is 0: fine for a batch of padding";

/// Advice on what usually causes such labels.
fn advice(labels: impl Iterator<Item = i64> + Clone, allowed: &Allowed) -> String {
    let classes = i64::try_from(allowed.classes).unwrap_or(i64::MAX);
    let has = |wanted| labels.clone().any(|label| label == wanted);
    let usual = [-100, -1, 255].into_iter().find(|index| !(0..classes).contains(index) && has(*index));
    match usual {
        Some(index) if allowed.can_ignore => {
            format!("rows to leave out? Set `ignore_index = {index}`")
        }
        Some(index) => format!("{index} is no label of this loss: leave such rows out"),
        None if has(classes) && !has(0) && labels.clone().all(|label| (1..=classes).contains(&label)) => {
            "labels that begin at 1? Subtract 1".to_owned()
        }
        None if allowed.classes == 1 && labels.clone().all(|label| label == 0 || label == 1) => {
            "one logit and labels 0 or 1? That is the family `binary`".to_owned()
        }
        None => String::new(),
    }
}
