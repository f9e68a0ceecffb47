//! AdaFace.

use super::arcface::angle;
use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::engine::pairs::anchors::mask_to_float;
use crate::engine::{new_state, set_state, state_on};
use crate::formula::Real;
use burn::module::RunningState;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::PI;

/// AdaFace (Kim et al. 2022, [arXiv 2204.00964](https://arxiv.org/abs/2204.00964)).
///
/// # Formula
/// The target's logit is `scale f`, the others are `scale cos(theta_j)`;
/// ```text
/// f = cos(theta - margin z) - (margin z + margin)
/// z = clip(h (|x| - mean) / (std + 0.001), -1, 1)
/// ```
/// mean and std are the moving averages of the mean and of the standard deviation of the lengths |x| over the training batches.
/// They begin at 20 and 100, are updated before each value, and are saved with the module. z has no gradient. The angle theta -
/// margin z is kept in [0.001, pi - 0.001].
///
/// # When to use
/// For face recognition on images of mixed quality, such as surveillance: the longer an embedding, the better its image, and
/// unrecognizable faces hardly affect the model. Do not normalize the embeddings before it. For images of even quality
/// [`ArcfaceLoss`](super::ArcfaceLoss) is simpler.
///
/// # Numerics
/// Lengths are clamped to [0.001, 100]. The slope of theta at cos(theta) = +-1, which is infinite, counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::AdafaceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = AdafaceLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
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
/// No library that we know of has it. The authors' PyTorch code does.
#[loss(heads, "adaface", "Angular margin adapted to image quality, which the embedding norm measures")]
pub struct AdafaceLoss {
    config: AdafaceLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// The moving average of the mean of the lengths.
    mean: RunningState<Tensor<1>>,
    /// The moving average of the standard deviation of the lengths.
    std: RunningState<Tensor<1>>,
}

/// Config of [`AdafaceLoss`].
#[loss_config(check = |config| config.options.check("adaface", config.num_classes))]
pub struct AdafaceLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 64.0, range = "> 0")]
    pub scale: f64,
    /// The margin m, in radians.
    #[field(default = 0.4, range = "[0, pi/2]")]
    pub margin: f64,
    /// The factor of the standardized lengths, which are clipped to [-1, 1].
    #[field(default = 0.333, range = "> 0")]
    pub h: f64,
    /// The share of each batch in the moving averages of mean and standard deviation.
    #[field(default = 0.01, range = "(0, 1]")]
    pub momentum: f64,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl AdafaceLossConfig {
    fn build(&self, device: &Device) -> AdafaceLoss {
        AdafaceLoss {
            config: self.clone(),
            layer: self.options.layer(self.num_classes, self.embedding_dim, device),
            mean: new_state([1], 20.0, device),
            std: new_state([1], 100.0, device),
        }
    }
}

impl HeadLoss for AdafaceLoss {
    layer_methods!();
}

impl Head for AdafaceLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, quality: Option<R>) -> R {
        let quality = quality.unwrap_or_else(|| cosine.lit(0.0)) * self.config.margin;
        let shifted_angle = angle(cosine) - quality.clone();
        let (low, high) = (shifted_angle.lit(1e-3), shifted_angle.lit(PI - 1e-3));
        shifted_angle.maximum(low).minimum(high).cos() - quality - self.config.margin
    }
    fn modulation(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>> {
        let square = (embeddings.clone() * embeddings.clone()).sum_dim(1).squeeze_dim::<1>(1);
        let lengths = Real::safe_sqrt(square).clamp(1e-3, 100.0);
        let state = |state: &RunningState<Tensor<1>>| state_on(state, &lengths.device()).cast(lengths.dtype());
        let (mut mean, mut std) = (state(&self.mean), state(&self.std));
        if embeddings.device().is_autodiff() {
            // A NaN in one row would stay in the averages forever.
            let uncounted = uncounted.bool_or(lengths.clone().is_nan());
            let lengths = lengths.clone().mask_fill(uncounted.clone(), 0.0);
            let counted = mask_to_float(uncounted.bool_not(), embeddings);
            let count = counted.clone().sum();
            let of_batch = (lengths.clone() * counted.clone()).sum() / count.clone().clamp_min(1.0);
            let offset = (lengths.clone() - of_batch.clone()) * counted;
            let deviation = ((offset.clone() * offset).sum() / (count.clone() - 1.0).clamp_min(1.0)).sqrt();
            // A single row has no standard deviation.
            let enough = count.greater_elem(1.5);
            let share = enough.float().cast(lengths.dtype()) * self.config.momentum;
            mean = mean.clone() + (of_batch - mean) * share.clone();
            std = std.clone() + (deviation - std) * share;
            set_state(&self.mean, mean.clone());
            set_state(&self.std, std.clone());
        }
        let rows = lengths.dims();
        let quality = (lengths - mean.expand(rows)) / (std + 1e-3).expand(rows) * self.config.h;
        Some(quality.clamp(-1.0, 1.0))
    }
}
