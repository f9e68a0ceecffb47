//! TODO: its name.

use super::{ImageLoss, Images, Pictures};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale mean (x - t)^2` over the pixels and channels of an image. TODO: with the paper's symbols.
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
/// use burn_losses::{image::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(3.0).init(&device);
/// let black = Tensor::<4>::zeros([1, 1, 2, 2], &device);
/// assert_eq!(loss.forward(black.ones_like(), black).into_scalar::<f32>(), 3.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(image, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl ImageLoss for TemplateLoss {}

impl Images for TemplateLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let errors = predictions.pixels.clone() - targets.pixels;
        predictions.mean_of_images(Pictures::mean_of_channels(errors.clone() * errors)) * self.config.scale
    }
}
