//! CosFace.

use crate::config::Range;
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;

head_loss! {
    "cosface": "the cosine of the target class has to lead by a margin, as for faces";

    /// CosFace, or large-margin cosine loss (Wang et al. 2018, [arXiv 1801.09414](https://arxiv.org/abs/1801.09414)).
    ///
    /// # Formula
    /// The target's logit is `scale (cos(theta) - margin)`, the others are `scale cos(theta_j)`: that of
    /// [`AmSoftmaxLoss`](super::AmSoftmaxLoss), with another scale.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::CosfaceLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = CosfaceLossConfig::new().with_num_classes(3).with_embedding_dim(2).init(&device);
    /// let value = head.forward(Tensor::ones([1, 2], &device), Tensor::<1, Int>::from_ints([1], &device));
    /// assert!(value.into_scalar::<f32>().is_finite());
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `CosFaceLoss`. insightface has a margin of 0.40.
    pub struct CosfaceLoss;

    /// Config of [`CosfaceLoss`].
    pub struct CosfaceLossConfig {
        /// The factor of the cosines.
        scale: f64 = 64.0, Range::Greater(0.0);
        /// What is taken from the cosine of the target.
        margin: f64 = 0.35, Range::AtLeast(0.0);
    }
}

impl Head for CosfaceLoss {
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
