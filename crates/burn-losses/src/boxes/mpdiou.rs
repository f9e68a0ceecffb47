//! Minimum point distance IoU loss.

use super::{BoxFormat, BoxUnit, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Minimum point distance IoU (Ma and Xu 2023, [arXiv 2307.07662](https://arxiv.org/abs/2307.07662)).
///
/// # Formula
/// `1 - IoU + (d_1^2 + d_2^2) / (W^2 + H^2)`, with d_1 and d_2 the distances of the top left and of the bottom right corners,
/// and W and H the size of the image.
///
/// # When to use
/// For detection and instance segmentation in images of one size: two corners determine a box, so the distances also count
/// where center and aspect ratio are right already and [`CiouLoss`](super::CiouLoss) equals the IoU loss. For images of many
/// sizes take [`EiouLoss`](super::EiouLoss), whose penalties are relative to the boxes.
///
/// # Numerics
/// Distances are divided by the diagonal of the image before they are squared: the squares overflow above 1e19 diagonals (in
/// f32).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::MpdiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = MpdiouLossConfig::new(8.0, 6.0).init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[3.0, 0.0, 5.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 + (9.0 + 16.0) / 100.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. PyTorch and torchvision have none.
#[loss(boxes, "mpdiou", "IoU plus the distances of two corners, relative to the image size")]
pub struct MpdiouLoss {
    config: MpdiouLossConfig,
}

/// Config of [`MpdiouLoss`].
#[loss_config]
pub struct MpdiouLossConfig {
    /// The width of the image, in the units of the boxes: 1 for normalized coordinates.
    #[field(example = 1.0, range = ">= 1e-15")]
    pub image_width: f64,
    /// The height of the image, in the units of the boxes: 1 for normalized coordinates.
    #[field(example = 1.0, range = ">= 1e-15")]
    pub image_height: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for MpdiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
    fn units(&self) -> Vec<BoxUnit> {
        let (width, height) = (self.config.image_width, self.config.image_height);
        // The larger side, since a box may be as long as either side of the image.
        let field = if width < height { "image_height" } else { "image_width" };
        vec![BoxUnit::Picture { field, size: width.max(height) }]
    }
}

impl BoxFormula for MpdiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let scale = 1.0 / self.config.image_width.hypot(self.config.image_height);
        let mut distances = ((prediction[0].clone() - target[0].clone()) * scale).square();
        for i in 1..4 {
            distances = distances + ((prediction[i].clone() - target[i].clone()) * scale).square();
        }
        -Geometry::new(prediction, target).iou + 1.0 + distances
    }
}
