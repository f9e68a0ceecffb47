//! TODO: its name.

use super::{BoxFormat, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `1 - IoU + scale (|C| - |A u B|) / |C|`, C the smallest box that encloses both. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(3.0).init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[2.0, 0.0, 3.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(boxes, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = ">= 0")]
    pub scale: f64,
    /// How the boxes are given.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for TemplateLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let (iou, gap) = Geometry::new(prediction, target).iou_and_gap(1e-7);
        -iou + 1.0 + gap * self.config.scale
    }
}
