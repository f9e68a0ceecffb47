//! What the two distributions of a loss are.

use burn_losses_derive::Choice;

/// What the model hands to the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DistributionInput {
    /// Log-probabilities: the result of a log-softmax over axis 1. They need not add up to one.
    #[default]
    LogProbabilities,
    /// Logits: the log-softmax over axis 1 is taken here.
    Logits,
}

/// What the targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum TargetForm {
    /// Probabilities, along axis 1.
    #[default]
    Probabilities,
    /// Their natural logarithms.
    LogProbabilities,
}
