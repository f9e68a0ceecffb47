//! Labels that are no classes, and rows that are ignored.

use super::report::{Integers, Report, Verdict};
use super::{Problem, Severity};

/// What a label may be.
pub(super) struct Allowed {
    pub(super) classes: usize,
    pub(super) ignore_index: Option<i64>,
    /// Whether the config has a field `ignore_index`.
    pub(super) can_ignore: bool,
}

/// Labels outside 0..C, and batches of ignored labels alone.
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

pub(super) const ALL_IGNORED: &str = "nothing counts, and every gradient is 0: fine for a batch of padding";

/// What wrong labels usually come from.
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
