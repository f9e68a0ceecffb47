//! Angular softmax.

use super::Annealing;
use super::annealing::annealed;
use crate::config::Range;
use crate::engine::heads::{Head, Scaling};
use crate::engine::steps::Steps;
use crate::formula::Real;
use burn::tensor::{Bool, Tensor};

head_loss! {
    "a_softmax": "the angle to the target class has to be m times smaller, on a sphere of weights";

    /// Angular softmax (Liu et al. 2017, SphereFace, [arXiv 1704.08063](https://arxiv.org/abs/1704.08063)): as
    /// [`LSoftmaxLoss`](super::LSoftmaxLoss), with the rows of the weight at length 1.
    ///
    /// # Formula
    /// The target's logit is `|x| (lambda cos(theta) + psi(theta)) / (1 + lambda)`, the others are `|x| cos(theta_j)`.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::ASoftmaxLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = ASoftmaxLossConfig::new().with_num_classes(3).with_embedding_dim(2).init(&device);
    /// let value = head.forward(Tensor::ones([1, 2], &device), Tensor::<1, Int>::from_ints([1], &device));
    /// assert!(value.into_scalar::<f32>().is_finite());
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `SphereFaceLoss`, without the schedule.
    pub struct ASoftmaxLoss {
        /// The steps that were taken in training.
        steps: Steps = |_config, device| Steps::new(device),
    }

    /// Config of [`ASoftmaxLoss`].
    pub struct ASoftmaxLossConfig {
        /// m: how many times the angle has to be smaller.
        margin: usize = 4, Range::Closed(1.0, 16.0);
        /// The schedule by which the margin comes in.
        lambda: Annealing = Annealing::default();
    }
}

impl Head for ASoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling { embeddings: false, weight: true, scale: 1.0 }
    }
    fn margin<R: Real>(&self, cosine: R, lambda: Option<R>) -> R {
        annealed(cosine, self.config.margin, lambda)
    }
    fn given(&self, embeddings: &Tensor<2>, _: Tensor<1, Bool>) -> Option<Tensor<1>> {
        Some(self.config.lambda.step(&self.steps, embeddings))
    }
}
