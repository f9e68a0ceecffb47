//! Normalised softmax.

use crate::config::Range;
use crate::engine::heads::{Head, Scaling};

head_loss! {
    "normalized_softmax": "softmax of scaled cosines: directions alone count";

    /// Normalised softmax (Wang et al. 2017, NormFace, [arXiv 1704.06369](https://arxiv.org/abs/1704.06369)): cross-entropy of cosines.
    ///
    /// # Formula
    /// `-ln softmax(scale cos)_y`, cos_j the cosine of the angle between the embedding and row j of the weight.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::NormalizedSoftmaxLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = NormalizedSoftmaxLossConfig::new().with_num_classes(5).with_embedding_dim(2).init(&device);
    /// let logits = head.logits(Tensor::from_floats([[300.0, -400.0]], &device));
    /// assert!(logits.abs().max().into_scalar::<f32>() <= 30.001);
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `NormalizedSoftmaxLoss`, with `temperature` 1 / scale.
    pub struct NormalizedSoftmaxLoss;

    /// Config of [`NormalizedSoftmaxLoss`].
    pub struct NormalizedSoftmaxLossConfig {
        /// The factor of the cosines.
        scale: f64 = 30.0, Range::Greater(0.0);
    }
}

impl Head for NormalizedSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn has_margin(&self) -> bool {
        false
    }
}
