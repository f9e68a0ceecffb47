//! Large-margin softmax.

use super::Annealing;
use super::annealing::annealed;
use crate::config::Range;
use crate::engine::heads::{Head, Scaling};
use crate::engine::steps::Steps;
use crate::formula::Real;
use burn::tensor::{Bool, Tensor};

head_loss! {
    "l_softmax": "the angle to the target class has to be m times smaller";

    /// Large-margin softmax (Liu et al. 2016, [arXiv 1612.02295](https://arxiv.org/abs/1612.02295)).
    ///
    /// # Formula
    /// The target's logit is `|W_y| |x| (lambda cos(theta) + psi(theta)) / (1 + lambda)`, the others are `W_j x`;
    /// ```text
    /// psi(theta) = (-1)^k cos(m theta) - 2k     theta in [k pi/m, (k+1) pi/m]
    /// lambda     = max(minimum, base (1 + gamma step)^(-power))
    /// ```
    /// The steps are counted in training and saved with the module.
    ///
    /// # Numerics
    /// cos(m theta) is a polynomial of the cosine: value and gradient are finite also at cos = 1 and -1.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::LSoftmaxLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = LSoftmaxLossConfig::new().with_num_classes(3).with_embedding_dim(2).with_margin(2).init(&device);
    /// let value = head.forward(Tensor::ones([1, 2], &device), Tensor::<1, Int>::from_ints([1], &device));
    /// assert!(value.into_scalar::<f32>().is_finite());
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `LargeMarginSoftmaxLoss`, without the schedule.
    pub struct LSoftmaxLoss {
        /// The steps that were taken in training.
        steps: Steps = |_config, device| Steps::new(device),
    }

    /// Config of [`LSoftmaxLoss`].
    pub struct LSoftmaxLossConfig {
        /// m: how many times the angle has to be smaller.
        margin: usize = 4, Range::Closed(1.0, 16.0);
        /// The schedule by which the margin comes in.
        lambda: Annealing = Annealing::default();
    }
}

impl Head for LSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn margin<R: Real>(&self, cosine: R, lambda: Option<R>) -> R {
        annealed(cosine, self.config.margin, lambda)
    }
    fn given(&self, embeddings: &Tensor<2>, _: Tensor<1, Bool>) -> Option<Tensor<1>> {
        Some(self.config.lambda.step(&self.steps, embeddings))
    }
}
