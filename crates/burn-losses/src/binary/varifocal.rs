//! Varifocal loss.

use super::{BinaryLoss, FactorGradient, Positives, cross_entropies};
use crate::formula::safe::focus;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Varifocal loss (Zhang et al. 2020, [arXiv 2008.13367](https://arxiv.org/abs/2008.13367)): a focal loss that down-weights
/// background only, with qualities as targets.
///
/// # Formula
/// ```text
/// y bce              where y > 0
/// alpha p^gamma bce  where y = 0
/// bce = y softplus(-x) + (1 - y) softplus(x),  p = sigmoid(x)
/// ```
/// The target y is 0 for background. For an object it is a quality in (0, 1], such as the IoU of its box. Without `weighted`, objects
/// have the factor 1 instead of y.
///
/// With `reduction = "positives"` every target above 0 is positive.
///
/// # When to use
/// For dense detection where one score says both the class and how well the box fits. Objects are few, so none of them is down-weighted,
/// and those with a good box have the largest weights. [`QualityFocalLoss`](super::QualityFocalLoss) down-weights easy objects, too.
/// Take [`FocalLoss`](super::FocalLoss) for hard labels.
///
/// # Numerics
/// Value and gradient are finite for every finite logit and every gamma. A p below 1e-30 counts as 1e-30 in the factor. The gradient
/// of the target ignores the step at y = 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::VarifocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = VarifocalLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.0, 0.0], &device),
///     Tensor::from_floats([0.8, 0.0], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[0] - 0.8 * 2f32.ln()).abs() < 1e-6);
/// assert!((values[1] - 0.75 * 0.25 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.VarifocalLoss`: the same; its `iou_weighted` is `weighted`.
/// - `ultralytics.utils.loss.VarifocalLoss`: the same formula with the quality and the class as two tensors; it sums the means over
///   axis 1.
#[loss(binary, "varifocal", "Focal loss on background alone, with qualities as targets: detection")]
pub struct VarifocalLoss {
    config: VarifocalLossConfig,
}

/// Config of [`VarifocalLoss`].
#[loss_config]
pub struct VarifocalLossConfig {
    /// The weight of background.
    #[field(default = 0.75, range = "[0, 1]")]
    pub alpha: f64,
    /// How strongly easy background is down-weighted.
    #[field(default = 2.0, range = ">= 0")]
    pub gamma: f64,
    /// Whether an object is weighted by its quality.
    #[field(default = true)]
    pub weighted: bool,
    /// Whether the gradient flows through the quality and the factor with gamma.
    #[field(default = FactorGradient::Full)]
    pub factor_gradient: FactorGradient,
}

impl BinaryLoss for VarifocalLoss {
    fn positives(&self) -> Positives {
        Positives::Above(0.0)
    }
}

impl Formula for VarifocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let VarifocalLossConfig { alpha, gamma, weighted, factor_gradient, .. } = self.config;
        let [softpluses, [p, _]] = logit.softpluses_and_sigmoids();
        let is_object = target.gt_lit(0.0);
        let of_object = if weighted { target.clone() } else { target.lit(1.0) };
        let factor = factor_gradient.apply(R::select(&is_object, of_object, focus(p, gamma) * alpha));
        let (positive, negative) = cross_entropies(softpluses, target);
        factor.weigh(positive + negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn bce(x: f64, y: f64) -> f64 {
        y * (-x).softplus() + (1.0 - y) * x.softplus()
    }

    /// Alpha is a weight of background alone: with gamma = 0 that is all.
    #[test]
    fn alpha_and_gamma_leave_objects_alone() {
        for weighted in [true, false] {
            let config = VarifocalLossConfig::new().with_alpha(0.3).with_gamma(0.0).with_weighted(weighted);
            let loss = config.init(&Device::flex());
            for x in [-3.0, 0.4, 2.0] {
                for y in [1e-3, 0.6, 1.0] {
                    let factor = if weighted { y } else { 1.0 };
                    assert!((loss.eval(x, y) - factor * bce(x, y)).abs() < 1e-12);
                }
                assert!((loss.eval(x, 0.0) - 0.3 * bce(x, 0.0)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_weight_of_zero_absorbs_an_infinite_value() {
        let loss = VarifocalLossConfig::new().with_alpha(0.0).init(&Device::flex());
        assert_eq!(loss.eval(f64::INFINITY, 0.0), 0.0);
    }
}
