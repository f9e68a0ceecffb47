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

/// The problems that a batch can have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// A name, shape, type or device that the loss refuses.
    Refused {
        /// The error message of the loss.
        message: String,
    },
    /// The loss panics, for instance because memory is short.
    Failed {
        /// The message of the panic.
        message: String,
    },
    /// A NaN.
    Nan,
    /// Infinity.
    Infinite {
        /// Whether it is minus infinity.
        negative: bool,
    },
    /// A label that is none of the classes.
    NoClass {
        /// The label.
        label: i64,
        /// The number of classes.
        classes: usize,
        /// The label that is ignored.
        ignore_index: Option<i64>,
    },
    /// A length that is negative, or greater than what it is a length of.
    Length {
        /// The length.
        length: i64,
        /// The greatest length.
        most: usize,
    },
    /// A sequence with fewer steps than its labels need.
    TooFewSteps {
        /// The steps.
        steps: i64,
        /// One step for each label, and one for the blank between two labels that are equal.
        needed: usize,
    },
    /// Every row is ignored.
    AllIgnored,
    /// A target or a probability outside [0, 1].
    OutsideUnit {
        /// The number.
        value: f64,
    },
    /// Probabilities of a row that do not sum to 1.
    RowSum {
        /// Their sum.
        sum: f64,
    },
    /// The logarithm of a probability that is more than 1.
    PositiveLogarithm {
        /// The number.
        value: f64,
    },
    /// A distance of `distribution_focal` without a bin on both sides.
    OutsideBins {
        /// The number.
        value: f64,
        /// The last bin.
        last: usize,
    },
    /// A weight below 0.
    NegativeWeight {
        /// The weight.
        value: f64,
    },
    /// A target below 0, for a loss that takes none.
    NegativeTarget {
        /// The target.
        value: f64,
    },
    /// All weights are 0.
    NoWeight,
    /// Weights of 0 in place of a mask, for a loss that looks at the whole batch.
    NoMask,
    /// A number that has to be greater than 0.
    NotPositive {
        /// The number.
        value: f64,
    },
    /// A box whose second corner is before its first.
    Inverted {
        /// Its width.
        width: f64,
        /// Its height.
        height: f64,
    },
    /// A box without an area.
    Degenerate {
        /// Its width.
        width: f64,
        /// Its height.
        height: f64,
    },
    /// Boxes that make more sense in another format.
    BoxFormat {
        /// The format of the config.
        given: &'static str,
        /// The format that they look like.
        looks_like: &'static str,
    },
    /// A class without a pixel in a sample, or in the batch if the sums run over the batch.
    EmptyMask,
    /// No row has another row of its label.
    NoPositive,
    /// All rows have one label.
    NoNegative,
    /// A row of one view without a row of its label in the other view.
    NoPartner,
    /// A vector without a direction, where a cosine is taken.
    ZeroLength,
    /// Probabilities where logits or log-probabilities are expected.
    LooksLikeProbabilities {
        /// The kind of numbers that is expected.
        expected: &'static str,
        /// Whether rows that sum to 1 show it, or only numbers in [0, 1].
        rows: bool,
    },
    /// A field of the config that makes little sense.
    Setting {
        /// Its value.
        value: f64,
        /// Why it makes little sense.
        because: String,
    },
    /// A value that is not finite, though the inputs are.
    NotFinite {
        /// `NaN`, `infinity` or `-infinity`.
        value: &'static str,
    },
    /// A gradient that is not finite, though the inputs and the value are.
    Gradient {
        /// `NaN`, `infinity` or `-infinity`.
        value: &'static str,
    },
    /// A gradient that is 0 everywhere, though the value is not 0.
    NoGradient,
    /// Gradients that half precision rounds to 0.
    Underflow {
        /// The share of these among the gradients that are not 0.
        share: f64,
    },
    /// All rows that count have one class.
    OneClass {
        /// The class.
        class: i64,
    },
    /// Labels for the pixels of one channel.
    OneChannel,
    /// Positive targets, none of which counts.
    IgnoredPositives,
    /// Boxes whose numbers have another unit than a field of the config.
    Units {
        /// The field, with its value.
        field: String,
        /// The largest number of the boxes.
        largest: f64,
    },
    /// The first term of a sum that is not finite.
    Term {
        /// `NaN`, `infinity` or `-infinity`.
        value: &'static str,
    },
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message } => write!(f, "{message}"),
            Self::Failed { message } => write!(f, "the computation fails: {message}"),
            Self::Nan => write!(f, "NaN"),
            Self::Infinite { negative } => write!(f, "{}infinity", if *negative { "-" } else { "" }),
            Self::NoClass { label, classes, ignore_index } => {
                write!(f, "{label} is out of range, allowed: 0 <= label < {classes}")?;
                ignore_index.map_or(Ok(()), |index| write!(f, ", or {index} (ignored)"))
            }
            Self::Length { length, most } => write!(f, "{length} is out of range, allowed: 0 <= length <= {most}"),
            Self::TooFewSteps { steps, needed } => {
                write!(f, "{steps} is too few steps: the labels and the blanks between equal ones need {needed}")
            }
            Self::AllIgnored => write!(f, "every row is ignored"),
            Self::OutsideUnit { value } => write!(f, "{} is outside [0, 1]", short(*value)),
            Self::RowSum { sum } => write!(f, "the probabilities of a row sum to {}, not to 1", short(*sum)),
            Self::PositiveLogarithm { value } => {
                write!(f, "{} is the logarithm of a probability above 1", short(*value))
            }
            Self::OutsideBins { value, last } => write!(f, "{} is outside the bins [0, {last}]", short(*value)),
            Self::NegativeWeight { value } | Self::NegativeTarget { value } => {
                write!(f, "{} is negative", short(*value))
            }
            Self::NoWeight => write!(f, "all weights are 0"),
            Self::NoMask => {
                write!(f, "what has the weight 0 changes the values of the rest: the loss looks at the whole batch")
            }
            Self::NotPositive { value } => write!(f, "{} is not greater than 0", short(*value)),
            Self::Inverted { width, height } => {
                write!(f, "an inverted box, width {} and height {}", short(*width), short(*height))
            }
            Self::Degenerate { width, height } => {
                write!(f, "a box without area, width {} and height {}", short(*width), short(*height))
            }
            Self::BoxFormat { given, looks_like } => {
                write!(f, "as `{given}` they make little sense: they look like {looks_like}")
            }
            Self::EmptyMask => write!(f, "a class without a pixel"),
            Self::NoPositive => write!(f, "no row has another row of its label"),
            Self::NoNegative => write!(f, "all rows have the same label"),
            Self::NoPartner => write!(f, "a row without a row of its label in the other view"),
            Self::ZeroLength => write!(f, "a vector of length 0, which has no cosine"),
            Self::LooksLikeProbabilities { expected, rows } => {
                let sums = if *rows { " and every row sums to 1" } else { "" };
                write!(f, "probabilities, it seems, not {expected}: all numbers are in [0, 1]{sums}")
            }
            Self::Setting { value, because } => write!(f, "{}: {because}", short(*value)),
            Self::NotFinite { value } => write!(f, "{value} although the inputs are finite"),
            Self::Gradient { value } => write!(f, "its gradient is {value} although the value is finite"),
            Self::NoGradient => write!(f, "its gradient is 0 everywhere, but the value is not"),
            Self::Underflow { share } => {
                write!(f, "half precision rounds {} % of its gradient to 0", short((share * 1000.0).round() / 10.0))
            }
            Self::OneClass { class } => write!(f, "every row that counts has the class {class}"),
            Self::OneChannel => write!(f, "of one channel label 0 is that channel, and every such pixel is foreground"),
            Self::IgnoredPositives => write!(f, "there are positives, and none of them counts"),
            Self::Units { field, largest } => {
                write!(f, "numbers up to {} beside {field}: not the same unit, it seems", short(*largest))
            }
            Self::Term { value } => write!(f, "{value}, and so is the total"),
        }
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
