//! Generalized IoU loss.

use super::{BoxFormat, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Generalized IoU (Rezatofighi et al. 2019, [arXiv 1902.09630](https://arxiv.org/abs/1902.09630)).
///
/// # Formula
/// `1 - IoU + (|C| - |A u B|) / |C|`, with C the smallest box that encloses both. The value is in [0, 2].
///
/// # When to use
/// For box regression in detection from the start of a training, when many predictions are disjoint from their targets; DETR and
/// its successors add it to an L1 loss. Where one box lies inside the other it equals the IoU loss, while
/// [`DiouLoss`](super::DiouLoss) and [`CiouLoss`](super::CiouLoss) still pull the centers together.
///
/// # Numerics
/// Both divisors are at least `eps` times the area of C. This is a share, so that small boxes are computed as large ones are.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::GiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = GiouLossConfig::new().init(&device);
/// // Disjoint: IoU = 0, and a third of the enclosing box is empty.
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[2.0, 0.0, 3.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 4.0 / 3.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchvision.ops.generalized_box_iou_loss`: it adds `eps` to the divisors instead.
/// - `fvcore.nn.giou_loss`: it adds `eps` to the divisors instead.
/// - `mmdet.models.losses.GIoULoss`: its divisors are at least 1e-6, an area and not a share.
/// - `monai.losses.BoxGIoULoss`: it adds the epsilon of f32 to the divisors, and also has boxes in three dimensions.
/// - `keras_cv.losses.GIoULoss`: it adds 1e-7 to the divisors, and is the mean over the boxes of an image.
/// - `ultralytics.utils.metrics.bbox_iou`: with `GIoU=True`: one minus this loss, with 1e-7 added to the divisors.
#[loss(boxes, "giou", "IoU plus the uncovered share of the enclosing box, which pulls disjoint boxes together")]
pub struct GiouLoss {
    config: GiouLossConfig,
}

/// Config of [`GiouLoss`].
#[loss_config]
pub struct GiouLossConfig {
    /// The least divisor, as a share of the area of the enclosing box.
    #[field(default = 1e-7, range = ">= 1e-30")]
    pub eps: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for GiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for GiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let (iou, gap) = Geometry::new(prediction, target).iou_and_gap(self.config.eps);
        -iou + 1.0 + gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn t38_eps_is_in_both_divisors() {
        // Half of the enclosing box is empty; eps is more than the union and the box itself.
        let loss = GiouLossConfig::new().with_eps(2.0).init(&Device::flex());
        let value = loss.eval([0.0, 0.0, 0.01, 0.01], [0.01, 0.01, 0.02, 0.02]);
        assert!((value - (1.0 + 0.5 / 2.0)).abs() < 1e-12, "{value}");
    }
}
