//! What the outputs of a step have in common.

use burn::tensor::{ExecutionError, Tensor};

/// The loss, out of the graph. As for Burn's own outputs, queued work is submitted, and nothing is read.
pub(super) fn submitted(loss: Tensor<1>) -> Result<Tensor<1>, ExecutionError> {
    loss.device().flush()?;
    Ok(loss.without_autodiff())
}
