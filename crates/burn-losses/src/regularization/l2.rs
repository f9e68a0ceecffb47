//! The sum of squares.

use super::{Parameters, Regularizer};
use crate::reduction::sum;
use burn::tensor::Tensor;
use burn_losses_derive::{config, loss};

/// L2 penalty, ridge.
///
/// # Formula
/// ```text
/// weight sum w^2           or, with `half`,  weight 1/2 sum w^2
/// ```
/// With `half` the gradient is `weight w`, which with plain SGD is the same as a weight decay of `weight`.
///
/// # When to use
/// Against overfitting, if the penalty has to be a term of the loss. Adaptive optimizers scale the gradient of the penalty like any other
/// gradient. AdamW does not scale its decoupled weight decay, which is usually the better choice. For sparse weights, take
/// [`L1`](super::L1).
///
/// # Elsewhere
/// - `keras.regularizers.L2`: without `half` the same formula, not compared by a test. Its factor `l2` is `weight`, 0.01 by
///   default.
/// - `torch.optim.SGD`: its `weight_decay` adds the gradient of this penalty with `half`.
#[loss(regularization, "l2", "Sum of squares, or half of it: keeps parameters small")]
pub struct L2 {
    config: L2Config,
}

/// Config of [`L2`].
#[config]
pub struct L2Config {
    /// The factor of the penalty.
    #[field(default = 1.0, range = ">= 0")]
    pub weight: f64,
    /// Whether the sum is halved.
    #[field(default = false)]
    pub half: bool,
    /// Which parameters are penalized.
    #[field(default = Parameters::Weights)]
    pub parameters: Parameters,
}

impl Regularizer for L2 {
    fn kind(&self) -> &'static str {
        self.kind()
    }
    fn weight(&self) -> f64 {
        self.config.weight
    }
    fn parameters(&self) -> &Parameters {
        &self.config.parameters
    }
    fn penalty<const D: usize>(&self, parameter: Tensor<D>) -> Tensor<1> {
        let squares = sum(parameter.square());
        if self.config.half { squares * 0.5 } else { squares }
    }
}
