//! The problems that a batch can have, in words.

use super::short;
use core::fmt;
use serde::Serialize;

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
