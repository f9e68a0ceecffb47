//! Asymmetric focal Tversky loss.

use super::tversky::miss;
use super::{RegionOptions, SegmentationLoss, Smooth};
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::formula::safe::power;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Asymmetric focal Tversky loss of the Unified Focal loss (Yeung et al. 2022,
/// [arXiv 2102.04525](https://arxiv.org/abs/2102.04525)).
///
/// # Formula
/// ```text
/// 1 - TI                   the first class, which is the background
/// (1 - TI)^(1 - gamma)     every other class, which is a rare one
/// ```
/// for each sample and class, with the Tversky index TI of [`TverskyLoss`](super::TverskyLoss) with the weights 1 - delta of false
/// positives and delta of false negatives. If there is only one class, it counts as rare.
///
/// # When to use
/// For rare structures next to a large background: a region of a rare class that nearly fits keeps a large gradient, and the
/// background does not. The first class has to be the background, usually with `activation = "softmax"`. To treat all classes
/// alike, take [`FocalTverskyLoss`](super::FocalTverskyLoss). In a weighted sum with
/// [`AsymmetricFocalLoss`](super::AsymmetricFocalLoss), with the weight 0.5 each, it is the Unified Focal loss.
///
/// # Numerics
/// 1 - TI of a rare class below 1e-12 counts as 0 and has no gradient, since the slope at 0 is infinite for gamma > 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, AsymmetricFocalTverskyLossConfig}};
///
/// let device = Device::flex();
/// let config = AsymmetricFocalTverskyLossConfig::new().with_gamma(0.5).with_smooth(0.0);
/// let loss = config.with_activation(Activation::None).init(&device);
/// // Of the rare class one of two pixels is found, and nothing else.
/// let values = loss.forward_no_reduction(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[0] - (1.0 - 1.0 / 1.3)).abs() < 1e-6);
/// assert!((values[1] - (1.0 - 1.0 / 1.7f32).sqrt()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.unified_focal_loss.AsymmetricFocalTverskyLoss`: for two classes alone, of probabilities (`activation = "none"`),
///   which it limits to [1e-7, 1 - 1e-7]; its `smooth` is 1e-7.
/// - `monai.losses.AsymmetricUnifiedFocalLoss`: for two classes alone, of probabilities: the weighted sum of this loss and of
///   `asymmetric_focal`, with a gamma of 0.5 in both.
///
/// The paper adds up the classes, as `reduction = "batch_mean"` does; the authors' code and MONAI take their mean.
#[loss(
    segmentation,
    "asymmetric_focal_tversky",
    "Tversky loss whose power raises the rare classes alone, for small regions next to a background"
)]
pub struct AsymmetricFocalTverskyLoss {
    config: AsymmetricFocalTverskyLossConfig,
}

/// Config of [`AsymmetricFocalTverskyLoss`].
#[loss_config]
pub struct AsymmetricFocalTverskyLossConfig {
    /// The weight of false negatives; false positives weigh 1 - delta.
    #[field(default = 0.7, range = "[0, 1]")]
    pub delta: f64,
    /// How much the values of rare classes that nearly fit are raised: the power is 1 - gamma. 0 is the Tversky loss.
    #[field(default = 0.75, range = "[0, 1)")]
    pub gamma: f64,
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// The options that the losses of this family share.
    #[field(flatten)]
    pub regions: RegionOptions,
}

impl Segmentation for AsymmetricFocalTverskyLoss {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let AsymmetricFocalTverskyLossConfig { delta, gamma, smooth, .. } = self.config;
        let miss = miss(regions::sums(regions, &pixels), 1.0 - delta, delta, smooth);
        let classes = miss.dims()[1];
        let raised = power(miss.clone(), 1.0 - gamma, 1e-12);
        match classes {
            1 => raised,
            _ => Tensor::cat(vec![miss.narrow(1, 0, 1), raised.narrow(1, 1, classes - 1)], 1),
        }
    }
}

impl SegmentationLoss for AsymmetricFocalTverskyLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::TverskyLossConfig;
    use burn::tensor::{Device, TensorData};

    /// Without gamma, both kinds of classes have the Tversky loss; with it, the background still has.
    #[test]
    fn the_background_has_the_tversky_loss() {
        let device = Device::flex();
        let tensor = |numbers: [f32; 6]| Tensor::<3>::from_data(TensorData::new(numbers.to_vec(), [1, 2, 3]), &device);
        let (logits, masks) = (tensor([0.5, -1.0, 2.0, 0.25, 1.0, -0.75]), tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]));
        let numbers = |values: Tensor<2>| values.into_data().iter::<f64>().collect::<Vec<_>>();
        let plain = TverskyLossConfig::new().with_fp_weight(0.25).with_fn_weight(0.75).init(&device);
        let plain = numbers(plain.forward_no_reduction(logits.clone(), masks.clone()));
        let of_gamma = |gamma: f64| {
            let config = AsymmetricFocalTverskyLossConfig::new().with_delta(0.75).with_gamma(gamma);
            numbers(config.init(&device).forward_no_reduction(logits.clone(), masks.clone()))
        };
        assert_eq!(of_gamma(0.0), plain);
        let raised = of_gamma(0.5);
        assert_eq!(raised[0], plain[0]);
        assert!((raised[1] - plain[1].sqrt()).abs() < 1e-6);
    }
}
