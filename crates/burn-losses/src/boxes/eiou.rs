//! Efficient IoU loss.

use super::diou::diou;
use super::{BoxFormat, BoxesLoss, Geometry, geometry::Axis};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Efficient IoU (Zhang et al. 2021, [arXiv 2101.08158](https://arxiv.org/abs/2101.08158)).
///
/// # Formula
/// `1 - IoU + rho^2 / c^2 + (w - w_t)^2 / c_w^2 + (h - h_t)^2 / c_h^2`, with c_w and c_h the sides of the smallest box that
/// encloses both, and rho and c as in [`DiouLoss`](super::DiouLoss). The value is in [0, 4].
///
/// # When to use
/// For box regression in detection where width and height each have to fit: the aspect term of [`CiouLoss`](super::CiouLoss) is
/// 0 for a box whose aspect ratio is right and whose size is wrong. [`FocalEiouLoss`](super::FocalEiouLoss) is its form for
/// batches with many boxes of low quality.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::EiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = EiouLossConfig::new().init(&device);
/// // The same center; twice as wide.
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 4.0, 2.0]], &device),
///     Tensor::from_floats([[1.0, 0.0, 3.0, 2.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (0.5 + 0.25)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.EIoULoss`: another loss (Extended IoU, Peng and Yu 2021).
#[loss(boxes, "eiou", "IoU plus center distance and differences of width and height")]
pub struct EiouLoss {
    config: EiouLossConfig,
}

/// Config of [`EiouLoss`].
#[loss_config]
pub struct EiouLossConfig {
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for EiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for EiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        eiou(&Geometry::new(prediction, target))
    }
}

impl EiouLoss {
    /// The loss with the default config, for its formula alone.
    pub(super) fn plain() -> Self {
        Self { config: EiouLossConfig::default() }
    }
}

/// The loss of two boxes, from their geometry.
#[inline(always)]
pub(super) fn eiou<R: Real>(pair: &Geometry<R>) -> R {
    diou(pair) + side(&pair.x) + side(&pair.y)
}

/// The squared difference of the lengths over the squared enclosing length.
///
/// It is computed as the square of a quotient: where one length is much larger than the other, the slopes of the difference and
/// of the enclosing length nearly cancel, and have to do so before they are rounded.
#[inline(always)]
fn side<R: Real>(axis: &Axis<R>) -> R {
    super::geometry::quotient(axis.difference(), axis.enclosing.clone()).square()
}
