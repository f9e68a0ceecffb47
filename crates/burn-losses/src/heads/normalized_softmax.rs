//! Normalized softmax.

use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Normalized softmax (Wang et al. 2017, NormFace, [arXiv 1704.06369](https://arxiv.org/abs/1704.06369)): cross-entropy of cosines.
///
/// # Formula
/// ```text
/// -ln softmax(scale cos)_y        the embeddings have length 1 (`normalize_embeddings`)
/// -ln softmax(scale |x| cos)_y    they do not: with scale 1 the modified softmax (Liu et al. 2017, SphereFace)
/// ```
/// where cos_j is the cosine of the angle between the embedding x and row j of the weight.
///
/// # When to use
/// For embeddings that are compared by cosine, as in retrieval and face recognition: the baseline, with only a scale to choose.
/// [`CosfaceLoss`](super::CosfaceLoss) and [`ArcfaceLoss`](super::ArcfaceLoss) add a margin, which sets the classes further
/// apart. The modified softmax, `normalize_embeddings = false` and `scale = 1`, is the baseline of
/// [`ASoftmaxLoss`](super::ASoftmaxLoss): what that loss is with the margin 1
/// ([arXiv 1704.08063](https://arxiv.org/abs/1704.08063)).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::NormalizedSoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let config = NormalizedSoftmaxLossConfig::new(3, 3);
/// let head = config.init(&device).with_weight(Tensor::eye(3, &device));
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
/// - `pytorch_metric_learning.losses.NormalizedSoftmaxLoss`: with `temperature` = 1 / scale; its default is 0.05, a scale of 20.
#[loss(heads, "normalized_softmax", "Softmax cross-entropy of scaled cosines")]
pub struct NormalizedSoftmaxLoss {
    config: NormalizedSoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
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
    /// Whether the embeddings are scaled to length 1, as the rows of the weight are.
    #[field(default = true)]
    pub normalize_embeddings: bool,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl NormalizedSoftmaxLossConfig {
    fn build(&self, device: &Device) -> NormalizedSoftmaxLoss {
        NormalizedSoftmaxLoss {
            config: self.clone(),
            layer: self.options.layer(self.num_classes, self.embedding_dim, device),
        }
    }
}

impl HeadLoss for NormalizedSoftmaxLoss {
    layer_methods!();
}

impl Head for NormalizedSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling { embeddings: self.config.normalize_embeddings, ..Scaling::cosines(self.config.scale) }
    }
    fn has_margin(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::{ASoftmaxLossConfig, Annealing};
    use burn::tensor::{Distribution, Int, Tensor};

    #[test]
    fn modified_softmax_is_a_softmax_without_a_margin() {
        let device = Device::flex();
        let embeddings = || Tensor::<2>::random([5, 3], Distribution::Normal(0.0, 3.0), &device);
        let labels = || Tensor::<1, Int>::from_ints([0, 3, 2, 1, 3], &device);
        let modified = NormalizedSoftmaxLossConfig::new(4, 3).with_normalize_embeddings(false).with_scale(1.0);
        let modified = modified.init(&device);
        for lambda in [Annealing::none(), Annealing::default()] {
            let head = ASoftmaxLossConfig::new(4, 3).with_margin(1).with_lambda(lambda).init(&device);
            let head = head.with_weight(modified.weight());
            let x = embeddings();
            let expected: f32 = head.forward(x.clone(), labels()).into_scalar();
            let value: f32 = modified.forward(x, labels()).into_scalar();
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
    }
}
