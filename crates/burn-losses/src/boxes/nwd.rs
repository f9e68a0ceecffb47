//! Normalized Wasserstein distance.

use super::{BoxFormat, BoxUnit, BoxesLoss, Geometry};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Normalized Gaussian Wasserstein distance (Wang et al. 2021, [arXiv 2110.13389](https://arxiv.org/abs/2110.13389)).
///
/// # Formula
/// ```text
/// 1 - exp(-W / constant)
/// W^2 = (cx - cx_t)^2 + (cy - cy_t)^2 + ((w - w_t)^2 + (h - h_t)^2) / 4
/// ```
///
/// # When to use
/// For detection of tiny objects, as in aerial and satellite images: a shift by a pixel or two already removes their whole
/// overlap, and with it the gradient of [`IouLoss`](super::IouLoss), while this loss stays smooth. `constant` has to fit the
/// size of the objects. For objects of every size take [`CiouLoss`](super::CiouLoss), or the sum of both
/// ([`WeightedSumLoss`](super::WeightedSumLoss)).
///
/// # Numerics
/// The gradient at W = 0, where the loss has a kink, is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::NwdLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = NwdLossConfig::new().with_constant(5.0).init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[3.0, 4.0, 4.0, 5.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 - (-1f32).exp())).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. PyTorch and torchvision have none.
#[loss(boxes, "nwd", "Normalized Wasserstein distance of boxes as Gaussians, smooth for tiny objects")]
pub struct NwdLoss {
    config: NwdLossConfig,
}

/// Config of [`NwdLoss`].
#[loss_config]
pub struct NwdLossConfig {
    /// The typical size of an object, in the units of the boxes; the paper's 12.7 is the typical size in its data, in pixels.
    #[field(default = 12.7, range = ">= 1e-15")]
    pub constant: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for NwdLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
    fn units(&self) -> Vec<BoxUnit> {
        vec![BoxUnit::Object { field: "constant", size: self.config.constant }]
    }
}

impl BoxFormula for NwdLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let pair = Geometry::new(prediction, target);
        let plane = pair.plane();
        let (dx, dy) = plane.lengths(&pair.x.offset, &pair.y.offset);
        let (dw, dh) = plane.lengths(&pair.x.difference(), &pair.y.difference());
        let squares = dx.square() + dy.square() + (dw.square() + dh.square()) * 0.25;
        let distance = squares.safe_sqrt() * plane.unit;
        -(distance * (-1.0 / self.config.constant)).exp_m1()
    }
}
