//! Dice loss.

use super::{RegionOptions, SegmentationLoss, Smooth};
use crate::formula::{Overlap, OverlapFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Soft Dice loss (Milletari et al. 2016, V-Net, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797)).
///
/// # Formula
/// ```text
/// 1 - (2 sum(p t) + smooth) / (sum p + sum t + smooth)
/// 1 - (2 sum(p t) + smooth) / (sum p^2 + sum t^2 + smooth)       denominator = "squared": V-Net
/// ```
/// of each sample and class; p the probability, t the mask. In [0, 1] for p and t in [0, 1].
///
/// # When to use
/// For masks with class imbalance, as in medical imaging: a region counts by the share of it that is found, not by its number of
/// pixels, so small objects are not lost beside a large background. Alone it makes overconfident probabilities, so it is usually
/// added to [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss) or [`BceLoss`](crate::binary::BceLoss). Where missed
/// pixels cost more than false ones, take [`TverskyLoss`](super::TverskyLoss).
///
/// # Numerics
/// A region that is empty and predicted as empty has the value 0 (with the same `smooth` above and below). One that is empty and not predicted as empty has a positive
/// value and a gradient if `smooth` is positive. Where the denominator is zero the value is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, DiceLossConfig}};
///
/// let device = Device::flex();
/// let loss = DiceLossConfig::new().with_activation(Activation::None).with_smooth(0.0).init(&device);
/// // One sample, one class, four pixels: three predicted, two true, two in common.
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 1.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 1.0, 0.0, 0.0]]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 - 4.0 / 5.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.DiceLoss`: with `smooth` = 1e-5, its `smooth_nr` and `smooth_dr`, the values are the same. It applies no
///   activation unless it is told to.
/// - `segmentation_models_pytorch.losses.DiceLoss`: it sums over the batch (`over = "batch"`), has no `smooth` by default (its
///   `smooth` is half of this one), and drops absent classes from the sum but not from the mean.
/// - `kornia.losses.DiceLoss`: a softmax, and `eps` in the denominator alone. By default it pools the classes of a sample; with
///   `average="macro"` it takes the mean of the classes that are present.
/// - `mmdet.models.losses.DiceLoss`: it pools the classes of a sample, and its areas are squares by default
///   (`denominator = "squared"`), with `eps` = 1e-3.
/// - `keras.losses.Dice`: of probabilities; it pools the batch and the classes into one value unless `axis` is given, with an
///   epsilon of 1e-7 in the denominator alone.
/// - `optax.losses.dice_loss`: with `smooth` = 2 here the values are the same as by its default of 1, since both areas are halved
///   there. It has the classes on the last axis and applies a softmax by default.
#[loss(segmentation, "dice", "One minus the Dice score, which does not depend on the size of a region")]
pub struct DiceLoss {
    config: DiceLossConfig,
}

/// Config of [`DiceLoss`].
#[loss_config]
pub struct DiceLossConfig {
    /// What is added to the numerator and the denominator.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// What is looked at, and what counts.
    #[field(flatten)]
    pub regions: RegionOptions,
}

impl SegmentationLoss for DiceLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

impl OverlapFormula for DiceLoss {
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
        self.config.smooth.miss(overlap.both * 2.0, overlap.prediction + overlap.target)
    }
}
