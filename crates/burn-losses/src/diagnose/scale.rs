//! Numbers that look like something else: probabilities for logits, degrees for radians.

use super::report::{Floats, Report, Verdict};
use super::{Problem, Severity, numbers};
use crate::config::Value;
use core::f64::consts::FRAC_PI_2;

/// Whether all numbers that count are in [0, 1] (and not all of them 0), and whether all rows that count sum to 1.
fn like_probabilities(tensor: &Floats<'_>, counts: &impl Fn(usize) -> bool) -> (bool, bool) {
    let Some(rows) = tensor.rows() else {
        let inside = tensor.numbers.iter().all(|x| (0.0..=1.0).contains(x));
        return (inside && tensor.numbers.iter().any(|x| *x != 0.0), false);
    };
    let counted = || (0..rows.count()).filter(|row| counts(*row));
    let inside = counted().all(|row| rows.row(row).all(|x| (0.0..=1.0).contains(&x)));
    let sums = |row| (rows.row(row).sum::<f64>() - 1.0).abs() <= tensor.tolerance();
    let any = counted().any(|row| rows.row(row).any(|x| x != 0.0));
    (inside && any, rows.classes > 1 && inside && any && counted().all(sums))
}

/// From this count on, it is hardly by chance that all numbers are in [0, 1].
const MANY: usize = 8;

/// Logits that look like the result of a softmax, or with `each` like that of a sigmoid.
pub(super) fn logits(report: &mut Report, tensor: &Floats<'_>, each: bool, counts: impl Fn(usize) -> bool) {
    let (inside, rows) = like_probabilities(tensor, &counts);
    let is_each = each && inside && tensor.numbers.len() >= MANY;
    if !rows && !is_each {
        return;
    }
    let advice = match rows {
        true => {
            "the loss takes the softmax or sigmoid itself: hand over what is before it; fine if they are logits by chance"
        }
        false => "the loss takes the sigmoid itself: hand over what is before it; fine if they are logits by chance",
    };
    report.say(Severity::Warning, tensor.name, Problem::LooksLikeProbabilities { expected: "logits", rows }, advice);
}

/// Checks log-probabilities: they are at most 0, and their exponentials sum to 1.
pub(super) fn log_probabilities(report: &mut Report, tensor: &Floats<'_>, counts: impl Fn(usize) -> bool) {
    let Some(rows) = tensor.rows() else { return };
    if let (_, true) = like_probabilities(tensor, &counts) {
        let problem = Problem::LooksLikeProbabilities { expected: "log-probabilities", rows: true };
        report.say(Severity::Error, tensor.name, problem, "take their logarithm, or the log-softmax of the logits");
        return;
    }
    let (values, least) = (&tensor.numbers, tensor.tolerance());
    let is_positive = |x: f64| x.is_finite() && x > least;
    let found = report.check(
        tensor.name,
        &tensor.shape,
        |at| counts(rows.row_of(at)) && is_positive(values[at]),
        |at| Verdict {
            severity: Severity::Error,
            problem: Problem::PositiveLogarithm { value: values[at] },
            advice: "logits? Take their log-softmax",
        },
    );
    if !found {
        let exponentials = Floats {
            name: tensor.name,
            shape: tensor.shape.clone(),
            numbers: values.iter().map(|x| x.exp()).collect(),
            dtype: tensor.dtype,
        };
        let advice = "logits? Take their log-softmax; fine where they need not be normalized";
        numbers::row_sums(report, &exponentials, Severity::Warning, advice, counts);
    }
}

/// A number of a config.
fn setting(settings: &Value, name: &str) -> Option<f64> {
    settings.get(name)?.as_f64()
}

fn warn(report: &mut Report, field: &str, value: f64, because: String, advice: &str) {
    report.say(Severity::Warning, field, Problem::Setting { value, because }, advice);
}

/// Checks the margins of a head, by the names of their fields: margins on angles, and margins on cosines.
pub(super) fn margins(report: &mut Report, angles: Vec<(&'static str, f64)>, cosines: Vec<(&'static str, f64)>) {
    for (field, angle) in angles {
        if angle > FRAC_PI_2 {
            let because = format!("radians, which are {:.0} degrees", angle.to_degrees());
            warn(report, field, angle, because, "degrees? pi / 180 of them are the radians; 0.5 is usual");
        }
    }
    for (field, margin) in cosines {
        if margin >= 2.0 {
            let because = "two cosines differ by 2 at most".to_owned();
            warn(report, field, margin, because, "an angle? Here it is a margin between cosines; 0.35 is usual");
        }
    }
}

/// Checks the scale of a head whose logits are cosines times the scale.
pub(super) fn head(report: &mut Report, classes: usize, scale: f64) {
    if classes <= 1 {
        return;
    }
    // The least loss: all other classes are as far away as they can be at once (NormFace, proposition 2).
    let others = (classes - 1) as f64;
    let least = (others * (-scale * (1.0 + 1.0 / others)).exp()).ln_1p();
    if least > 0.1 {
        let because = format!("with {classes} classes no embedding has a loss below {}", super::short(least));
        warn(report, "scale", scale, because, "30 or 64 is usual; fine where the loss need not become small");
    }
}

/// Checks the temperature and the margin of a metric loss.
pub(super) fn metric(report: &mut Report, settings: &Value) {
    let word = |name: &str| settings.get(name).and_then(Value::as_str);
    if let Some(temperature) = setting(settings, "temperature") {
        let because = match temperature {
            high if high > 1.0 => format!("cosines divided by it differ by {} at most", super::short(2.0 / high)),
            low if low < 0.01 => format!("cosines divided by it reach {}", super::short(1.0 / low)),
            _ => String::new(),
        };
        if !because.is_empty() {
            let advice = "it divides the cosines (a scale would multiply them); 0.07 to 0.5 is usual";
            warn(report, "temperature", temperature, because, advice);
        }
    }
    let is_unit = settings.get("normalize").and_then(Value::as_bool) == Some(true);
    let reach = match (word("distance"), is_unit) {
        (Some("cosine"), _) => 2.0,
        (Some("squared_euclidean"), true) => 4.0,
        (_, true) => 2.0,
        _ => return,
    };
    if let Some(margin) = setting(settings, "margin").filter(|margin| *margin > reach) {
        let because = format!("no two embeddings are farther apart than {reach}: the loss never becomes 0");
        warn(report, "margin", margin, because, "0.2 to 1 is usual");
    }
}
