//! Additive-margin softmax.

use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Additive-margin softmax (Wang et al. 2018, [arXiv 1801.05599](https://arxiv.org/abs/1801.05599)).
///
/// # Formula
/// The target's logit is `scale (cos(theta) - margin)`, the others are `scale cos(theta_j)`.
///
/// # When to use
/// For face recognition and speaker verification: a margin that trains stably from the first step, without a schedule. With very
/// many identities take the larger scale of [`CosfaceLoss`](super::CosfaceLoss); [`ArcfaceLoss`](super::ArcfaceLoss) has its
/// margin on the angle.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::AmSoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = AmSoftmaxLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
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
/// - `speechbrain.nnet.losses.AngularMargin`: it takes the cosines and gives the logits; its defaults are a margin of 0 and a
///   scale of 1.
///
/// `CosFaceLoss` has a scale of 64 by default. [`CosfaceLoss`](super::CosfaceLoss) is the same formula with another scale.
#[loss(heads, "am_softmax", "Additive cosine margin (AM-Softmax)")]
pub struct AmSoftmaxLoss {
    config: AmSoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`AmSoftmaxLoss`].
#[loss_config(check = |config| config.options.check("am_softmax", config.num_classes))]
pub struct AmSoftmaxLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 30.0, range = "> 0")]
    pub scale: f64,
    /// The number that is subtracted from the cosine of the target.
    #[field(default = 0.35, range = ">= 0")]
    pub margin: f64,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl AmSoftmaxLossConfig {
    fn build(&self, device: &Device) -> AmSoftmaxLoss {
        AmSoftmaxLoss { config: self.clone(), layer: self.options.layer(self.num_classes, self.embedding_dim, device) }
    }
}

impl HeadLoss for AmSoftmaxLoss {
    layer_methods!();
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
