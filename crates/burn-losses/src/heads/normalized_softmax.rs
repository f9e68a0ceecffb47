//! Normalized softmax.

use super::declare::replaced_weight;
use super::sampler::Draws;
use super::{HeadLoss, HeadOptions};
use crate::classification::CrossEntropyLoss;
use crate::engine::heads::{Head, Scaling};
use burn::module::Param;
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Normalized softmax (Wang et al. 2017, NormFace, [arXiv 1704.06369](https://arxiv.org/abs/1704.06369)): cross-entropy of cosines.
///
/// # Formula
/// `-ln softmax(scale cos)_y`, where cos_j is the cosine of the angle between the embedding and row j of the weight.
///
/// # When to use
/// For embeddings that are compared by cosine, as in retrieval and face recognition: the baseline, with only a scale to choose.
/// [`CosfaceLoss`](super::CosfaceLoss) and [`ArcfaceLoss`](super::ArcfaceLoss) add a margin, which sets the classes further
/// apart.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::NormalizedSoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let head = NormalizedSoftmaxLossConfig::new(5, 2).init(&device);
/// let logits = head.logits(Tensor::from_floats([[300.0, -400.0]], &device));
/// assert!(logits.abs().max().into_scalar::<f32>() <= 30.001);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.NormalizedSoftmaxLoss`: with `temperature` = 1 / scale; its default is 0.05, a scale of 20.
#[loss(heads, "normalized_softmax", "Softmax cross-entropy of scaled cosines")]
pub struct NormalizedSoftmaxLoss {
    config: NormalizedSoftmaxLossConfig,
    /// One row per class.
    weight: Param<Tensor<2>>,
    rows: CrossEntropyLoss,
    #[module(skip)]
    draws: Draws,
}

/// Config of [`NormalizedSoftmaxLoss`].
#[loss_config(check = |config| config.options.check("normalized_softmax", config.num_classes))]
pub struct NormalizedSoftmaxLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 30.0, range = "> 0")]
    pub scale: f64,
    /// The options that all heads share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl NormalizedSoftmaxLossConfig {
    fn build(&self, device: &Device) -> NormalizedSoftmaxLoss {
        NormalizedSoftmaxLoss {
            config: self.clone(),
            weight: self.options.weight(self.num_classes, self.embedding_dim, device),
            rows: self.options.cross_entropy(device),
            draws: Draws::of_classes(self.num_classes),
        }
    }
}

impl HeadLoss for NormalizedSoftmaxLoss {
    fn cross_entropy(&self) -> &CrossEntropyLoss {
        &self.rows
    }
    fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }
    fn with_weight(self, weight: Tensor<2>) -> Self {
        Self { weight: replaced_weight(&self, &self.weight, weight), ..self }
    }
    fn chunk_rows(&self) -> Option<usize> {
        self.config.options.chunk_rows
    }
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        self.draws.share(self.config.options.sample_rate, training, labels)
    }
    fn own_draws(&mut self) {
        self.draws = self.draws.fork();
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
