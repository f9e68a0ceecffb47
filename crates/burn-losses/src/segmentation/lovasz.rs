//! Lovasz loss.

use super::{AbsentClasses, Activation, Background, FOREGROUND, RegionOptions, SegmentationLoss, SumOver};
use crate::engine::primitives::sort::{RankFormula, Ranked, of_ranks};
use crate::engine::regions::{Pixels, Segmentation};
use crate::formula::Real;
use burn::tensor::{Tensor, kind::Basic};
use burn_losses_derive::{Choice, loss, loss_config};

/// The error of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum LovaszActivation {
    /// |t - p|, one class per pixel: Lovasz-softmax.
    #[default]
    Softmax,
    /// |t - p|, each class by itself.
    Sigmoid,
    /// |t - p|, of probabilities that the model gives.
    None,
    /// max(0, 1 - z), z the signed margin of the logit: the Lovasz hinge.
    Hinge,
}

/// Lovasz-softmax and Lovasz hinge (Berman et al. 2018, [arXiv 1705.08790](https://arxiv.org/abs/1705.08790)).
///
/// # Formula
/// ```text
/// sum_i e_(i) (J_i - J_(i-1))          e_(1) >= e_(2) >= ..  the sorted errors
/// J_i = 1 - (G - F_i) / (G + i - F_i)  F_i: foreground among the first i, G: among all
/// ```
/// for each sample and class, or for each class over the batch. The errors e are those of `activation`, and a pixel is
/// foreground where t > 0.5.
///
/// # When to use
/// To optimize the mean intersection over union itself, which helps small objects: usually to fine-tune a network that was
/// trained with [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss), or as a term next to it.
/// [`JaccardLoss`](super::JaccardLoss) needs no sort, and [`DiceLoss`](super::DiceLoss) is steadier at the beginning of a
/// training.
///
/// # Numerics
/// The masks are constants. The differences of J are constants for the gradient too, as in the paper: the gradient with respect
/// to an error is its factor. Ignored pixels are left out.
///
/// On the CPU the loss sorts all pixels. On other devices, where Burn would sort on the host, a bitonic network sorts on the
/// device: nothing is read back, at the price of about (log2 n)^2 / 2 passes over n pixels.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{LovaszActivation, LovaszLossConfig}};
///
/// let device = Device::flex();
/// let loss = LovaszLossConfig::new().with_activation(LovaszActivation::None).init(&device);
/// // Errors of 0 and 1 give the Jaccard loss: one of three pixels is right.
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 0.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 1.0, 0.0]]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 2.0 / 3.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `segmentation_models_pytorch.losses.LovaszLoss`: as by default here, it sorts over the batch and skips absent classes. Its
///   hinge (modes `binary` and `multilabel`) is over the batch too, of all classes together.
/// - `kornia.losses.LovaszSoftmaxLoss`: with `over = "sample"` and `absent_classes = "count"`.
/// - `kornia.losses.LovaszHingeLoss`: with `activation = "hinge"`, `over = "sample"` and `absent_classes = "count"`, for one
///   class.
/// - `mmseg.models.losses.LovaszLoss`: as by default here, it sorts over the batch and skips absent classes, unless `per_image`
///   and `classes` say otherwise.
///
/// The authors' code has `over = "batch"` and skips absent classes; its hinge is per image.
#[loss(segmentation, "lovasz", "Convex extension of the Jaccard loss: optimizes intersection over union directly")]
pub struct LovaszLoss {
    config: LovaszLossConfig,
}

/// Config of [`LovaszLoss`].
#[loss_config]
pub struct LovaszLossConfig {
    /// The definition of the error of a pixel.
    #[field(default = LovaszActivation::Softmax)]
    pub activation: LovaszActivation,
    /// Whether the pixels of each sample are sorted, or those of the whole batch.
    #[field(default = SumOver::Batch)]
    pub over: SumOver,
    /// Whether the first class counts.
    #[field(default = Background::Included)]
    pub background: Background,
    /// How classes absent from the masks are handled; an absent class that counts has its largest error as its value.
    #[field(default = AbsentClasses::Skip)]
    pub absent_classes: AbsentClasses,
    /// The label of pixels that do not count, where masks are made from labels.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl LovaszLoss {
    /// The errors `[N, C, pixels]`.
    fn errors(&self, regions: &RegionOptions, pixels: &Pixels, hard: Tensor<3>) -> Tensor<3> {
        if self.config.activation != LovaszActivation::Hinge {
            return (hard - pixels.probabilities(regions.activation)).abs();
        }
        let margin = (hard * 2.0 - 1.0) * pixels.logits();
        Real::relu(-margin + 1.0)
    }
}

/// The pixels of each class in a row: those of each sample, or of the whole batch.
fn rows<K: Basic>(values: Tensor<3, K>, over: SumOver) -> Tensor<2, K> {
    let [samples, classes, count] = values.dims();
    match over {
        SumOver::Sample => values.reshape([samples * classes, count]),
        SumOver::Batch => values.swap_dims(0, 1).reshape([classes, samples * count]),
    }
}

/// J_i - J_(i-1) at the rank of each error.
///
/// One more foreground pixel leaves the union U as it is and takes 1 from the intersection I: the step is 1 / U. One more
/// background pixel adds 1 to the union: the step is I / (U - 1) - I / U = I / (U (U - 1)), computed in the last form, in which
/// no digits cancel.
struct JaccardStep;

impl RankFormula for JaccardStep {
    fn eval<R: Real>(&self, Ranked { rank, mark, found, total }: Ranked<R>) -> R {
        let (zero, one) = (total.lit(0.0), total.lit(1.0));
        let intersection = total.clone() - found.clone();
        let union = total.clone() + rank.clone() - found;
        let foreground = one.clone() / union.clone();
        let background = intersection / (union.clone() * (union - 1.0).maximum(one.clone()));
        // Without any foreground the first pixel alone takes J from 0 to 1.
        let alone = R::select(&rank.gt_lit(1.5), zero, one);
        let background = R::select(&total.gt_lit(0.5), background, alone);
        R::select(&mark.gt_lit(0.5), foreground, background)
    }
}

impl Segmentation for LovaszLoss {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let masks = pixels.masks().detach();
        let [samples, classes, _] = masks.dims();
        let hard = masks.zeros_like().mask_fill(masks.clone().greater_scalar(FOREGROUND), 1.0);
        // A mask that is NaN (a label that is out of range) makes the value NaN.
        let wrong = rows(masks * 0.0, regions.over).sum_dim(1);
        let errors = rows(self.errors(regions, &pixels, hard.clone()), regions.over);
        // On GPUs Burn's fusion reads a mask wrongly that comes before a swap of axes.
        let errors = match pixels.valid() {
            None => errors,
            Some(valid) => errors.mask_fill(rows(valid.clone().expand(hard.dims()), regions.over).bool_not(), 0.0),
        };
        let keys = errors.clone().detach();
        let keys = keys.clone().mask_fill(keys.is_nan(), 0.0);
        // Weights have no gradient, so that an error of weight 0 may be left out, even if it is infinite.
        let weights = of_ranks(&JaccardStep, keys, rows(hard, regions.over));
        let values = (errors.mask_fill(weights.clone().equal_scalar(0.0), 0.0) * weights).sum_dim(1) + wrong;
        match regions.over {
            SumOver::Sample => values.reshape([samples, classes]),
            SumOver::Batch => values.reshape([1, classes]).expand([samples, classes]),
        }
    }
}

impl SegmentationLoss for LovaszLoss {
    fn regions(&self) -> RegionOptions {
        let LovaszLossConfig { activation, over, background, absent_classes, ignore_index, .. } = self.config;
        let activation = match activation {
            LovaszActivation::Softmax => Activation::Softmax,
            LovaszActivation::None => Activation::None,
            LovaszActivation::Sigmoid | LovaszActivation::Hinge => Activation::Sigmoid,
        };
        RegionOptions { activation, over, background, absent_classes, ignore_index, ..RegionOptions::default() }
    }
}
