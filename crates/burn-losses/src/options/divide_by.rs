//! The divisor of the weights of the gradient harmonizing mechanism.

use burn_losses_derive::Choice;

/// The bins of gradient norms whose number the weights are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DivideBy {
    /// The bins that are not empty in the batch, as in the authors' code: the weights of the values have the mean 1.
    #[default]
    Occupied,
    /// All bins, as in the paper.
    All,
}
