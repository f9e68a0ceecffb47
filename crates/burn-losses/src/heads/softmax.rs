//! Softmax loss with its own weight.

use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::config::Limit;
use crate::engine::heads::{Head, Scaling};
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// The softmax loss: a linear layer, and cross-entropy.
///
/// # Formula
/// `-ln softmax(W x + b)_y`, smoothed and weighted as [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss). With
/// `softcap` = k every logit z becomes k tanh(z / k) before that, also in what `logits` gives.
///
/// # When to use
/// For classification with a large vocabulary or very many classes, such as language models: with `chunk_rows` the logits of all
/// rows are never in memory at one time. [`AdaptiveSoftmaxLoss`](super::AdaptiveSoftmaxLoss) also saves time, with smaller vectors of
/// rare classes, and so does [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss), which is not exact.
/// Where the layer belongs to the model, take [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss); for embeddings that
/// are compared by angle, as in face recognition and retrieval, take [`ArcfaceLoss`](super::ArcfaceLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::SoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = SoftmaxLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.9, 0.1], [0.1, 0.8, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // For inference and accuracy.
/// let classes = head.logits(embeddings).argmax(1).reshape([-1]);
/// assert_eq!(classes.equal(labels).float().mean().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.LinearCrossEntropyLoss`: the same for one number per class. It goes in chunks if it gets `options`, and may have
///   several numbers per class (`out_features`).
/// - `torch.nn.CrossEntropyLoss`: it takes the output of `torch.nn.Linear`, which is a part of this loss, without a bias unless
///   `bias` is set.
/// - `liger_kernel.transformers.LigerFusedLinearCrossEntropyLoss`: it takes the weight as an argument, goes in chunks of rows
///   too, and is for GPUs only; its `softcap` is the same.
/// - `cut_cross_entropy.linear_cross_entropy`: it takes the weight as an argument, and is for GPUs; the logits are never in
///   memory; its `softcap` is the same.
#[loss(heads, "softmax", "Cross-entropy of a linear layer that belongs to the loss")]
pub struct SoftmaxLoss {
    config: SoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`SoftmaxLoss`].
#[loss_config(check = |config| config.options.check("softmax", config.num_classes))]
pub struct SoftmaxLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// Whether there is a bias.
    #[field(default = false)]
    pub bias: bool,
    /// The bound of all logits: x becomes softcap tanh(x / softcap) before everything else (Gemma 2 uses 30).
    #[field(default = Limit::None, range = "> 0")]
    pub softcap: Limit,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl SoftmaxLossConfig {
    fn build(&self, device: &Device) -> SoftmaxLoss {
        let rows = self.options.cross_entropy_config().with_softcap(self.softcap.clone()).init(device);
        let layer = self.options.layer(self.num_classes, self.embedding_dim, device);
        let layer = layer.with_bias(self.bias, self.num_classes, device);
        SoftmaxLoss { config: self.clone(), layer: HeadLayer { rows: self.options.with_prior(rows), ..layer } }
    }
}

impl HeadLoss for SoftmaxLoss {
    layer_methods!();
}

impl Head for SoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}
