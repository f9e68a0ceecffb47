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
    /// Losses that have no axes in common.
    #[error("`{first}` and `{other}` are not drawn over the same axes ({axes} and {others}): draw them one by one")]
    Axes {
        /// One loss.
        first: String,
        /// Another loss.
        other: String,
        /// What the one is drawn over.
        axes: String,
        /// What the other is drawn over.
        others: String,
    },
    /// A config that is not allowed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A config that cannot be changed as its picture needs it.
    #[error("{loss}: {problem}")]
    Change {
        /// The loss.
        loss: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A loss that refuses what its family is drawn from.
    #[error(transparent)]
    Eval(#[from] EvalError),
}
