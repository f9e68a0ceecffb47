//! TODO: its name.

use super::{RegionOptions, SegmentationLoss, Smooth};
use crate::formula::{Overlap, OverlapFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `1 - (sum(p t) + smooth) / (sum t + smooth)` for each sample and class. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, TemplateLossConfig}};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_activation(Activation::None).with_smooth(0.0).init(&device);
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 1.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 0.0, 1.0]]], &device),
/// );
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(segmentation, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// The options that the losses of this family share.
    #[field(flatten)]
    pub regions: RegionOptions,
}

impl SegmentationLoss for TemplateLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

impl OverlapFormula for TemplateLoss {
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
        self.config.smooth.miss(overlap.both, overlap.target)
    }
}
