//! Scylla IoU loss.

use super::{BoxFormat, BoxesLoss};
use super::{
    Geometry,
    geometry::{Axis, power, quotient},
};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// SCYLLA-IoU (Gevorgyan 2022, [arXiv 2205.12740](https://arxiv.org/abs/2205.12740)).
///
/// # Formula
/// ```text
/// 1 - IoU + (distance + shape) / 2
/// angle    = 2 |dx| |dy| / (dx^2 + dy^2) = sin(2 asin(|dy| / sigma))     sigma the distance of the centers
/// distance = sum over x, y of 1 - exp(-(2 - angle) (dx / c_w)^2)
/// shape    = sum over w, h of (1 - exp(-|w - w_t| / max(w, w_t)))^theta
/// ```
/// where dx and dy are the distances of the centers along the axes, and c_w and c_h the sides of the smallest box that encloses
/// both (c_h for dy).
///
/// # When to use
/// For box regression in detection in place of [`CiouLoss`](super::CiouLoss), as in YOLOv6: the angle draws a prediction first
/// toward the nearer axis of its target, then along it. Which of the two is better depends on the data;
/// [`EiouLoss`](super::EiouLoss) is a simpler loss that compares width and height too.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::SiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SiouLossConfig::new().init(&device);
/// // The boxes lie side by side: the angle is 0.
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[1.0, 0.0, 2.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 + (1.0 - (-0.5f32).exp()) / 2.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.SIoULoss`: with `neg_gamma=True` it is the paper's loss with `theta` = 4, which its default is not.
///   Its value is at most 2.
#[loss(boxes, "siou", "IoU plus angle, distance and shape costs")]
pub struct SiouLoss {
    config: SiouLossConfig,
}

/// Config of [`SiouLoss`].
#[loss_config]
pub struct SiouLossConfig {
    /// The exponent of the shape cost: with a larger one, small differences of shape count less. The paper uses 2 to 6.
    #[field(default = 4.0, range = ">= 1")]
    pub theta: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for SiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for SiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let pair = Geometry::new(prediction, target);
        let (dx, dy) = pair.plane().lengths(&pair.x.offset, &pair.y.offset);
        let angle = quotient(dx.clone().abs() * dy.clone().abs() * 2.0, dx.square() + dy.square());
        let gamma = -angle + 2.0;
        let theta = self.config.theta;
        let cost = near(&pair.x, &gamma) + near(&pair.y, &gamma) + shape(&pair.x, theta) + shape(&pair.y, theta);
        -pair.iou.clone() + 1.0 + cost * 0.5
    }
}

/// The distance cost along one axis.
#[inline(always)]
fn near<R: Real>(axis: &Axis<R>, gamma: &R) -> R {
    let offset = quotient(axis.offset.clone(), axis.enclosing.clone());
    rise(gamma.clone() * offset.square())
}

/// The shape cost along one axis.
#[inline(always)]
fn shape<R: Real>(axis: &Axis<R>, theta: f64) -> R {
    let (a, b) = (axis.prediction.clone(), axis.target.clone());
    power(rise(quotient((a.clone() - b.clone()).abs(), a.maximum(b))), theta)
}

/// 1 - e^-x.
#[inline(always)]
fn rise<R: Real>(x: R) -> R {
    -(-x).exp_m1()
}
