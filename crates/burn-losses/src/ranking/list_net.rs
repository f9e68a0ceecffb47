//! ListNet.

use super::{Items, Lists, RankingLoss};
use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::engine::primitives::softmax::softmax;
use crate::engine::rows::{self, Target};
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// The distribution over the items that the scores should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum RelevanceTarget {
    /// The softmax of the relevance.
    #[default]
    Softmax,
    /// The relevance over its sum. A relevance below 0 counts as 0, and a list without any has the value 0.
    Sum,
}

/// ListNet, with the probabilities of the first item alone (Cao et al. 2007,
/// [doi 10.1145/1273496.1273513](https://doi.org/10.1145/1273496.1273513)): the cross-entropy of two distributions over the items of
/// a list.
///
/// # Formula
/// `-sum_i q_i ln softmax(s / temperature)_i` over the items that are there. q is the softmax of the relevance, or the relevance
/// over its sum (`target = "sum"`).
///
/// # When to use
/// For lists whose first item matters most: clicks, one right answer, retrieval with many negatives. With one relevant item
/// and `target = "sum"` it is the softmax cross-entropy over the list. It takes O(L) memory and time, unlike the losses of pairs. For
/// grades of relevance, and for a metric of the first k items, take [`LambdaRankLoss`](super::LambdaRankLoss).
///
/// # Numerics
/// An item that is not there has no part in the softmax, whatever its score is. The temperature divides the scores, not the
/// relevance.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::{ListNetLossConfig, RelevanceTarget}};
///
/// let device = Device::flex();
/// let loss = ListNetLossConfig::new().with_target(RelevanceTarget::Sum).init(&device);
/// let scores = Tensor::<2>::zeros([1, 4], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[0.0, 1.0, 0.0, 0.0]], &device));
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `optax.losses.ranking_softmax_loss`: it takes the relevance as it is in place of q, so hand q in.
/// - `allrank.models.losses.listNet`: it has 1e-10 inside the logarithm.
/// - `tensorflow_ranking.keras.losses.SoftmaxLoss`: with `target = "sum"`, up to the factor of the sum of the relevance.
/// - `rax.softmax_loss`: with the relevance as it is, neither its softmax nor over its sum; not compared by a test.
#[loss(ranking, "list_net", "Cross-entropy between the relevance and the scores of a list (ListNet)")]
pub struct ListNetLoss {
    config: ListNetLossConfig,
}

/// Config of [`ListNetLoss`].
#[loss_config]
pub struct ListNetLossConfig {
    /// The divisor of the scores.
    #[field(default = 1.0, range = ">= 0.001")]
    pub temperature: f64,
    /// How the relevance becomes a distribution.
    #[field(default = RelevanceTarget::Softmax)]
    pub target: RelevanceTarget,
}

impl RankingLoss for ListNetLoss {}

impl Lists for ListNetLoss {
    fn values(&self, items: Items) -> Tensor<1> {
        let shape = items.relevance.dims();
        // A list without any item has no softmax; its value is dropped.
        let is_empty = items.valid.clone().any_dim(1).bool_not().expand(shape);
        let missing = items.valid.bool_not().bool_and(is_empty.bool_not());
        let scores = (items.scores * (1.0 / self.config.temperature)).mask_fill(missing.clone(), f64::NEG_INFINITY);
        let shares = match self.config.target {
            RelevanceTarget::Softmax => softmax(items.relevance.mask_fill(missing, f64::NEG_INFINITY)),
            RelevanceTarget::Sum => {
                let relevance = items.relevance.clamp_min(0.0);
                let sum = row_sums(relevance.clone());
                let sum = sum.clone().mask_fill(sum.equal_scalar(0.0), 1.0);
                relevance / sum.expand(shape)
            }
        };
        let cross_entropy = CrossEntropyLoss::new(CrossEntropyLossConfig::new());
        rows::values_of(&cross_entropy, scores, &Target::Probabilities(shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::tests::{lists, with_missing_items};
    use burn::tensor::Device;

    #[test]
    fn two_items_by_hand() {
        let device = Device::flex();
        let (scores, relevance) = (|| lists([[1.0, 0.0]]), || lists([[2.0, 1.0]]));
        let q = 1.0 / (1.0 + (-1f32).exp());
        let odds = |t: f32| (1.0 + (-1.0 / t).exp()).ln();
        let value: f32 = ListNetLossConfig::new().init(&device).forward(scores(), relevance()).into_scalar();
        assert!((value - (odds(1.0) + (1.0 - q))).abs() < 1e-6);
        let loss = ListNetLossConfig::new().with_temperature(2.0).with_target(RelevanceTarget::Sum).init(&device);
        let value: f32 = loss.forward(scores(), relevance()).into_scalar();
        assert!((value - (odds(2.0) + 0.5 / 3.0)).abs() < 1e-6);
    }

    /// A list without any relevance or any item is 0.
    #[test]
    fn missing_items_have_no_part() {
        for target in [RelevanceTarget::Softmax, RelevanceTarget::Sum] {
            let loss = ListNetLossConfig::new().with_target(target).init(&Device::flex().autodiff());
            let first = [Some((1.0, 1.0)), Some((0.5, 0.0)), None];
            let without_relevance = [Some((0.0, 0.0)), None, Some((1.0, 0.0))];
            let (values, gradient) = with_missing_items(&loss, [first, without_relevance, [None; 3]]);
            assert!(values[0] > 0.0 && values[1..] == [0.0, 0.0], "{values:?}");
            assert!(gradient[2..].iter().all(|slope| *slope == 0.0), "{gradient:?}");
        }
    }
}
