//! Angular softmax.

use super::annealing::annealed;
use super::layer::{HeadLayer, layer_methods};
use super::{Annealing, HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::engine::steps::Steps;
use crate::formula::Real;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Angular softmax (Liu et al. 2017, SphereFace, [arXiv 1704.08063](https://arxiv.org/abs/1704.08063)): as
/// [`LSoftmaxLoss`](super::LSoftmaxLoss), with the rows of the weight at length 1.
///
/// # Formula
/// The target's logit is `|x| (lambda cos(theta) + psi(theta)) / (1 + lambda)`, the others are `|x| cos(theta_j)`.
/// With `lambda = "off"` ([`Annealing::none`]) the target has psi alone, from the first step.
///
/// # When to use
/// To reproduce SphereFace and models of speaker verification that have its margin. The margin has to come in slowly, by the
/// schedule `lambda`; [`ArcfaceLoss`](super::ArcfaceLoss) and [`CosfaceLoss`](super::CosfaceLoss) need none, and are mostly
/// better in face recognition.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::ASoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = ASoftmaxLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.9, 0.1], [0.1, 0.8, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // The logits for inference and accuracy have no margin.
/// let classes = head.logits(embeddings).argmax(1).reshape([-1]);
/// assert_eq!(classes.equal(labels).float().mean().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.SphereFaceLoss`: it has no schedule, as with `lambda = "off"`.
#[loss(heads, "a_softmax", "Multiplicative angular margin on normalized weights (SphereFace)")]
pub struct ASoftmaxLoss {
    config: ASoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// The number of training steps so far.
    steps: Steps,
}

/// Config of [`ASoftmaxLoss`].
#[loss_config(check = |config| config.options.check("a_softmax", config.num_classes))]
pub struct ASoftmaxLossConfig {
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

impl ASoftmaxLossConfig {
    fn build(&self, device: &Device) -> ASoftmaxLoss {
        ASoftmaxLoss {
            config: self.clone(),
            layer: self.options.layer(self.num_classes, self.embedding_dim, device),
            steps: Steps::new(device),
        }
    }
}

impl HeadLoss for ASoftmaxLoss {
    layer_methods!();
}

impl Head for ASoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling { embeddings: false, weight: true, scale: 1.0 }
    }
    fn margin<R: Real>(&self, cosine: R, lambda: Option<R>) -> R {
        annealed(cosine, self.config.margin, lambda)
    }
    fn modulation(&self, embeddings: &Tensor<2>, _: Tensor<1, Bool>) -> Option<Tensor<1>> {
        Some(self.config.lambda.step(&self.steps, embeddings))
    }
}
