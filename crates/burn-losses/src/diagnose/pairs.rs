//! Embeddings without a direction, and rows without a partner.

use super::report::{Floats, Integers, Report, Verdict};
use super::{Problem, Severity};
use crate::engine::pairs::anchors::NeededPartners;
use crate::engine::primitives::l2_normalize::NO_LENGTH;
use std::collections::BTreeSet;

/// Vectors of length 0, among the rows that `counts` selects.
pub(super) fn directions(report: &mut Report, vectors: &Floats<'_>, counts: impl Fn(usize) -> bool) {
    let [rows, size] = vectors.shape[..] else { return };
    let length = |row: usize| vectors.numbers[row * size..][..size].iter().map(|x| x * x).sum::<f64>().sqrt();
    report.check(
        vectors.name,
        &[rows],
        |row| counts(row) && length(row) < NO_LENGTH,
        |_| Verdict {
            severity: Severity::Error,
            problem: Problem::ZeroLength,
            advice: "all its cosines count as 0: a dead layer, or padding?",
        },
    );
}

/// Checks that the rows of a batch that count have the partners that the loss needs.
pub(super) fn partners(
    report: &mut Report,
    labels: &Integers<'_>,
    needs: NeededPartners,
    counts: impl Fn(usize) -> bool,
) {
    let name = labels.name;
    let all: Vec<i64> = (0..labels.numbers.len()).filter(|row| counts(*row)).map(|row| labels.numbers[row]).collect();
    let different: BTreeSet<i64> = all.iter().copied().collect();
    let lonely = different.len() == all.len();
    let nothing = "no row counts, and every gradient is 0: draw several rows of several labels into each batch";
    match needs {
        _ if all.is_empty() => (),
        NeededPartners::Nobody => (),
        NeededPartners::OtherView => views(report, labels, counts),
        NeededPartners::Any | NeededPartners::Both => {
            let is_needed = needs == NeededPartners::Both;
            if lonely {
                let advice =
                    if is_needed { nothing } else { "nothing is drawn together: fine if other batches do that" };
                report.say(Severity::Warning, name, Problem::NoPositive, advice);
            } else if different.len() == 1 {
                let advice = if is_needed { nothing } else { "nothing is kept apart: fine if other batches do that" };
                report.say(Severity::Warning, name, Problem::NoNegative, advice);
            }
        }
    }
}

/// Checks two views, of which the first half of the rows is one and the second half the other.
fn views(report: &mut Report, labels: &Integers<'_>, counts: impl Fn(usize) -> bool) {
    let all = labels.numbers.as_slice();
    if !all.len().is_multiple_of(2) {
        return;
    }
    let half = all.len() / 2;
    let views: [BTreeSet<i64>; 2] = [0..half, half..all.len()].map(|view| {
        let counted = view.filter(|row| counts(*row));
        counted.map(|row| all[row]).collect()
    });
    let is_lonely = |row: usize| counts(row) && !views[usize::from(row < half)].contains(&all[row]);
    report.check(labels.name, &[all.len()], is_lonely, |_| Verdict {
        severity: Severity::Warning,
        problem: Problem::NoPartner,
        advice: "the first half of the rows is one view, the second half the other: fine where only some have no partner",
    });
}
