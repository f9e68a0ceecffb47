//! Asymmetric focal loss of regions.

use super::{AbsentClasses, Activation, Background, RegionOptions, SegmentationLoss, SumOver};
use crate::engine::pointwise;
use crate::engine::primitives::softmax::log_softmax;
use crate::engine::regions::{Pixels, Segmentation, total};
use crate::formula::safe::{bounded, focus};
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Asymmetric focal loss of the Unified Focal loss (Yeung et al. 2022, [arXiv 2102.04525](https://arxiv.org/abs/2102.04525)).
///
/// # Formula
/// ```text
/// -(1 - delta) sum(t (1 - p)^gamma ln p) / n       the first class, which is the background
/// -delta sum(t ln p) / n                           every other class, which is a rare one
/// ```
/// for each sample and class, with n the number of pixels that count. A class alone is a rare one.
///
/// # When to use
/// For rare structures among many background pixels: easy background pixels lose weight, and the pixels of a rare class do not. The
/// first class has to be the background, usually with `activation = "softmax"`. Where all classes should be focused alike, take
/// [`FocalLoss`](crate::classification::FocalLoss). In a weighted sum with
/// [`AsymmetricFocalTverskyLoss`](super::AsymmetricFocalTverskyLoss), with the weight 0.5 each, it is the Unified Focal loss.
///
/// # Numerics
/// ln p is computed from the logit, and is finite for every finite logit. A probability that the model gives counts as at least
/// 1e-7. 1 - p has all its digits where p is near 1.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, AsymmetricFocalLossConfig}};
///
/// let device = Device::flex();
/// let loss = AsymmetricFocalLossConfig::new().with_activation(Activation::Softmax).init(&device);
/// // A pixel of the background and one of the rare class, both at p = 1/2.
/// let values = loss.forward_no_reduction(
///     Tensor::<3>::zeros([1, 2, 2], &device),
///     Tensor::from_floats([[[1.0, 0.0], [0.0, 1.0]]], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[0] - 0.3 * 0.25 * 2f32.ln() / 2.0).abs() < 1e-6);
/// assert!((values[1] - 0.7 * 2f32.ln() / 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.unified_focal_loss.AsymmetricFocalLoss`: for two classes alone, of probabilities (`activation = "none"`), which it
///   limits to [1e-7, 1 - 1e-7].
///
/// The paper and the authors' code add up the classes, as `reduction = "batch_mean"` does; MONAI takes their mean.
#[loss(
    segmentation,
    "asymmetric_focal",
    "Cross-entropy of regions that down-weights the easy pixels of the background alone"
)]
pub struct AsymmetricFocalLoss {
    config: AsymmetricFocalLossConfig,
}

/// Config of [`AsymmetricFocalLoss`].
#[loss_config]
pub struct AsymmetricFocalLossConfig {
    /// The weight of the rare classes; the background weighs 1 - delta.
    #[field(default = 0.7, range = "[0, 1]")]
    pub delta: f64,
    /// How strongly easy pixels of the background are down-weighted; 0 is cross-entropy.
    #[field(default = 2.0, range = ">= 0")]
    pub gamma: f64,
    /// How a logit becomes a probability.
    #[field(default = Activation::Sigmoid)]
    pub activation: Activation,
    /// Whether the mean runs over the pixels of each sample, or over those of the whole batch.
    #[field(default = SumOver::Sample)]
    pub over: SumOver,
    /// Whether the first class counts.
    #[field(default = Background::Included)]
    pub background: Background,
    /// How classes absent from the masks are handled; an absent class that counts has the value 0.
    #[field(default = AbsentClasses::Count)]
    pub absent_classes: AbsentClasses,
    /// The label of pixels that do not count, where masks are made from labels.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// The least probability that is taken from a model.
const LEAST: f64 = 1e-7;

/// The focused cross-entropy of a pixel, from its mask and its logit, probability or, after a softmax, ln p.
#[derive(Debug, Clone)]
struct FocusedEntropy {
    activation: Activation,
    gamma: f64,
}

impl Formula for FocusedEntropy {
    #[inline(always)]
    fn eval<R: Real>(&self, first: R, mask: R) -> R {
        let log_p = match self.activation {
            Activation::Sigmoid => -(-first).softplus(),
            Activation::Softmax => first,
            Activation::None => {
                let least = first.lit(LEAST);
                first.maximum(least).ln()
            }
        };
        let miss = -bounded(log_p.clone()).exp_m1();
        focus(miss, self.gamma) * mask.weigh(-log_p)
    }
}

impl Segmentation for AsymmetricFocalLoss {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let AsymmetricFocalLossConfig { delta, gamma, .. } = self.config;
        let (activation, masks) = (regions.activation, pixels.masks());
        let numbers = match activation {
            Activation::Softmax => log_softmax(pixels.logits()),
            Activation::Sigmoid | Activation::None => pixels.logits(),
        };
        let ones = numbers.ones_like().detach();
        let counted = match pixels.valid() {
            None => ones,
            Some(valid) => ones.mask_fill(valid.clone().bool_not(), 0.0),
        };
        let counts = total(counted, regions.over).clamp_min(1.0);
        let classes = numbers.dims()[1];
        let sums = |first: usize, count: usize, gamma: f64, weight: f64| {
            let [numbers, masks] = [&numbers, &masks].map(|numbers| numbers.clone().narrow(1, first, count));
            total(pointwise::of_formula(&FocusedEntropy { activation, gamma }, numbers, masks), regions.over) * weight
        };
        let sums = match classes {
            1 => sums(0, 1, 0.0, delta),
            _ => Tensor::cat(vec![sums(0, 1, gamma, 1.0 - delta), sums(1, classes - 1, 0.0, delta)], 1),
        };
        sums / counts
    }
}

impl SegmentationLoss for AsymmetricFocalLoss {
    fn regions(&self) -> RegionOptions {
        let AsymmetricFocalLossConfig { activation, over, background, absent_classes, ignore_index, .. } = self.config;
        RegionOptions { activation, over, background, absent_classes, ignore_index, ..RegionOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn a_class_alone_is_rare() {
        let device = Device::flex();
        let loss = AsymmetricFocalLossConfig::new().with_delta(0.75).init(&device);
        let value = loss.forward(Tensor::<3>::zeros([1, 1, 4], &device), Tensor::<3>::ones([1, 1, 4], &device));
        assert!((value.into_scalar::<f32>() - 0.75 * 2f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn the_slope_is_finite_at_saturated_probabilities() {
        for gamma in [0.0, 0.3, 1.0, 2.0, 5.0] {
            for (log_p, mask) in [(-0.0, 1.0), (-1e-30, 1.0), (-1e4, 1.0), (-1e30, 0.0), (-1e30, 0.5)] {
                let formula = FocusedEntropy { activation: Activation::Softmax, gamma };
                let got = formula.eval(Dual::<f64, 1>::variable(log_p, 0), Dual::constant(mask));
                assert!(got.value.is_finite() && got.slope[0].is_finite(), "{gamma} {log_p} {mask}");
            }
        }
    }
}
