//! Distance IoU loss.

use super::{BoxFormat, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Distance IoU (Zheng et al. 2020, [arXiv 1911.08287](https://arxiv.org/abs/1911.08287)).
///
/// # Formula
/// `1 - IoU + rho^2 / c^2`, with rho the distance of the centers and c the diagonal of the smallest box that encloses both. The
/// value is in [0, 2].
///
/// # When to use
/// For box regression in detection where boxes should converge fast: disjoint boxes, and boxes inside one another, on which
/// [`GiouLoss`](super::GiouLoss) is slow, are pulled together directly. [`CiouLoss`](super::CiouLoss) also fits the aspect ratio,
/// [`EiouLoss`](super::EiouLoss) width and height.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::DiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = DiouLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[2.0, 0.0, 3.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 + 4.0 / 10.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchvision.ops.distance_box_iou_loss`: it adds an `eps` to the divisors.
/// - `detectron2.layers.diou_loss`: it adds an `eps` to the divisors.
/// - `mmdet.models.losses.DIoULoss`: it adds an `eps` of 1e-6 to the divisors.
/// - `ultralytics.utils.metrics.bbox_iou`: with `DIoU=True`: one minus this loss, with 1e-7 added to the divisors.
#[loss(boxes, "diou", "IoU plus center distance, which pulls disjoint boxes together directly")]
pub struct DiouLoss {
    config: DiouLossConfig,
}

/// Config of [`DiouLoss`].
#[loss_config]
pub struct DiouLossConfig {
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for DiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for DiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        diou(&Geometry::new(prediction, target))
    }
}

/// The loss of two boxes, from their geometry.
#[inline(always)]
pub(super) fn diou<R: Real>(pair: &Geometry<R>) -> R {
    -pair.iou.clone() + 1.0 + pair.offset()
}
