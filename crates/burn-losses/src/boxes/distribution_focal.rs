//! Distribution focal loss.

use super::{BoxFormat, BoxTargets, Boxes, BoxesLoss};
use crate::engine::rows::{self, Target};
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Distribution focal loss (Li et al. 2020, [arXiv 2006.04388](https://arxiv.org/abs/2006.04388)): each side of a box is
/// predicted as a distribution over bins 0, 1, .., B - 1.
///
/// # Formula
/// `-((i + 1 - y) ln S_i + (y - i) ln S_(i+1))`, with i = floor(y), S the softmax of the side's B logits and y the true
/// distance in units of a bin. The value of a box is the mean over its four sides.
///
/// # When to use
/// In dense one-stage detectors (GFL, YOLOv8) whose head predicts the distance of each side as a distribution, so that a
/// blurred or hidden border has a wide one. It is added to a loss of the whole box, such as [`CiouLoss`](super::CiouLoss) or
/// [`GiouLoss`](super::GiouLoss), and does not replace it.
///
/// # Shapes
/// - predictions: `[N, 4 B]`, with the B logits of each side next to one another
/// - targets: `[N, 4]`, in [0, B - 1]
///
/// # Numerics
/// A distance outside [0, B - 1] has no bins around it: its value is NaN, as for a label that is out of range. Clamp the
/// targets if such a distance should count as the nearest bin.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::DistributionFocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = DistributionFocalLossConfig::new().init(&device);
/// // Four sides of two bins each; all logits equal.
/// let value = loss.forward(Tensor::zeros([1, 8], &device), Tensor::from_floats([[0.0, 0.3, 0.5, 1.0]], &device));
/// assert!((value.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.DistributionFocalLoss`: it has one value per side.
/// - `ultralytics.utils.loss.DFLoss`: it clamps the targets, in place.
#[loss(boxes, "distribution_focal", "Cross-entropy of the two bins around the distance of each side")]
pub struct DistributionFocalLoss {
    config: DistributionFocalLossConfig,
}

/// Config of [`DistributionFocalLoss`].
#[loss_config]
pub struct DistributionFocalLossConfig {}

impl RowFormula for DistributionFocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        weighted(share, -log_p)
    }
}

impl Boxes for DistributionFocalLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        _: BoxFormat,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        let [count, width] = predictions.dims();
        let logits = predictions.reshape([count * 4, width / 4]);
        let sides = rows::values_of(self, logits, &Target::Bins(targets.reshape([count * 4, 1])));
        sides.reshape([count, 4]).mean_dim(1).squeeze_dim(1)
    }

    fn accepts(&self, width: usize) -> Result<(), String> {
        if width >= 8 && width.is_multiple_of(4) {
            return Ok(());
        }
        Err("4 B numbers per box on axis 1: the logits of at least 2 bins for each of the 4 sides".into())
    }

    fn targets(&self) -> BoxTargets {
        BoxTargets::Bins
    }
}

impl BoxesLoss for DistributionFocalLoss {}
