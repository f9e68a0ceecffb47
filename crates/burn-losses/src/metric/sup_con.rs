//! Supervised contrastive loss.

use crate::config::Range;
use crate::engine::anchors::{Anchors, Pairs, log_sum_exp, ones, only, similarities, sums};
use crate::macros::loss;
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

loss! {
    metric "sup_con": "picks the positives out of all other rows";

    /// Supervised contrastive loss (Khosla et al. 2020, [arXiv 2004.11362](https://arxiv.org/abs/2004.11362)), the form with the sum
    /// outside the logarithm.
    ///
    /// # Formula
    /// `-1/|P| sum_p ln(e^(s_ap / T) / sum_(k != a) e^(s_ak / T))` of each anchor a with positives P, s the cosine.
    ///
    /// # Numerics
    /// A log-softmax over all rows but the anchor: finite at every temperature.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{metric::SupConLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let loss = SupConLossConfig::new().init(&device);
    /// // All the same: one of three others is the positive.
    /// let embeddings = Tensor::<2>::ones([4, 2], &device);
    /// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1, 1], &device));
    /// assert!((value.into_scalar::<f32>() - 3f32.ln()).abs() < 1e-6);
    /// ```
    ///
    /// # Elsewhere
    /// The authors' code multiplies by T / 0.07. pytorch-metric-learning: `SupConLoss`, the same as here.
    pub struct SupConLoss;

    /// Config of [`SupConLoss`].
    pub struct SupConLossConfig {
        /// T: the smaller, the more the nearest rows count.
        temperature: f64 = 0.1, Range::Greater(0.0);
    }
}

impl Anchors for SupConLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let similarities = similarities(embeddings) * (1.0 / self.config.temperature);
        let pairs = Pairs::of(labels);
        let (there, _) = pairs.there();
        let others = log_sum_exp(similarities.clone(), pairs.positive.clone().bool_or(pairs.negative));
        let count = ones(pairs.positive.clone(), &similarities).sum_dim(1).squeeze_dim::<1>(1).clamp_min(1.0);
        only(others - sums(similarities, pairs.positive) / count, there)
    }
}
