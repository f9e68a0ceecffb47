//! The forms of the two distributions of a loss.

use burn_losses_derive::Choice;

/// The form of the model's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DistributionInput {
    /// Log-probabilities: the result of a log-softmax over axis 1. They need not add up to one.
    #[default]
    LogProbabilities,
    /// Logits: the log-softmax over axis 1 is taken here.
    Logits,
}

/// The form of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum TargetForm {
    /// Probabilities, along axis 1.
    #[default]
    Probabilities,
    /// The natural logarithms of the probabilities.
    LogProbabilities,
}
