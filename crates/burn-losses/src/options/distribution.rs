//! What the two distributions of a loss are.

crate::choice! {
    /// What the model hands to the loss.
    #[derive(Copy, Eq)]
    pub enum DistributionInput {
        /// Log-probabilities: the result of a log-softmax over axis 1. They need not add up to one.
        #[default]
        LogProbabilities = "log_probabilities",
        /// Logits: the log-softmax over axis 1 is taken here.
        Logits = "logits",
    }
}

crate::choice! {
    /// What the targets are.
    #[derive(Copy, Eq)]
    pub enum TargetForm {
        /// Probabilities, along axis 1.
        #[default]
        Probabilities = "probabilities",
        /// Their natural logarithms.
        LogProbabilities = "log_probabilities",
    }
}
