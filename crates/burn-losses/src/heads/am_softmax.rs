//! Additive-margin softmax.

use crate::config::Range;
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;

head_loss! {
    "am_softmax": "the cosine of the target class has to lead by a margin";

    /// Additive-margin softmax (Wang et al. 2018, [arXiv 1801.05599](https://arxiv.org/abs/1801.05599)).
    ///
    /// # Formula
    /// The target's logit is `scale (cos(theta) - margin)`, the others are `scale cos(theta_j)`.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::AmSoftmaxLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = AmSoftmaxLossConfig::new().with_num_classes(1).with_embedding_dim(2).init(&device);
    /// // One class alone is always right.
    /// let value = head.forward(Tensor::ones([1, 2], &device), Tensor::<1, Int>::from_ints([0], &device));
    /// assert_eq!(value.into_scalar::<f32>(), 0.0);
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `CosFaceLoss`. [`CosfaceLoss`](super::CosfaceLoss) is the same formula with another scale.
    pub struct AmSoftmaxLoss;

    /// Config of [`AmSoftmaxLoss`].
    pub struct AmSoftmaxLossConfig {
        /// The factor of the cosines.
        scale: f64 = 30.0, Range::Greater(0.0);
        /// What is taken from the cosine of the target.
        margin: f64 = 0.35, Range::AtLeast(0.0);
    }
}

impl Head for AmSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        cosine - self.config.margin
    }
    fn cosine_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("margin", self.config.margin)]
    }
}
