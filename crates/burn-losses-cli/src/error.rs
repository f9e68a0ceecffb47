//! Why a command cannot do what it is asked to.

use burn_losses::ConfigError;
use burn_losses::eval::EvalError;
use burn_losses_plot::PlotError;
use std::path::PathBuf;
use thiserror::Error;

/// An error of `list`, `eval`, `schema` or `plot`: printed on stderr, exit code 2.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A config file, or the name of a loss.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Losses that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A device that is not there, or a type that it does not have.
    #[error("{0}")]
    Device(String),
    /// A file of tensors that cannot be read, or one that cannot be written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Tensors that the loss does not take.
    #[error("{}: {source}", path.display())]
    Eval {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: EvalError,
    },
    /// Burn itself gave up, for instance for want of memory.
    #[error("{}: the computation failed: {message}", path.display())]
    Failed {
        /// The file that was evaluated.
        path: PathBuf,
        /// What Burn says.
        message: String,
    },
}
