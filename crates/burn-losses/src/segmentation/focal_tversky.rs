//! Focal Tversky loss.

use super::tversky::{check_weights, miss};
use super::{RegionOptions, SegmentationLoss, Smooth};
use crate::error::ConfigError;
use crate::formula::{Overlap, OverlapFormula, Real, safe::power};
use burn_losses_derive::{loss, loss_config};

/// Focal Tversky loss (Abraham and Khan 2018, [arXiv 1810.07842](https://arxiv.org/abs/1810.07842)).
///
/// # Formula
/// `(1 - TI)^(1/gamma)`, TI the Tversky index of [`TverskyLoss`](super::TverskyLoss). The paper has gamma in [1, 3].
///
/// # When to use
/// For small structures with class imbalance, such as lesions. With gamma above 1, the paper's choice, a region that nearly fits
/// keeps a large gradient; with gamma below 1 the hard regions count most. [`TverskyLoss`](super::TverskyLoss) is gamma = 1 and
/// the one to begin with.
///
/// # Numerics
/// 1 - TI below 1e-12 counts as 0 and has no gradient, since the slope at 0 is infinite for gamma > 1.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, FocalTverskyLossConfig}};
///
/// let device = Device::flex();
/// let config = FocalTverskyLossConfig::new().with_gamma(2.0).with_smooth(0.0);
/// let loss = config.with_activation(Activation::None).init(&device);
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 1.0]]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 0.5f32.sqrt()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `ivadomed.losses.FocalTverskyLoss`: the power is 1/gamma as here, over the batch (`over = "batch"`). Its `alpha` = 0.7 is
///   `fp_weight`, its `beta` = 0.3 is `fn_weight`.
/// - `segmentation_models_pytorch.losses.TverskyLoss`: its power is `gamma`, not 1/gamma, and is applied to the mean over the
///   classes.
#[loss(segmentation, "focal_tversky", "Power of the Tversky loss, for small regions")]
pub struct FocalTverskyLoss {
    config: FocalTverskyLossConfig,
}

/// Config of [`FocalTverskyLoss`].
#[loss_config(check = check)]
pub struct FocalTverskyLossConfig {
    /// The weight of false positives (the paper's beta).
    #[field(default = 0.3, range = ">= 0")]
    pub fp_weight: f64,
    /// The weight of false negatives (the paper's alpha).
    #[field(default = 0.7, range = ">= 0")]
    pub fn_weight: f64,
    /// The power is 1/gamma. A gamma above 1 raises the values of regions that nearly fit, a gamma below 1 lowers them.
    #[field(default = 4.0 / 3.0, range = ">= 0.01")]
    pub gamma: f64,
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// The options that the losses of this family share.
    #[field(flatten)]
    pub regions: RegionOptions,
}

fn check(config: &FocalTverskyLossConfig) -> Result<(), ConfigError> {
    check_weights("focal_tversky", config.regions.denominator, config.fp_weight, config.fn_weight)
}

impl SegmentationLoss for FocalTverskyLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

impl OverlapFormula for FocalTverskyLoss {
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
        let config = &self.config;
        let miss = miss(overlap, config.fp_weight, config.fn_weight, config.smooth);
        power(miss, 1.0 / config.gamma, 1e-12)
    }
}
