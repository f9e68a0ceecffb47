//! The errors: one for what is in a config, one for what is handed to a loss.

use core::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What is wrong with a config or a config file.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field has a value outside its range. NaN and infinities are outside every range.
    #[error("{loss}: `{}` is {}, allowed: {allowed}", bounded(.field), bounded(.value))]
    InvalidValue {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The field.
        field: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A field has a value of the wrong type.
    #[error("{loss}: `{}` has the wrong type: {}", bounded(.field), bounded(.problem))]
    WrongType {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The field.
        field: String,
        /// What was given and what is allowed.
        problem: String,
    },
    /// A key that the loss does not have.
    #[error("{loss}: unknown key `{}`, allowed: {}", bounded(.field), quoted(.allowed))]
    UnknownField {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The unknown key.
        field: String,
        /// The keys that exist.
        allowed: Vec<&'static str>,
    },
    /// A `kind` or `family` that does not exist.
    #[error("unknown {tag} `{}`{}, allowed: {}", bounded(.given), within(.family), quoted(.allowed))]
    UnknownKind {
        /// `kind` or `family`.
        tag: &'static str,
        /// The family in which the kind was looked up, empty for a family.
        family: &'static str,
        /// What was given.
        given: String,
        /// What exists.
        allowed: Vec<&'static str>,
    },
    /// The config is not a table with the key that says which loss it is.
    #[error("missing key `{tag}`{}, allowed: {}", within(.family), quoted(.allowed))]
    MissingKind {
        /// `kind` or `family`.
        tag: &'static str,
        /// The family in which a kind is missing, empty for a family.
        family: &'static str,
        /// What exists.
        allowed: Vec<&'static str>,
    },
    /// The text is not valid JSON, TOML or YAML, or does not fit the caller's own type.
    #[error("{}", bounded(.0))]
    Syntax(String),
    /// The file cannot be read or written, or its name has no known extension.
    #[error("{0}")]
    File(String),
    /// An error with the place where it stands.
    #[error("{}: {source}", place(.path, *.line))]
    At {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// The error.
        source: Box<ConfigError>,
    },
}

impl ConfigError {
    /// The error itself, without the place.
    pub fn kind(&self) -> &ConfigError {
        match self {
            Self::At { source, .. } => source.kind(),
            other => other,
        }
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    match (path.to_str(), line) {
        (Some(""), Some(line)) => format!("line {line}"),
        (Some(""), None) => "config".to_owned(),
        (_, Some(line)) => format!("{}:{line}", path.display()),
        (_, None) => path.display().to_string(),
    }
}

/// What somebody else wrote, as long as a reader wants to read: the beginning, and the end, which says what is allowed.
fn bounded(text: &str) -> std::borrow::Cow<'_, str> {
    const MOST: usize = 400;
    if text.chars().count() <= MOST {
        return text.into();
    }
    let (head, tail) = (text.chars().take(MOST / 4).collect::<String>(), text.chars().rev().take(MOST / 2));
    format!("{head} .. {}", tail.collect::<Vec<_>>().into_iter().rev().collect::<String>()).into()
}

/// Names for the reader of an error.
pub(crate) fn quoted<T: core::fmt::Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn within(family: &str) -> String {
    if family.is_empty() { String::new() } else { format!(" of family `{family}`") }
}

/// What is wrong with the shape, the type or the device of an argument.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{loss}: `{argument}` {problem}")]
pub struct InputError {
    /// The loss, by its `kind`.
    pub loss: &'static str,
    /// The argument, by its name.
    pub argument: &'static str,
    /// What was given and what is expected.
    pub problem: InputProblem,
}

/// What can be wrong with an argument.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputProblem {
    /// The shape is not the expected one.
    Shape {
        /// What was given.
        given: Vec<usize>,
        /// What is expected, and why.
        expected: String,
    },
    /// The element type is not the expected one.
    DType {
        /// What was given.
        given: String,
        /// What is expected, and why.
        expected: String,
    },
    /// The argument lives on another device.
    Device {
        /// What was given.
        given: String,
        /// What is expected, and why.
        expected: String,
    },
    /// The loss does not take this argument.
    Unsupported(String),
    /// The config asks for this argument.
    Missing(String),
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { given, expected } => write!(f, "has shape {given:?}, expected {expected}"),
            Self::DType { given, expected } => write!(f, "has type {given}, expected {expected}"),
            Self::Device { given, expected } => {
                write!(f, "is on device {given}, expected {expected}")
            }
            Self::Unsupported(why) => write!(f, "is not supported: {why}"),
            Self::Missing(why) => write!(f, "is missing: {why}"),
        }
    }
}

/// Panics with the message of an error: the convention of Burn for the methods that have a `Result` twin.
#[track_caller]
pub(crate) fn expect<T, E: fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
