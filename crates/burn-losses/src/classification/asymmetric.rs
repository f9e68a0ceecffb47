//! Asymmetric loss, multi-class.

use super::{ClassificationLoss, LabelSmoothing, SoftTargets};
use crate::engine::rows::{RowKernel, Rows};
use crate::formula::safe::{bounded, focus, weighted};
use crate::formula::{Real, RowFormula};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Asymmetric loss (Ben-Baruch et al. 2020, [arXiv 2009.14119](https://arxiv.org/abs/2009.14119)) of a softmax, for one label per
/// row.
///
/// # Formula
/// ```text
/// sum_c q_c w_c (-ln p_c),  p = softmax(x)
/// w_c = (1 - p_c)^gamma_positive   for the label
/// w_c = p_c^gamma_negative         for other classes
/// ```
/// with the smoothed target q. Without smoothing the label's class alone counts: it is then [`FocalLoss`](super::FocalLoss) with
/// gamma = `gamma_positive`.
///
/// Soft targets: w_c = t_c (1 - p_c)^gamma_positive + (1 - t_c) p_c^gamma_negative, with the target t before smoothing.
///
/// # When to use
/// For one of several classes with label smoothing that should not raise the probability of classes that are unlikely already. A larger
/// `gamma_negative` gives less weight to the share of such a class. Without label smoothing, take
/// [`CrossEntropyLoss`](super::CrossEntropyLoss) or `FocalLoss`. For several labels at once, take
/// [`AsymmetricLoss`](crate::binary::AsymmetricLoss) of the family `binary`.
///
/// # Numerics
/// Value and gradient are finite for all finite logits and all gammas. 1 - p is computed as a difference; below 1e-30 it counts as
/// 1e-30.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::AsymmetricLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = AsymmetricLossConfig::new().with_gamma_negative(1.0).with_label_smoothing(0.2).init(&device);
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// // The shares are 0.9 and 0.1, and the weights 1 and 0.5.
/// assert!((value.into_scalar::<f32>() - 0.95 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `timm.loss.AsymmetricLossSingleLabel`: the same; its `eps` of 0.1 is `label_smoothing`, and its gamma of positives is 1 by
///   default.
#[loss(classification, "asymmetric", "Softmax cross-entropy with a gamma for the label and one for other classes")]
pub struct AsymmetricLoss {
    config: AsymmetricLossConfig,
}

/// Config of [`AsymmetricLoss`].
#[loss_config]
pub struct AsymmetricLossConfig {
    /// How strongly unlikely other classes are down-weighted.
    #[field(default = 4.0, range = ">= 0")]
    pub gamma_negative: f64,
    /// How strongly easy rows are down-weighted.
    #[field(default = 0.0, range = ">= 0")]
    pub gamma_positive: f64,
    /// The share of each target that goes to other classes, and to which ones.
    #[field(default = LabelSmoothing::default())]
    pub label_smoothing: LabelSmoothing,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl ClassificationLoss for AsymmetricLoss {}

impl SoftTargets for AsymmetricLoss {}

/// The formula of a class, whose share is the one before smoothing: the weights depend on that.
#[derive(Debug, Clone)]
struct OfClass {
    gamma_negative: f64,
    gamma_positive: f64,
    /// A share q becomes `keep q + floor`.
    keep: f64,
    floor: f64,
}

impl OfClass {
    /// p^gamma (-ln p), which is 0 at p = 0 if there is a gamma.
    #[inline(always)]
    fn of_other<R: Real>(&self, log_p: R) -> R {
        if self.gamma_negative == 0.0 {
            return -log_p;
        }
        let scaled = bounded(log_p * self.gamma_negative);
        -(scaled.clone() * scaled.exp()) * (1.0 / self.gamma_negative)
    }
}

impl RowFormula for OfClass {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        let miss = -bounded(log_p.clone()).exp() + 1.0;
        let of_label = weighted(share.clone(), focus(miss, self.gamma_positive) * -log_p.clone());
        let of_other = weighted(-share.clone() + 1.0, self.of_other(log_p));
        weighted(share * self.keep + self.floor, of_label + of_other)
    }

    fn every_class_counts(&self) -> bool {
        self.floor > 0.0
    }
}

impl AsymmetricLoss {
    fn row(&self, classes: usize) -> OfClass {
        let AsymmetricLossConfig { gamma_negative, gamma_positive, label_smoothing, .. } = self.config;
        let (keep, floor) = label_smoothing.weights(classes);
        OfClass { gamma_negative, gamma_positive, keep, floor }
    }
}

impl Rows for AsymmetricLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        self.row(logits.dims()[1]).rows(logits, labels)
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        self.row(logits.dims()[1]).soft_rows(logits, probabilities)
    }

    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        self.row(classes).kernel(classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_probabilities(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::{CrossEntropyLossConfig, FocalLossConfig};
    use burn::tensor::Device;

    const LOGITS: [[f32; 3]; 4] = [[2.0, -1.0, 0.5], [0.1, 0.3, -0.2], [50.0, 1.0, -50.0], [1e4, 0.0, -1e4]];

    fn values(loss: &impl ClassificationLoss) -> Vec<f32> {
        let device = Device::flex();
        let labels = Tensor::<1, Int>::from_ints([0, 2, 1, 0], &device);
        loss.forward_no_reduction::<2, 1>(Tensor::from_floats(LOGITS, &device), labels).into_data().iter().collect()
    }

    #[test]
    fn without_smoothing_it_is_focal_and_by_default_cross_entropy() {
        let device = Device::flex();
        let config = AsymmetricLossConfig::new();
        assert_eq!(values(&config.clone().init(&device)), values(&CrossEntropyLossConfig::new().init(&device)));
        let focal = FocalLossConfig::new().with_gamma(1.5).init(&device);
        assert_eq!(values(&config.with_gamma_positive(1.5).init(&device)), values(&focal));
    }

    /// Without gammas the smoothing is that of cross-entropy; with a gamma a class of probability 0 has no part in it.
    #[test]
    fn smoothing_is_that_of_cross_entropy() {
        let device = Device::flex();
        let plain = AsymmetricLossConfig::new().with_gamma_negative(0.0).with_label_smoothing(0.3).init(&device);
        let expected = CrossEntropyLossConfig::new().with_label_smoothing(0.3).init(&device);
        for (got, expected) in values(&plain).into_iter().zip(values(&expected)) {
            assert!((got - expected).abs() <= 1e-5 * expected, "{got} {expected}");
        }
        for gamma in [0.01, 1.0, 4.0] {
            let loss = AsymmetricLossConfig::new().with_gamma_negative(gamma).with_label_smoothing(0.3).init(&device);
            assert!(values(&loss)[3] < 1e-30, "{gamma}");
        }
    }
}
