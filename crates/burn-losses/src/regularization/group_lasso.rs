//! Group lasso.

use super::{Parameters, Regularizer};
use crate::formula::Real;
use crate::reduction::{row_sums, sum};
use burn::tensor::Tensor;
use burn_losses_derive::{config, loss};

/// Group lasso (Yuan and Lin 2006): sets whole neurons or filters to zero.
///
/// # Formula
/// ```text
/// weight sum_g sqrt(|g|) ||w_g||
/// ```
/// over the groups g: the |g| numbers that share an index on `axis`. A group that is 0 has gradient 0. A parameter without this
/// axis is one group.
///
/// # When to use
/// For structured pruning: whole neurons, filters or input features become zero, so that they can be removed from the network.
/// For single weights use [`L1`](super::L1), which gives zeros without a pattern.
///
/// # Elsewhere
/// - `group_lasso.GroupLasso`: the same formula, not compared by a test. Its `group_reg` is `weight`, with `l1_reg` = 0; it is a
///   linear model with its own solver.
///
/// No counterpart in PyTorch or Keras.
#[loss(regularization, "group_lasso", "Sum of the L2 norms of groups of parameters: sets whole groups to zero")]
pub struct GroupLasso {
    config: GroupLassoConfig,
}

/// Config of [`GroupLasso`].
#[config]
pub struct GroupLassoConfig {
    /// The factor of the penalty.
    #[field(default = 1.0, range = ">= 0")]
    pub weight: f64,
    /// The axis of the groups. The weights of Burn's `Linear` are `[input, output]`, those of its convolutions
    /// `[output, input, ..]`.
    #[field(default = 0, range = ">= 0")]
    pub axis: usize,
    /// Which parameters are penalized.
    #[field(default = Parameters::Weights)]
    pub parameters: Parameters,
}

impl Regularizer for GroupLasso {
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
        let shape = parameter.dims();
        let groups = match shape.get(self.config.axis) {
            Some(groups) => parameter.movedim(self.config.axis as isize, 0).reshape([*groups as isize, -1]),
            None => parameter.reshape([1, -1]),
        };
        let size = groups.dims()[1] as f64;
        sum(row_sums(groups.square()).safe_sqrt()) * size.sqrt()
    }
}
