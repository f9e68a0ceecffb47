//! A weighted sum.

use super::{AnyMetricLoss, ContrastiveLossConfig, MetricLoss, MetricLossConfig, TripletLossConfig};
use crate::engine::pairs::anchors::{self, Anchors, NeededPartners};
use crate::reduction::Unreduced;
use crate::terms::{ByTerm, Terms, sum_unreduced};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// A sum of losses of this family, each with its weight.
///
/// # Formula
/// ```text
/// sum_k w_k l_k
/// ```
/// where l_k are the unreduced values of term k. Their sum is reduced once, by the `reduction` of this config: a term has none
/// of its own. A mean divides by sum_k |w_k| n_k / sum_k |w_k|, where n_k is the divisor of the mean of term k alone: the
/// number of its values, of its pairs, or the sum of its class weights. So a sum of one term of weight 1 is that term.
/// `JointLossConfig` adds up means that each have their own divisor.
///
/// # When to use
/// To optimize several criteria of one family at once, such as [`SupConLoss`](super::SupConLoss) and
/// [`CenterLoss`](super::CenterLoss), from one config. [`JointLossConfig`](crate::composition::JointLossConfig) has terms of
/// several families, weights that change during training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{composition::Terms, metric::{CenterLossConfig, SupConLossConfig, WeightedSumLossConfig}, prelude::*};
///
/// let center = CenterLossConfig::new(2, 2);
/// let terms = Terms::new().with("contrast", 1.0, SupConLossConfig::new()).with("center", 0.01, center);
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], &Device::flex());
/// let labels = Tensor::<1, Int>::from_ints([0, 0, 1], &Device::flex());
/// assert!(loss.forward(embeddings, labels).into_scalar::<f32>() > 0.0);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.MultipleLosses`: it adds the reduced values, each times its weight, as
///   [`JointLossConfig`](crate::composition::JointLossConfig) does.
#[loss(metric, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyMetricLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("triplet", 1.0, TripletLossConfig::new()).with("contrastive", 1.0, ContrastiveLossConfig::new()))]
    pub terms: Terms<MetricLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

impl MetricLoss for WeightedSumLoss {
    fn enqueue(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) {
        let with_memory: Vec<_> = self.losses.iter().filter(|loss| loss.earlier().is_some()).collect();
        assert!(!with_memory.is_empty(), "weighted_sum: no term has a `memory`, so nothing can be remembered");
        with_memory.into_iter().for_each(|loss| loss.enqueue(embeddings.clone(), labels.clone()));
    }
}

impl Anchors for WeightedSumLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        self.weighted_anchors(embeddings, labels, mask, None)
    }

    fn weighted_anchors(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        mask: Option<&Tensor<1, Bool>>,
        weightless: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        let value = |loss| anchors::values(loss, embeddings.clone(), labels.clone(), mask, weightless);
        sum_unreduced(self.config.terms.weigh(self.losses.iter().map(value)))
    }

    fn accepts(&self, rows: usize, size: usize) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| loss.accepts(rows, size))
    }

    /// A row counts if one of the terms counts it, so only the partners that all terms need are needed.
    fn partners(&self) -> NeededPartners {
        let first = self.losses[0].partners();
        if self.losses.iter().all(|loss| loss.partners() == first) { first } else { NeededPartners::Nobody }
    }

    fn compares_cosines(&self) -> bool {
        self.losses.iter().any(Anchors::compares_cosines)
    }
}
