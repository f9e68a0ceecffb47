//! The elastic net.

use super::{Parameters, Regularizer};
use crate::reduction::sum;
use burn::tensor::Tensor;
use burn_losses_derive::{config, loss};

/// Elastic net (Zou and Hastie 2005).
///
/// # Formula
/// ```text
/// weight (l1_ratio sum |w| + (1 - l1_ratio) 1/2 sum w^2)
/// ```
///
/// # When to use
/// For sparse parameters of correlated inputs. The L1 part sets parameters to zero. The L2 part keeps correlated parameters together,
/// where [`L1`](super::L1) alone would keep one of them. If no parameter has to be zero, [`L2`](super::L2) is enough.
///
/// # Elsewhere
/// - `sklearn.linear_model.ElasticNet`: the same formula, not compared by a test. Its `alpha` is `weight`.
/// - `keras.regularizers.L1L2`: its `l1` is `weight` times `l1_ratio`, and its `l2` is `weight` times (1 - `l1_ratio`) / 2.
#[loss(regularization, "elastic_net", "Blend of the L1 norm and half of the squared L2 norm")]
pub struct ElasticNet {
    config: ElasticNetConfig,
}

/// Config of [`ElasticNet`].
#[config]
pub struct ElasticNetConfig {
    /// The factor of the penalty.
    #[field(default = 1.0, range = ">= 0")]
    pub weight: f64,
    /// The share of the L1 part.
    #[field(default = 0.5, range = "[0, 1]")]
    pub l1_ratio: f64,
    /// Which parameters are penalized.
    #[field(default = Parameters::Weights)]
    pub parameters: Parameters,
}

impl Regularizer for ElasticNet {
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
        let share = self.config.l1_ratio;
        sum(parameter.clone().abs()) * share + sum(parameter.square()) * ((1.0 - share) * 0.5)
    }
}
