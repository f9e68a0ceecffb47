//! Large-margin softmax.

use super::annealing::annealed;
use super::layer::{HeadLayer, layer_methods};
use super::{Annealing, HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::engine::steps::Steps;
use crate::formula::Real;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Large-margin softmax (Liu et al. 2016, [arXiv 1612.02295](https://arxiv.org/abs/1612.02295)).
///
/// # Formula
/// The target's logit is `|W_y| |x| (lambda cos(theta) + psi(theta)) / (1 + lambda)`, the others are `W_j x`;
/// ```text
/// psi(theta) = (-1)^k cos(m theta) - 2k     theta in [k pi/m, (k+1) pi/m]
/// lambda     = max(minimum, base (1 + gamma step)^(-power))
/// ```
/// The steps are counted in training and saved with the module.
/// With `lambda = "off"` ([`Annealing::none`]) the target has psi alone, from the first step.
///
/// # When to use
/// For classification with an angular margin on a plain linear layer, and to reproduce the paper. Its margin has to come in
/// slowly, by the schedule `lambda`. For face recognition and retrieval [`ArcfaceLoss`](super::ArcfaceLoss) and
/// [`CosfaceLoss`](super::CosfaceLoss) train more easily.
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
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = LSoftmaxLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.9, 0.1], [0.1, 0.8, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // The logits for inference and accuracy have no margin.
/// let classes = head.logits(embeddings).argmax(1).reshape([-1]);
/// assert_eq!(classes.equal(labels).float().mean().into_scalar::<f32>(), 1.0);
///
/// // The loss of the paper alone, without a schedule: psi(60 degrees) = -cos(240 degrees) - 2.
/// use burn_losses::{extend::Head, heads::Annealing};
///
/// let head = LSoftmaxLossConfig::new(3, 2).with_lambda(Annealing::none()).init(&device);
/// let psi = head.margin(0.5, Some(0.0));
/// assert!((psi + 1.5f64).abs() < 1e-12);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.LargeMarginSoftmaxLoss`: it has no schedule, as with `lambda = "off"`.
#[loss(heads, "l_softmax", "Multiplicative angular margin with unnormalized weights (L-Softmax)")]
pub struct LSoftmaxLoss {
    config: LSoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// The number of training steps so far.
    steps: Steps,
}

/// Config of [`LSoftmaxLoss`].
#[loss_config(check = |config| config.options.check("l_softmax", config.num_classes))]
pub struct LSoftmaxLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor m of the angle between the embedding and its class.
    #[field(default = 4, range = "[1, 16]")]
    pub margin: usize,
    /// The annealing schedule of the margin.
    #[field(default = Annealing::default())]
    pub lambda: Annealing,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl LSoftmaxLossConfig {
    fn build(&self, device: &Device) -> LSoftmaxLoss {
        LSoftmaxLoss {
            config: self.clone(),
            layer: self.options.layer(self.num_classes, self.embedding_dim, device),
            steps: Steps::new(device),
        }
    }
}

impl HeadLoss for LSoftmaxLoss {
    layer_methods!();
}

impl Head for LSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn margin<R: Real>(&self, cosine: R, lambda: Option<R>) -> R {
        annealed(cosine, self.config.margin, lambda)
    }
    fn modulation(&self, embeddings: &Tensor<2>, _: Tensor<1, Bool>) -> Option<Tensor<1>> {
        Some(self.config.lambda.step(&self.steps, embeddings))
    }
}
