//! Jaccard loss.

use super::{OverlapForm, RegionOptions, SegmentationLoss, Smooth};
use crate::formula::{Overlap, OverlapFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Soft Jaccard loss, or IoU loss of regions (Rahman and Wang 2016,
/// [doi 10.1007/978-3-319-50835-1_22](https://doi.org/10.1007/978-3-319-50835-1_22)).
///
/// # Formula
/// `1 - (sum(p t) + smooth) / (sum p + sum t - sum(p t) + smooth)` for each sample and class. The value is in [0, 1].
/// `form` has the logarithm of the quotient, and ln cosh of one minus the quotient.
///
/// # When to use
/// Where intersection over union (the Jaccard index, mean IoU) is the metric of a segmentation. It ranks the predictions of a
/// region as [`DiceLoss`](super::DiceLoss) does, but falls more steeply where a region nearly fits, and less steeply where it is
/// missed. [`LovaszLoss`](super::LovaszLoss) follows the IoU of the hard masks more closely, at the price of a sort.
///
/// # Numerics
/// The same as for [`DiceLoss`](super::DiceLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, JaccardLossConfig}};
///
/// let device = Device::flex();
/// let loss = JaccardLossConfig::new().with_activation(Activation::None).with_smooth(0.0).init(&device);
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 1.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 1.0, 0.0, 0.0]]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 1.0 / 3.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.DiceLoss`: with `jaccard=True`; both the numerator and the denominator are doubled before `smooth_nr` and
///   `smooth_dr` enter.
/// - `segmentation_models_pytorch.losses.JaccardLoss`: it sums over the batch (`over = "batch"`), has no `smooth` by default, has
///   `log_loss` for `form = "log"`, and drops absent classes from the sum but not from the mean.
/// - `optax.losses.dice_loss`: with `alpha` = `beta` = 1. It has the classes on the last axis and applies a softmax by default.
#[loss(segmentation, "jaccard", "One minus the intersection over union of each region")]
pub struct JaccardLoss {
    config: JaccardLossConfig,
}

/// Config of [`JaccardLoss`].
#[loss_config]
pub struct JaccardLossConfig {
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

impl SegmentationLoss for JaccardLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

impl OverlapFormula for JaccardLoss {
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
        let union = overlap.prediction + overlap.target - overlap.both.clone();
        self.config.form.of_miss(self.config.smooth.miss(overlap.both, union))
    }
}
