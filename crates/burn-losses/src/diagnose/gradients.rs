//! Problems of a gradient, which is all that training sees.

use super::outcome::Computed;
use super::report::{Report, Verdict};
use super::{Problem, Severity, word};

/// From this share of underflows on, among the numbers that are not 0, they are reported.
const FEW: f64 = 0.01;

/// Gradients that are not finite, that are 0 where the value is not, and that are too small for half precision.
pub(super) fn check(report: &mut Report, computed: &Computed) {
    not_finite(report, computed);
    for (name, exact) in &computed.in_single {
        let Some(gradient) = computed.gradients.get(name) else { continue };
        let (exact, rounded): (Vec<f64>, Vec<f64>) = (exact.iter().collect(), gradient.iter().collect());
        let is_lost = |at: usize| exact[at] != 0.0 && rounded[at] == 0.0;
        let lost = (0..exact.len()).filter(|at| is_lost(*at)).count();
        let share = lost as f64 / exact.iter().filter(|x| **x != 0.0).count().max(1) as f64;
        if share >= FEW {
            let advice = "multiply the loss before it is differentiated (`LossScale`), or set `reduction = \"sum\"`";
            report.check_everywhere(name, gradient.shape(), is_lost, |_| Verdict {
                severity: Severity::Warning,
                problem: Problem::Underflow { share },
                advice,
            });
        }
    }
    nowhere(report, computed);
}

/// Reports a gradient that is not finite, unless there is an error already: the gradient follows from it.
fn not_finite(report: &mut Report, computed: &Computed) {
    for (name, gradient) in &computed.gradients {
        if report.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return;
        }
        let numbers: Vec<f64> = gradient.iter().collect();
        let advice = match computed.in_single.get(name) {
            Some(exact) if exact.iter::<f64>().all(f64::is_finite) => "too large for half precision: a smaller scale?",
            _ => "a number at which the loss has no slope, or an infinity?",
        };
        report.check_everywhere(
            name,
            gradient.shape(),
            |at| !numbers[at].is_finite(),
            |at| Verdict { severity: Severity::Error, problem: Problem::Gradient { value: word(numbers[at]) }, advice },
        );
    }
}

fn nowhere(report: &mut Report, computed: &Computed) {
    let mut all = computed.gradients.values().chain(computed.in_single.values()).flat_map(|data| data.iter::<f64>());
    let is_known = report.findings.iter().any(|finding| finding.severity == Severity::Error);
    if !is_known && computed.total.is_finite() && computed.total != 0.0 && all.all(|slope| slope == 0.0) {
        for (name, _) in computed.gradients.iter().filter(|(_, data)| data.num_elements() > 0) {
            let advice = "nothing is learned from this batch: a kink, or a plateau? Fine for a loss that only counts";
            report.say(Severity::Warning, name, Problem::NoGradient, advice);
        }
    }
}
