//! CosFace.

use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// CosFace, or large-margin cosine loss (Wang et al. 2018, [arXiv 1801.09414](https://arxiv.org/abs/1801.09414)).
///
/// # Formula
/// The target's logit is `scale (cos(theta) - margin)`, the others are `scale cos(theta_j)`. This is the formula of
/// [`AmSoftmaxLoss`](super::AmSoftmaxLoss), with another scale.
///
/// # When to use
/// For face recognition, speaker verification and retrieval with many identities: the simplest margin, which trains stably.
/// [`ArcfaceLoss`](super::ArcfaceLoss) is as widespread, so compare both; for noisy labels take
/// [`SubCenterArcfaceLoss`](super::SubCenterArcfaceLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::CosfaceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = CosfaceLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
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
/// - `pytorch_metric_learning.losses.CosFaceLoss`: the same.
/// - `insightface.recognition.arcface_torch.losses.CosFace`: it has a margin of 0.40.
#[loss(heads, "cosface", "Additive cosine margin (CosFace)")]
pub struct CosfaceLoss {
    config: CosfaceLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`CosfaceLoss`].
#[loss_config(check = |config| config.options.check("cosface", config.num_classes))]
pub struct CosfaceLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 64.0, range = "> 0")]
    pub scale: f64,
    /// The number that is subtracted from the cosine of the target.
    #[field(default = 0.35, range = ">= 0")]
    pub margin: f64,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl CosfaceLossConfig {
    fn build(&self, device: &Device) -> CosfaceLoss {
        CosfaceLoss { config: self.clone(), layer: self.options.layer(self.num_classes, self.embedding_dim, device) }
    }
}

impl HeadLoss for CosfaceLoss {
    layer_methods!();
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
