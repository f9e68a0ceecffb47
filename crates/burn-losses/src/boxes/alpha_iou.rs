//! Alpha IoU loss.

use super::{BoxFormat, BoxesLoss, FactorGradient, Geometry, ciou::aspect_term, geometry::power};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{Choice, loss, loss_config};

/// The loss whose terms are raised to a power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum AlphaIouBase {
    /// 1 - IoU.
    #[default]
    Iou,
    /// Generalized IoU.
    Giou,
    /// Distance IoU.
    Diou,
    /// Complete IoU.
    Ciou,
}

/// Alpha IoU (He et al. 2021, [arXiv 2110.13675](https://arxiv.org/abs/2110.13675)).
///
/// # Formula
/// ```text
/// 1 - IoU^alpha                                         iou
/// 1 - IoU^alpha + ((|C| - |A u B|) / |C|)^alpha         giou
/// 1 - IoU^alpha + (rho^2 / c^2)^alpha                   diou
/// 1 - IoU^alpha + (rho^2 / c^2)^alpha + (beta v)^alpha  ciou (beta: the alpha of CiouLoss)
/// ```
///
/// # When to use
/// For detection where boxes have to fit tightly (AP at high IoU), and with little data or noisy boxes: a power above 1 gives
/// more of the gradient to boxes that nearly fit, and less to boxes that hardly overlap. While most boxes still fit badly,
/// alpha = 1 or [`CiouLoss`](super::CiouLoss) is the safer choice.
///
/// # Numerics
/// A term below 1e-18 counts as 0 and has no gradient, since the slope of its power at 0 is infinite for alpha < 1.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::AlphaIouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = AlphaIouLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 4.0, 2.0]], &device),
///     Tensor::from_floats([[1.0, 0.0, 3.0, 2.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 - 0.125)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. PyTorch and torchvision have none.
#[loss(boxes, "alpha_iou", "Powers of the terms of another box loss: alpha > 1 emphasizes boxes that nearly fit")]
pub struct AlphaIouLoss {
    config: AlphaIouLossConfig,
}

/// Config of [`AlphaIouLoss`].
#[loss_config]
pub struct AlphaIouLossConfig {
    /// The power to which the terms are raised.
    #[field(default = 3.0, range = "> 0")]
    pub alpha: f64,
    /// The loss whose terms are raised to the power `alpha`.
    #[field(default = AlphaIouBase::Iou)]
    pub base: AlphaIouBase,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for AlphaIouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for AlphaIouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let pair = Geometry::new(prediction, target);
        let alpha = self.config.alpha;
        let overlap = -power(pair.iou.clone(), alpha) + 1.0;
        match self.config.base {
            AlphaIouBase::Iou => overlap,
            AlphaIouBase::Giou => overlap + power(pair.gap(), alpha),
            AlphaIouBase::Diou => overlap + power(pair.offset(), alpha),
            AlphaIouBase::Ciou => {
                let aspect = aspect_term(&pair, false, FactorGradient::Detached);
                overlap + power(pair.offset(), alpha) + power(aspect, alpha)
            }
        }
    }
}
