//! The errors: one for a config, one for the arguments of a loss.

use core::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// An error of a config or a config file.
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
        /// The value that was given.
        value: String,
        /// The values that are allowed.
        allowed: String,
    },
    /// A field has a value of the wrong type.
    #[error("{loss}: `{}` has the wrong type: {}", bounded(.field), bounded(.problem))]
    WrongType {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The field.
        field: String,
        /// The type that was given and the one that is allowed.
        problem: String,
    },
    /// A key that the loss does not have.
    #[error("{loss}: unknown key `{}`{}, allowed: {}", bounded(.field), perhaps(.suggestion), quoted(.allowed))]
    UnknownField {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The unknown key.
        field: String,
        /// The keys that exist.
        allowed: Vec<&'static str>,
        /// The one that was meant perhaps.
        suggestion: Option<&'static str>,
    },
    /// A key that has no default and is not there.
    #[error("{loss}: missing key `{field}`, which has no default, allowed: {allowed}")]
    MissingField {
        /// The loss, by its `kind`.
        loss: &'static str,
        /// The key.
        field: &'static str,
        /// The values that are allowed.
        allowed: String,
    },
    /// A `kind` or `family` that does not exist.
    #[error("unknown {tag} `{}`{}{}, allowed: {}", bounded(.given), within(.family), perhaps(.suggestion), quoted(.allowed))]
    UnknownKind {
        /// `kind` or `family`.
        tag: &'static str,
        /// The family in which the kind was looked up, empty for a family.
        family: &'static str,
        /// The name that was given.
        given: String,
        /// The names that exist.
        allowed: Vec<&'static str>,
        /// The one that was meant perhaps.
        suggestion: Option<&'static str>,
    },
    /// The config is not a table with the key that says which loss it is.
    #[error("missing key `{tag}`{}, allowed: {}", within(.family), quoted(.allowed))]
    MissingKind {
        /// `kind` or `family`.
        tag: &'static str,
        /// The family in which a kind is missing, empty for a family.
        family: &'static str,
        /// The names that exist.
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

/// Shortens a text from outside to what a reader can use: its beginning, and its end, which says what is allowed.
fn bounded(text: &str) -> std::borrow::Cow<'_, str> {
    const MOST: usize = 400;
    if text.chars().count() <= MOST {
        return text.into();
    }
    let (head, tail) = (text.chars().take(MOST / 4).collect::<String>(), text.chars().rev().take(MOST / 2));
    format!("{head} .. {}", tail.collect::<Vec<_>>().into_iter().rev().collect::<String>()).into()
}

/// Names in backticks, for the message of an error.
pub(crate) fn quoted<T: core::fmt::Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn perhaps(suggestion: &Option<&'static str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" ({})", did_you_mean(name)))
}

pub(crate) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The longest word for which a similar name is looked for: no name is nearly as long.
const LONGEST: usize = 100;

/// The name that is most like the given one, if any is close: at most one letter in three differs.
pub(crate) fn nearest(given: &str, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    if given.chars().nth(LONGEST).is_some() {
        return None;
    }
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let given = letters(given);
    let distances = names.into_iter().map(|name| (edit_distance(&given, &letters(name)), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= given.len()).then_some(name)
}

/// How many entries have to be changed, added or left out to make one list the other.
pub(crate) fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn within(family: &str) -> String {
    if family.is_empty() { String::new() } else { format!(" of family `{family}`") }
}

/// An error of the shape, the type or the device of an argument.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{loss}: `{argument}` {problem}")]
pub struct InputError {
    /// The loss, by its `kind`.
    pub loss: &'static str,
    /// The argument, by its name.
    pub argument: &'static str,
    /// The problem: what was given and what is expected.
    pub problem: InputProblem,
}

/// The problems that an argument can have.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputProblem {
    /// The shape is not the expected one.
    Shape {
        /// The shape that was given.
        given: Vec<usize>,
        /// The shape that is expected, and why.
        expected: String,
    },
    /// The element type is not the expected one.
    DType {
        /// The type that was given.
        given: String,
        /// The type that is expected, and why.
        expected: String,
    },
    /// The argument lives on another device.
    Device {
        /// The device that was given.
        given: String,
        /// The device that is expected, and why.
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
