//! Focal loss, binary.

use super::{BinaryLoss, cross_entropies};
use crate::config::Alpha;
use crate::formula::safe::focus;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Focal loss (Lin et al. 2017, [arXiv 1708.02002](https://arxiv.org/abs/1708.02002)).
///
/// # Formula
/// ```text
/// alpha_t (1 - p_t)^gamma bce
/// p_t     = p y + (1 - p) (1 - y),  p = sigmoid(x)
/// alpha_t = alpha y + (1 - alpha) (1 - y)
/// bce     = y softplus(-x) + (1 - y) softplus(x),  which is -ln p_t for hard labels
/// ```
///
/// # When to use
/// For heavy class imbalance with very many easy negatives, as in dense detection (RetinaNet, with `reduction = "positives"`) and
/// in segmentation of small objects. Its probabilities are not calibrated: take [`BceLoss`](super::BceLoss) where that matters.
/// With noisy labels the wrong ones weigh most: [`GhmCLoss`](super::GhmCLoss) down-weights them. Where a target is the quality of a box,
/// take [`QualityFocalLoss`](super::QualityFocalLoss).
///
/// # Numerics
/// Value and gradient are finite for every finite logit and every gamma, also between 0 and 1, where the factor alone has an
/// infinite slope; gamma = 0 is [`BceLoss`](super::BceLoss) with alpha. 1 - p_t below 1e-30 counts as 1e-30.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{Reduction, binary::FocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // As in RetinaNet: summed over all anchors, divided by the number of positive ones.
/// let loss = FocalLossConfig::new().with_reduction(Reduction::Positives).init(&device);
/// let logits = Tensor::<1>::from_floats([2.0, -3.0, -4.0], &device);
/// let targets = Tensor::from_floats([1.0, 0.0, 0.0], &device);
/// let value = loss.forward(logits, targets);
/// assert!((value.into_scalar::<f32>() / 0.000_537_26 - 1.0).abs() < 1e-4);
/// ```
///
/// # Elsewhere
/// - `torchvision.ops.sigmoid_focal_loss`: the same.
/// - `fvcore.nn.sigmoid_focal_loss`: the same formula, but it has no alpha (-1) by default.
/// - `optax.losses.sigmoid_focal_loss`: the same formula, but it has no alpha by default; the reference values agree with it.
/// - `keras.losses.BinaryFocalCrossentropy`: alpha counts only with `apply_class_balancing`; it takes probabilities, or logits
///   with `from_logits`, and clips the probabilities at 1e-7.
/// - `kornia.losses.binary_focal_loss_with_logits`: the same for hard labels; for a soft label y it is y times the value for
///   label 1 plus 1 - y times the value for label 0.
/// - `monai.losses.FocalLoss`: the same for hard labels, but it has no alpha by default.
/// - `segmentation_models_pytorch.losses.FocalLoss`: in its modes `binary` and `multilabel` the same for hard labels, but it has
///   no alpha by default.
/// - `timm.loss.PolyBinaryCrossEntropy`: with epsilon = 0, gamma = 2 and alpha = 0.25 the same formula.
/// - `mmdet.models.losses.FocalLoss`: the same formula for class indices; its detectors divide the sum by the number of
///   positives.
/// - `ultralytics.utils.loss.FocalLoss`: its gamma is 1.5 by default, and it sums the means over axis 1.
///
/// Soft labels are the same in torchvision, too; its gradient is NaN at saturated logits when gamma < 1, and its alpha of -1 is
/// `alpha = "none"` here.
#[loss(binary, "focal", "Binary cross-entropy that down-weights easy examples, for heavy class imbalance")]
pub struct FocalLoss {
    config: FocalLossConfig,
}

/// Config of [`FocalLoss`].
#[loss_config]
pub struct FocalLossConfig {
    /// Focusing parameter: how strongly easy samples are down-weighted; 0 is cross-entropy.
    #[field(default = 2.0, range = ">= 0")]
    pub gamma: f64,
    /// The weight of positive targets; negative ones weigh 1 - alpha. `none`: both weigh 1. Counts of both classes give the alpha
    /// with which they contribute equally, by the scheme.
    #[field(default = Alpha::Number(0.25), range = "[0, 1]")]
    pub alpha: Alpha,
}

impl BinaryLoss for FocalLoss {}

impl Formula for FocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let other = -target.clone() + 1.0;
        // 1 - p_t, without subtracting anything from 1.
        let [softpluses, [p, not_p]] = logit.softpluses_and_sigmoids();
        let miss = target.clone() * not_p + other.clone() * p;
        let (positive, negative) = cross_entropies(softpluses, target.clone());
        let value = focus(miss, self.config.gamma) * (positive + negative);
        match self.config.alpha.number() {
            None => value,
            Some(alpha) => (target * alpha + other * (1.0 - alpha)).weigh(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn ratio(gamma: f64, p: f64) -> f64 {
        let loss = FocalLossConfig::new().with_gamma(gamma).with_alpha(Alpha::None).init(&Device::flex());
        let logit = (p / (1.0 - p)).ln();
        -p.ln() / loss.eval(logit, 1.0)
    }

    /// The numbers of the paper's section 3.2: how much less than cross-entropy an easy sample costs.
    #[test]
    fn the_papers_ratios() {
        assert!((ratio(2.0, 0.9) - 100.0).abs() < 1e-9);
        assert!((ratio(2.0, 0.968) - 976.5625).abs() < 1e-6);
        assert!((ratio(2.0, 0.5) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn t15_t16_the_gradient_is_finite_at_saturated_logits() {
        for gamma in [0.0, 0.3, 0.5, 1.0, 1.5, 2.0, 5.0] {
            let loss = FocalLossConfig::new().with_gamma(gamma).init(&Device::flex());
            for (x, y) in [(1e4, 1.0), (-1e4, 0.0), (1e4, 0.0), (-1e4, 1.0), (1e4, 0.3)] {
                let got = loss.eval(Dual::<f64, 1>::variable(x, 0), Dual::constant(y));
                assert!(got.value.is_finite() && got.slope[0].is_finite(), "{gamma} {x} {y}");
            }
        }
    }
}
