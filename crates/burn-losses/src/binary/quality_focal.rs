//! Quality focal loss.

use super::{BinaryLoss, FactorGradient, Positives, cross_entropies};
use crate::formula::safe::{LEAST_MISS, power};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Quality focal loss (Li et al. 2020, [arXiv 2006.04388](https://arxiv.org/abs/2006.04388)): a focal loss whose targets are
/// qualities, as the overlap of a predicted box with its object is.
///
/// # Formula
/// ```text
/// |y - p|^beta (y softplus(-x) + (1 - y) softplus(x)),  p = sigmoid(x)
/// ```
/// y is 0 for background, and the quality in (0, 1] for an object. For hard labels it is [`FocalLoss`](super::FocalLoss) without
/// alpha.
///
/// With `reduction = "positives"` every target above 0 is positive.
///
/// # When to use
/// For dense detection where one score says both the class and how well the box fits (GFL, with
/// [`DistributionFocalLoss`](crate::boxes::DistributionFocalLoss) for the boxes). Take [`VarifocalLoss`](super::VarifocalLoss)
/// if objects should not be down-weighted, and `FocalLoss` for hard labels.
///
/// # Numerics
/// Value and gradient are finite for every finite logit and every beta. Where p = y both are 0, also for a beta below 1, where
/// the true slope is infinite. For hard labels |y - p| has all its digits; below 1e-30 it counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{Reduction, binary::QualityFocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = QualityFocalLossConfig::new().with_reduction(Reduction::Positives).init(&device);
/// // An object whose box has the quality 0.4, where the score says 0.5; and background.
/// let logits = Tensor::<1>::from_floats([0.0, 0.0], &device);
/// let value = loss.forward(logits, Tensor::from_floats([0.4, 0.0], &device));
/// assert!((value.into_scalar::<f32>() - (0.01 + 0.25) * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.QualityFocalLoss`: the same, from a class and a quality per anchor; its detectors divide the sum by the
///   number of positives.
#[loss(binary, "quality_focal", "Focal loss with qualities as targets: detection whose scores rank the boxes")]
pub struct QualityFocalLoss {
    config: QualityFocalLossConfig,
}

/// Config of [`QualityFocalLoss`].
#[loss_config]
pub struct QualityFocalLossConfig {
    /// How strongly scores near their quality are down-weighted; 0 is cross-entropy.
    #[field(default = 2.0, range = ">= 0")]
    pub beta: f64,
    /// Whether the gradient flows through the factor with beta.
    #[field(default = FactorGradient::Full)]
    pub factor_gradient: FactorGradient,
}

impl BinaryLoss for QualityFocalLoss {
    fn positives(&self) -> Positives {
        Positives::Above(0.0)
    }
}

impl Formula for QualityFocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let [softpluses, [p, not_p]] = logit.softpluses_and_sigmoids();
        // y - p, without subtracting anything for hard labels.
        let distance = target.clone() * not_p - (-target.clone() + 1.0) * p;
        let factor = self.config.factor_gradient.apply(power(distance.abs(), self.config.beta, LEAST_MISS));
        let (positive, negative) = cross_entropies(softpluses, target);
        factor.weigh(positive + negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reduction;
    use crate::binary::FocalLossConfig;
    use crate::config::Alpha;
    use crate::formula::Dual;
    use burn::tensor::{Device, Tensor};

    fn at(loss: &impl Formula, x: f64, y: f64) -> [f64; 2] {
        let y = loss.eval(Dual::<f64, 1>::variable(x, 0), Dual::constant(y));
        [y.value, y.slope[0]]
    }

    /// No 0/0 where the score is the quality, for any beta.
    #[test]
    fn a_score_that_is_its_quality_has_no_slope() {
        for beta in [0.1, 0.5, 1.0, 2.0] {
            let loss = QualityFocalLossConfig::new().with_beta(beta).init(&Device::flex());
            assert_eq!(at(&loss, 0.0, 0.5), [0.0, 0.0], "{beta}");
        }
    }

    #[test]
    fn for_hard_labels_it_is_focal() {
        let loss = QualityFocalLossConfig::new().with_beta(1.5).init(&Device::flex());
        let focal = FocalLossConfig::new().with_gamma(1.5).with_alpha(Alpha::None).init(&Device::flex());
        for x in [-60.0, -2.0, 0.0, 0.5, 3.0, 60.0] {
            for y in [0.0, 1.0] {
                let (got, expected) = (at(&loss, x, y), at(&focal, x, y));
                assert!((0..2).all(|i| (got[i] - expected[i]).abs() <= 1e-12 * expected[i].abs()), "{x} {y}");
            }
        }
    }

    /// A quality of 0.3 is an object, also where nothing is above one half.
    #[test]
    fn every_quality_above_zero_is_positive() {
        let device = Device::flex();
        let config = QualityFocalLossConfig::new().with_beta(0.0);
        let value = |reduction| {
            let logits = Tensor::<1>::zeros([4], &device);
            let targets = Tensor::from_floats([0.3, 0.0, 0.2, 0.0], &device);
            config.clone().with_reduction(reduction).init(&device).forward(logits, targets).into_scalar::<f32>()
        };
        assert_eq!(value(Reduction::Positives), value(Reduction::Sum) / 2.0);
    }
}
