//! Dice loss.

use super::{OverlapForm, RegionOptions, SegmentationLoss, Smooth};
use crate::formula::{Overlap, OverlapFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Soft Dice loss (Milletari et al. 2016, V-Net, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797)).
///
/// # Formula
/// ```text
/// 1 - (2 sum(p t) + smooth) / (sum p + sum t + smooth)
/// 1 - (2 sum(p t) + smooth) / (sum p^2 + sum t^2 + smooth)       denominator = "squared": V-Net
/// ```
/// for each sample and class, with p the probability and t the mask. The value is in [0, 1] for p and t in [0, 1]. `form` has the
/// logarithm of the score, and ln cosh of one minus the score.
///
/// # When to use
/// For masks with class imbalance, as in medical imaging: a region counts by the share of it that is found, not by its number of
/// pixels, so small objects are not lost in a large background. Used alone it makes probabilities overconfident, so it is
/// usually added to [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss) or [`BceLoss`](crate::binary::BceLoss). Where
/// missed pixels cost more than false ones, take [`TverskyLoss`](super::TverskyLoss).
///
/// # Numerics
/// An empty region that is predicted as empty has the value 0 (with the same `smooth` above and below). An empty region of
/// which something is predicted has a positive value, and also a gradient if `smooth` is positive. Where the denominator is
/// zero the value is 0. `form = "log"` has no gradient where the score is below 1e-7.
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
/// - `monai.losses.DiceLoss`: the values are the same with `smooth` = 1e-5, the default of its `smooth_nr` and `smooth_dr`. It
///   applies no activation unless it is told to.
/// - `segmentation_models_pytorch.losses.DiceLoss`: it sums over the batch (`over = "batch"`), has no `smooth` by default (its
///   `smooth` is half of this one), has `log_loss` for `form = "log"`, and drops absent classes from the sum but not from the mean.
/// - `kornia.losses.DiceLoss`: it applies a softmax, and adds `eps` to the denominator only. By default it pools the classes of
///   a sample; with `average="macro"` it takes the mean of the classes that are present.
/// - `mmdet.models.losses.DiceLoss`: it pools the classes of a sample, and its areas are squares by default
///   (`denominator = "squared"`), with `eps` = 1e-3.
/// - `keras.losses.Dice`: it takes probabilities, pools the batch and the classes into one value unless `axis` is given, and
///   adds an epsilon of 1e-7 to the denominator only.
/// - `optax.losses.dice_loss`: with `smooth` = 2 here the values are the same as by its default of 1, since both areas are halved
///   there. It has the classes on the last axis and applies a softmax by default.
#[loss(segmentation, "dice", "One minus the Dice score, which does not depend on the size of a region")]
pub struct DiceLoss {
    config: DiceLossConfig,
}

/// Config of [`DiceLoss`].
#[loss_config]
pub struct DiceLossConfig {
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// How the loss falls with the score of a region.
    #[field(default = OverlapForm::Linear)]
    pub form: OverlapForm,
    /// The options that the losses of this family share.
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
        let miss = self.config.smooth.miss(overlap.both * 2.0, overlap.prediction + overlap.target);
        self.config.form.of_miss(miss)
    }
}
