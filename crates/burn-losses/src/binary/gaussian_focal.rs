//! Gaussian focal loss.

use super::{BinaryLoss, Positives};
use crate::formula::safe::{LEAST_MISS, focus, is_below, power};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Gaussian focal loss (Law and Deng 2018, [arXiv 1808.01244](https://arxiv.org/abs/1808.01244)): the focal loss of heat maps that
/// have a Gaussian around each center.
///
/// # Formula
/// ```text
/// -(1 - p)^alpha ln p                    where y >= positives_above
/// -(1 - y)^gamma p^alpha ln(1 - p)       elsewhere
/// p = sigmoid(x)
/// ```
///
/// # When to use
/// For detectors that find centers or corners in a heat map (CornerNet, CenterNet), with `reduction = "positives"`, which divides
/// by the number of centers. A pixel near a center counts less as background, by the factor (1 - y)^gamma. If rounding keeps the map
/// below 1 at the centers, lower `positives_above`. Take [`FocalLoss`](super::FocalLoss) for hard labels, and
/// [`MseLoss`](crate::regression::MseLoss) for heat maps that are to be regressed.
///
/// # Numerics
/// Value and gradient are finite for every finite logit. A probability below 1e-30 counts as 1e-30 in the factors. The gradient
/// of the target ignores the step at `positives_above`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{Reduction, binary::GaussianFocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = GaussianFocalLossConfig::new().with_reduction(Reduction::Positives).init(&device);
/// // A center between two neighbors.
/// let logits = Tensor::<1>::zeros([3], &device);
/// let value = loss.forward(logits, Tensor::from_floats([0.5, 1.0, 0.5], &device));
/// let expected = 0.25 * 2f32.ln() * (1.0 + 2.0 * 0.5f32.powi(4));
/// assert!((value.into_scalar::<f32>() - expected).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.GaussianFocalLoss`: it takes probabilities, to which it adds 1e-12, and a positive is a target of exactly
///   1; its detectors divide the sum by the number of centers.
#[loss(binary, "gaussian_focal", "Focal loss of heat maps with a Gaussian around each center")]
pub struct GaussianFocalLoss {
    config: GaussianFocalLossConfig,
}

/// Config of [`GaussianFocalLoss`].
#[loss_config]
pub struct GaussianFocalLossConfig {
    /// How strongly easy pixels are down-weighted.
    #[field(default = 2.0, range = ">= 0")]
    pub alpha: f64,
    /// How strongly pixels near a center are down-weighted.
    #[field(default = 4.0, range = ">= 0")]
    pub gamma: f64,
    /// A target of at least this is a center.
    #[field(default = 1.0, range = "(0, 1]")]
    pub positives_above: f64,
}

impl BinaryLoss for GaussianFocalLoss {
    fn positives(&self) -> Positives {
        Positives::From(self.config.positives_above)
    }
}

impl Formula for GaussianFocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let GaussianFocalLossConfig { alpha, gamma, positives_above, .. } = self.config;
        let is_background = is_below(&target, positives_above);
        // The logit of what is not true: its sigmoid is the probability, and its softplus the cross-entropy.
        let wrong = R::select(&is_background, logit.clone(), -logit);
        let [[value, _], [miss, _]] = wrong.softpluses_and_sigmoids();
        let near = power(-target.clone() + 1.0, gamma, LEAST_MISS);
        let factor = R::select(&is_background, near, target.lit(1.0));
        factor.weigh(focus(miss, alpha) * value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reduction;
    use burn::tensor::{Device, Tensor};

    /// A map that is drawn with rounding has no 1: its peak is a center by the field, in the value and in the divisor.
    #[test]
    fn a_peak_below_one_may_be_a_center() {
        let device = Device::flex();
        let value = |above: f64, reduction| {
            let config = GaussianFocalLossConfig::new().with_positives_above(above).with_reduction(reduction);
            let logits = Tensor::<1>::from_floats([0.3, -1.0, 0.5, -2.0], &device);
            let targets = Tensor::from_floats([0.7, 0.6, 0.7, 0.0], &device);
            f64::from(config.init(&device).forward(logits, targets).into_scalar::<f32>())
        };
        for reduction in [Reduction::Sum, Reduction::Positives] {
            let peak = |x: f64| (1.0 - x.sigmoid()).powi(2) * (-x).softplus();
            let rest = |x: f64, y: f64| (1.0 - y).powi(4) * x.sigmoid().powi(2) * x.softplus();
            let others = rest(-1.0, 0.6) + rest(-2.0, 0.0);
            let (centers, none) = (peak(0.3) + peak(0.5) + others, rest(0.3, 0.7) + rest(0.5, 0.7) + others);
            let count = if reduction == Reduction::Sum { 1.0 } else { 2.0 };
            assert!((value(0.7, reduction) - centers / count).abs() < 1e-6, "{reduction:?}");
            // Without a center the divisor is 1.
            assert!((value(1.0, reduction) - none).abs() < 1e-6, "{reduction:?}");
        }
    }
}
