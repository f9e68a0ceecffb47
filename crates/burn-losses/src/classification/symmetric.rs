//! Symmetric cross-entropy.

use super::{ClassificationLoss, SoftTargets};
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use burn_losses_derive::{loss, loss_config};

/// Symmetric cross-entropy (Wang et al. 2019, [arXiv 1908.06112](https://arxiv.org/abs/1908.06112)), for noisy labels.
///
/// # Formula
/// ```text
/// alpha sum_c q_c (-ln p_c) + beta sum_c p_c (-max(ln q_c, log_zero)),  p = softmax(x)
/// ```
/// with the target q, which is 1 for the label and 0 for other classes, or a row of probabilities. For a label it is
/// alpha (-ln p_y) + beta (-log_zero) (1 - p_y).
///
/// # When to use
/// Where some labels are wrong: the reverse term, in which prediction and target are swapped, is bounded, so noise hardly
/// changes it. The usual term keeps the training fast with a small alpha, and a larger `beta` tolerates more noise.
/// [`GeneralizedLoss`](super::GeneralizedLoss) has one parameter for the same purpose. With clean labels, take
/// [`CrossEntropyLoss`](super::CrossEntropyLoss).
///
/// # Numerics
/// Value and gradient are finite for all finite logits. A share of the target below 1e-37 counts as 0, whose logarithm is
/// `log_zero`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::SymmetricLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SymmetricLossConfig::new().init(&device);
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// assert!((value.into_scalar::<f32>() - (0.1 * 2f32.ln() + 4.0 * 0.5)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. The authors' code clips targets at 1e-4, which is `log_zero` = -9.21.
#[loss(classification, "symmetric", "Cross-entropy in both directions: noisy labels")]
pub struct SymmetricLoss {
    config: SymmetricLossConfig,
}

/// Config of [`SymmetricLoss`].
#[loss_config]
pub struct SymmetricLossConfig {
    /// The weight of the usual cross-entropy.
    #[field(default = 0.1, range = ">= 0")]
    pub alpha: f64,
    /// The weight of the reverse cross-entropy.
    #[field(default = 1.0, range = ">= 0")]
    pub beta: f64,
    /// The value of ln 0 in the reverse cross-entropy.
    #[field(default = -4.0, range = "< 0")]
    pub log_zero: f64,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// A share below this is 0.
const LEAST_SHARE: f64 = 1e-37;

impl ClassificationLoss for SymmetricLoss {}

impl SoftTargets for SymmetricLoss {}

impl RowFormula for SymmetricLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        let SymmetricLossConfig { alpha, beta, log_zero, .. } = self.config;
        let is_there = share.gt_lit(LEAST_SHARE);
        let (one, least) = (share.lit(1.0), share.lit(log_zero));
        let log_q = R::select(&is_there, share.clone(), one).ln().maximum(least.clone());
        let reverse = log_p.clone().exp() * R::select(&is_there, log_q, least) * -beta;
        let usual = weighted(share, -log_p);
        usual.lit(alpha).weigh(usual) + reverse
    }

    fn every_class_counts(&self) -> bool {
        true
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int, Tensor};

    /// With alpha = 0 a row that is surely wrong costs a constant; infinite logits do not change that.
    #[test]
    fn the_reverse_term_is_bounded() {
        let device = Device::flex();
        let loss = SymmetricLossConfig::new().with_alpha(0.0).with_log_zero(-7.0).init(&device);
        for x in [50.0, 1e4, f32::INFINITY] {
            let logits = Tensor::<2>::from_floats([[0.0, x], [x, 0.0]], &device);
            let values = loss.forward_no_reduction::<2, 1>(logits, Tensor::<1, Int>::from_ints([0, 0], &device));
            let values: Vec<f32> = values.into_data().iter().collect();
            assert!(values[0] == 7.0 && values[1] < 1e-20, "{x}: {values:?}");
        }
    }
}
