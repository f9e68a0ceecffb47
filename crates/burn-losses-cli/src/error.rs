//! Why a command cannot do what it was asked to do.

use crate::{catalog, hints};
use burn_losses::ConfigError;
use burn_losses::eval::EvalError;
use burn_losses_plot::PlotError;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// An error of a command: printed on stderr.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// An error in a config file, or in the name of a loss.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Losses that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A name that no loss has.
    #[error("no loss is called `{name}`{}", did_you_mean(.suggestions))]
    UnknownName {
        /// The name.
        name: String,
        /// Names that were possibly intended.
        suggestions: Vec<String>,
    },
    /// A name that several losses have, where exactly one is needed.
    #[error("several losses are called `{name}`: {}", quoted(.names))]
    SeveralNames {
        /// The name.
        name: String,
        /// The full names of these losses.
        names: Vec<String>,
    },
    /// A search without a match: no loss has these words.
    #[error("nothing found for `{query}`{}", did_you_mean(.suggestions))]
    NothingFound {
        /// The words.
        query: String,
        /// Words that were possibly intended.
        suggestions: Vec<String>,
    },
    /// An option that cannot be used as given; the text says why.
    #[error("{0}")]
    Option(String),
    /// A file that cannot be read or written, or whose content does not fit.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Tensors that do not fit the loss.
    #[error("{input}: {}{source}", of_term(.term))]
    Eval {
        /// The input.
        input: String,
        /// The term of a joint loss; empty for any other loss.
        term: String,
        /// What is wrong with the tensors.
        source: Box<EvalError>,
    },
    /// Burn itself gave up, for instance for lack of memory.
    #[error("{input}: {loss}: the computation failed: {message}")]
    Failed {
        /// The input that was evaluated.
        input: String,
        /// The loss.
        loss: &'static str,
        /// The message of Burn.
        message: String,
    },
}

impl Error {
    /// The error of a file.
    pub(crate) fn file(path: impl AsRef<Path>, problem: impl ToString) -> Self {
        Self::File { path: path.as_ref().to_owned(), problem: problem.to_string() }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        if matches!(self, Self::NothingFound { .. }) { 1 } else { 2 }
    }

    /// What to do about the error, if that is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => hints::of_config(error),
            Self::Eval { source, .. } => hints::of_input(source),
            Self::UnknownName { name, .. } => {
                Some(match catalog::families().iter().find(|family| family.eq_ignore_ascii_case(name)) {
                    Some(family) => format!("`{family}` is a family: `burn-losses list {family}` shows its losses"),
                    None => "`burn-losses list` shows all losses, `burn-losses find WORDS` searches them".to_owned(),
                })
            }
            Self::NothingFound { .. } => {
                Some("try fewer or other words; `burn-losses list` shows all losses".to_owned())
            }
            _ => None,
        }
    }
}

/// A list of names in quotes, for an error message.
pub(crate) fn quoted<T: std::fmt::Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(" (did you mean {}?)", quoted(names).replace("`, `", "` or `"))
    }
}

fn of_term(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("term `{name}`: ") }
}
