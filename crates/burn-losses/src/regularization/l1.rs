//! The sum of absolute values.

use super::{Parameters, Regularizer};
use crate::reduction::sum;
use burn::tensor::Tensor;
use burn_losses_derive::{config, loss};

/// L1 penalty, the lasso (Tibshirani 1996).
///
/// # Formula
/// ```text
/// weight sum |w|
/// ```
/// The gradient at 0 is 0.
///
/// # When to use
/// For sparse parameters: feature selection and weight pruning. The steps of an optimizer leave weights near zero rather than at zero, so
/// set small weights to zero after the training. If inputs are correlated, take [`ElasticNet`](super::ElasticNet); for
/// whole neurons or filters, [`GroupLasso`](super::GroupLasso); for weights that are small but not zero, [`L2`](super::L2).
///
/// # Elsewhere
/// - `keras.regularizers.L1`: the same formula, not compared by a test. Its factor `l1` is `weight`, 0.01 by default.
///
/// PyTorch has none.
#[loss(regularization, "l1", "Sum of absolute values: sets parameters to zero")]
pub struct L1 {
    config: L1Config,
}

/// Config of [`L1`].
#[config]
pub struct L1Config {
    /// The factor of the penalty.
    #[field(default = 1.0, range = ">= 0")]
    pub weight: f64,
    /// Which parameters are penalized.
    #[field(default = Parameters::Weights)]
    pub parameters: Parameters,
}

impl Regularizer for L1 {
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
        sum(parameter.abs())
    }
}
