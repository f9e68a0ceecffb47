//! Why something cannot be drawn.

use burn_losses::ConfigError;
use burn_losses::eval::EvalError;
use thiserror::Error;

/// Why a loss cannot be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlotError {
    /// There is no config.
    #[error("no loss to draw, expected: one config or several of one family")]
    Nothing,
    /// Losses that are drawn over different axes.
    #[error("`{first}` and `{other}` are not drawn over the same axes ({axes} and {others}): draw them one by one")]
    Axes {
        /// One loss.
        first: String,
        /// Another loss.
        other: String,
        /// The axes of the first loss.
        axes: String,
        /// The axes of the other loss.
        others: String,
    },
    /// A config with values that are not allowed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A config that cannot be changed in the way that its picture needs.
    #[error("{loss}: {problem}")]
    Change {
        /// The loss.
        loss: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A loss that does not accept the tensors from which its family is drawn.
    #[error(transparent)]
    Eval(#[from] EvalError),
}
