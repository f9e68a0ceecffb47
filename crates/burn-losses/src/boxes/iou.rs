//! IoU loss.

use super::{BoxFormat, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{Choice, loss, loss_config};

/// How the loss falls with the overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum IouForm {
    /// 1 - IoU.
    #[default]
    Linear,
    /// -ln IoU (UnitBox).
    Log,
    /// 1 - IoU^2: boxes that nearly fit have up to twice the gradient, and those that hardly overlap nearly none.
    Square,
}

/// Intersection over union (Yu et al. 2016, UnitBox, [arXiv 1608.01471](https://arxiv.org/abs/1608.01471)).
///
/// # Formula
/// ```text
/// 1 - IoU                     linear
/// -ln(max(IoU, eps))          log
/// 1 - IoU^2                   square
/// ```
/// with IoU = |A n B| / max(|A u B|, eps |C|) and C the smallest box that encloses both.
///
/// # When to use
/// For box regression in detection where predictions overlap their targets from the start, as in anchor-free detectors with
/// `format = "ltrb"` (UnitBox, FCOS). Unlike [`SmoothL1Loss`](crate::regression::SmoothL1Loss) of the coordinates it does not
/// depend on the size of the boxes. Where boxes may be disjoint, take [`GiouLoss`](super::GiouLoss),
/// [`DiouLoss`](super::DiouLoss) or [`CiouLoss`](super::CiouLoss).
///
/// # Numerics
/// Boxes that do not overlap have the value 1, or with `form = "log"` -ln eps (16.1 for the default), and **no gradient**:
/// nothing pulls them together.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::IouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = IouLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 2.0, 2.0]], &device),
///     Tensor::from_floats([[0.0, 1.0, 2.0, 3.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 - 2.0 / 6.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchvision.ops.box_iou`: the overlap of every prediction with every target; this loss is one minus the diagonal.
/// - `mmdet.models.losses.IoULoss`: its `mode` is `form`, with the logarithm as its default, and overlaps count as at least 1e-6 in every
///   form.
/// - `keras_cv.losses.IoULoss`: the logarithm is its default, of the mean overlap of an image.
/// - `ultralytics.utils.metrics.bbox_iou`: the overlap itself, with 1e-7 added to the union.
#[loss(boxes, "iou", "One minus the intersection over union of two boxes, or its square, or minus its logarithm")]
pub struct IouLoss {
    config: IouLossConfig,
}

/// Config of [`IouLoss`].
#[loss_config]
pub struct IouLossConfig {
    /// One minus the overlap, minus its logarithm, or one minus its square.
    #[field(default = IouForm::Linear)]
    pub form: IouForm,
    /// The least divisor, as a share of the area of the enclosing box, and the least overlap whose logarithm is taken.
    #[field(default = 1e-7, range = ">= 1e-30")]
    pub eps: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for IouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for IouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let eps = self.config.eps;
        let (iou, _) = Geometry::new(prediction, target).iou_and_gap(eps);
        match self.config.form {
            IouForm::Linear => -iou + 1.0,
            IouForm::Log => {
                let least = iou.lit(eps);
                -least.maximum(iou).ln()
            }
            IouForm::Square => -iou.square() + 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn t44_no_overlap_has_a_finite_logarithm() {
        let loss = IouLossConfig::new().with_form(IouForm::Log).with_eps(1e-6).init(&Device::flex());
        let value = loss.eval([0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0]);
        assert!((value - 13.815_510_557_964_274).abs() < 1e-12);
        assert_eq!(loss.eval([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]), 0.0);
    }

    #[test]
    fn eps_must_be_positive() {
        let error = IouLossConfig::new().with_eps(0.0).validate().unwrap_err();
        assert_eq!(error.to_string(), "iou: `eps` is 0, allowed: a number >= 1e-30");
    }
}
