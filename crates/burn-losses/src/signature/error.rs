//! Why a loss cannot be evaluated.

use crate::error::InputError;
use burn::tensor::DType;
use thiserror::Error;

/// Why a loss cannot be evaluated on given tensors.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A tensor is missing.
    #[error("{loss}: tensor `{name}` is missing, expected: {expected}")]
    Missing {
        /// The loss.
        loss: &'static str,
        /// The missing tensor.
        name: String,
        /// All tensors that the loss takes.
        expected: String,
    },
    /// A tensor that the loss does not take.
    #[error("{loss}: tensor `{name}` is not an argument of this loss, expected: {expected}")]
    Unknown {
        /// The loss.
        loss: &'static str,
        /// The superfluous tensor.
        name: String,
        /// All tensors that the loss takes.
        expected: String,
    },
    /// A tensor has a rank that fits no argument.
    #[error("{loss}: `{name}` has shape {shape:?}, expected {expected}")]
    Rank {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The ranks that fit.
        expected: String,
    },
    /// A tensor has a type that fits no argument.
    #[error("{loss}: `{name}` has type {given:?}, expected {expected}")]
    Type {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// Its type.
        given: DType,
        /// The types that fit.
        expected: &'static str,
    },
    /// An integer that the integers of the device cannot hold.
    #[error("{loss}: `{name}` holds {label}, but the integers of this device have {bits} bits")]
    Label {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// The integer.
        label: i128,
        /// The size of an integer on the device.
        bits: usize,
    },
    /// A label that is none of the classes, nor the one that is ignored.
    #[error("{loss}: `{name}` is {label} at {index:?}, allowed: 0 <= label < {classes}{}", or_ignored(.ignored))]
    NoClass {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// The label.
        label: i128,
        /// Where it is.
        index: Vec<usize>,
        /// How many classes there are.
        classes: usize,
        /// The label that is ignored, if there is one.
        ignored: Option<i64>,
    },
    /// A label that is the blank of a sequence.
    #[error("{loss}: `{name}` is {blank} at {index:?}, but {blank} is the blank, which is no label")]
    Blank {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// The blank.
        blank: usize,
        /// Where it is.
        index: Vec<usize>,
    },
    /// A length that is negative, or greater than what it is a length of.
    #[error("{loss}: `{name}` is {length} at {index:?}, allowed: 0 <= length <= {most}")]
    Length {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// The length.
        length: i128,
        /// Where it is.
        index: Vec<usize>,
        /// The greatest length.
        most: usize,
    },
    /// A shape, type or device that the loss itself refuses.
    #[error(transparent)]
    Input(#[from] InputError),
}

fn or_ignored(ignored: &Option<i64>) -> String {
    ignored.map(|index| format!(", or {index} (ignored)")).unwrap_or_default()
}

impl EvalError {
    /// The tensor that the error is about.
    pub fn argument(&self) -> &str {
        match self {
            Self::Missing { name, .. }
            | Self::Unknown { name, .. }
            | Self::Rank { name, .. }
            | Self::Type { name, .. }
            | Self::Label { name, .. }
            | Self::NoClass { name, .. }
            | Self::Blank { name, .. }
            | Self::Length { name, .. } => name,
            Self::Input(error) => error.argument,
        }
    }
}
