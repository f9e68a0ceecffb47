//! A weighted sum.

use crate::engine::pairs::anchors::{self, Anchors, NeededPartners};
use crate::macros::weighted_sum;
use crate::reduction::Unreduced;
use crate::terms::sum_unreduced;
use burn::tensor::{Bool, Int, Tensor};

weighted_sum! {
    metric: AnyMetricLoss, MetricLossConfig, [triplet: TripletLossConfig, contrastive: ContrastiveLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{composition::Terms, metric::{CenterLossConfig, SupConLossConfig, WeightedSumLossConfig}, prelude::*};
    ///
    /// let center = CenterLossConfig::new().with_num_classes(2).with_embedding_dim(2);
    /// let terms = Terms::new().with("contrast", 1.0, SupConLossConfig::new()).with("center", 0.01, center);
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], &Device::flex());
    /// let labels = Tensor::<1, Int>::from_ints([0, 0, 1], &Device::flex());
    /// assert!(loss.forward(embeddings, labels).into_scalar::<f32>() > 0.0);
    /// ```
}

impl Anchors for WeightedSumLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let values = self.losses.iter().map(|loss| anchors::values(loss, embeddings.clone(), labels.clone(), mask));
        sum_unreduced(self.config.terms.weigh(values))
    }

    fn accepts(&self, rows: usize, size: usize) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| loss.accepts(rows, size))
    }

    /// A row counts where one of the terms counts it, so only what all of them need is needed.
    fn partners(&self) -> NeededPartners {
        let first = self.losses[0].partners();
        if self.losses.iter().all(|loss| loss.partners() == first) { first } else { NeededPartners::Nobody }
    }

    fn compares_cosines(&self) -> bool {
        self.losses.iter().any(Anchors::compares_cosines)
    }
}
