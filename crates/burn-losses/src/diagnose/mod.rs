//! Diagnoses a batch: copies its tensors to the host and reports problems in plain words.
//!
//! [`AnyLoss::diagnose`](crate::AnyLoss::diagnose) takes the tensors of any loss by name. The losses of the families below have a
//! method `diagnose` of their own, with the arguments of `check`: it comes from the trait of the family, which is in the prelude too.
//! These are the only methods that wait for the device; no input makes them panic.
//!
//! ```
//! use burn::tensor::{Device, Int, Tensor};
//! use burn_losses::{classification::CrossEntropyLossConfig, prelude::*};
//!
//! let device = Device::flex();
//! let loss = CrossEntropyLossConfig::new().init(&device);
//! let logits = Tensor::<2>::from_floats([[2.0, -1.0, 0.5], [0.1, 0.3, -0.2]], &device);
//! let labels = Tensor::<1, Int>::from_ints([3, 1], &device);
//! assert_eq!(
//!     loss.diagnose(&logits, &labels, None).to_string(),
//!     "cross_entropy: 1 error\n\
//!      error: `labels`: 3 is out of range, allowed: 0 <= label < 3 (1 of 2, first at [0]); \
//!      labels that begin at 1? Subtract 1"
//! );
//! ```
//!
//! A problem that makes the result wrong is an error. One that is only suspicious is a warning, and its advice says when it is
//! fine.

mod batch;
mod boxes;
mod classes;
mod elementwise;
mod embeddings;
mod gradients;
mod inputs;
mod joint;
mod labels;
mod named;
mod numbers;
mod outcome;
mod pairs;
mod problem;
mod report;
mod scale;

use batch::Batch;
use core::fmt;
use inputs::{extras, inputs, plain};
use outcome::{attempt, attempt_named};
use serde::Serialize;

pub use classes::{ClassificationDiagnosis, DistributionDiagnosis, SegmentationDiagnosis};
pub use elementwise::{BinaryDiagnosis, BoxesDiagnosis, LikelihoodDiagnosis, RegressionDiagnosis};
pub use embeddings::{HeadDiagnosis, MetricDiagnosis};
pub use problem::Problem;

/// The result of a diagnosis: see [`diagnose`](self).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The loss, by its `kind`.
    pub loss: &'static str,
    /// The errors, then the warnings.
    pub findings: Vec<Finding>,
}

/// One problem, however often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Whether the result is wrong, or something is only suspicious.
    pub severity: Severity,
    /// The argument, the parameter or the field of the config. `values` and `total` are the results of the loss.
    pub argument: String,
    /// The first place that has the problem.
    pub index: Option<Vec<usize>>,
    /// The number of places that have the problem.
    pub count: usize,
    /// The number of places that were checked; 0 where places have no meaning.
    pub of: usize,
    /// The problem, at the first place.
    pub problem: Problem,
    /// The advice: what to do about the problem, or when it is fine; may be empty.
    pub advice: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The result is wrong.
    Error,
    /// The input is possibly intended.
    Warning,
}

impl Diagnosis {
    /// Whether nothing is found, not even a warning.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The number of errors and warnings in words.
    pub fn summary(&self) -> String {
        let count = |severity, word: &str| {
            let count = self.findings.iter().filter(|finding| finding.severity == severity).count();
            (count > 0).then(|| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        };
        let counts = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") }
    }
}

/// The summary, then a line for each finding.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.loss, self.summary())?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity)?;
        match &self.problem {
            // The message names the argument itself.
            Problem::Refused { message } => write!(f, "{message}")?,
            problem => write!(f, "`{}`: {problem}", self.argument)?,
        }
        if let Some(index) = &self.index {
            write!(f, " ({} of {}, first at {index:?})", self.count, self.of)?;
        }
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// The first term of a sum that is not finite, which makes the total infinite or NaN. `names` and `values` are in the same order.
///
/// ```
/// use burn_losses::diagnose::non_finite_term;
///
/// let finding = non_finite_term(&["detection", "weight decay"], &[0.25, f64::INFINITY]).unwrap();
/// assert_eq!(finding.to_string(), "error: `weight decay`: infinity, and so is the total");
/// assert_eq!(non_finite_term(&["detection"], &[0.25]), None);
/// ```
pub fn non_finite_term(names: &[&str], values: &[f64]) -> Option<Finding> {
    let (name, value) = names.iter().zip(values).find(|(_, value)| !value.is_finite())?;
    Some(Finding {
        severity: Severity::Error,
        argument: (*name).to_owned(),
        index: None,
        count: 1,
        of: 0,
        problem: Problem::Term { value: word(*value) },
        advice: String::new(),
    })
}

fn word(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "infinity",
        _ => "-infinity",
    }
}

/// A number with as many digits as a reader needs.
fn short(value: f64) -> String {
    let rounded = format!("{value:.4e}").parse().unwrap_or(value);
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) { format!("{rounded}") } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests;
