//! Peak signal-to-noise ratio.

use super::{ImageLoss, Images, Pictures};
use crate::engine::pointwise::of_formula;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// A larger error, in units, counts as this one: no square of it overflows.
const LARGEST: f64 = 1e15;

/// The negative of the peak signal-to-noise ratio, in decibels.
///
/// # Formula
/// ```text
/// -10 log10(range^2 / max(mse, floor))
/// ```
/// with the mean squared error of an image, over its pixels and channels.
///
/// # When to use
/// To report the metric that papers on image restoration report, and as a loss whose gradient is balanced across images. With
/// [`MseLoss`](crate::regression::MseLoss) the worst image dominates the gradient. Here the gradient of each image is divided by its mean
/// squared error.
///
/// # Numerics
/// Half precision is computed in f32. Where the error is below the floor, the value is bounded and the gradient is 0. Errors are
/// computed in units of the range. The unit is at least 1e-3, and at most 1e18 times the square root of the floor or 1e3, whichever is larger:
/// so squares and floor stay within f32 for every range. An error beyond 1e15 units has no gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{image::PsnrLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = PsnrLossConfig::new().with_range(255.0).init(&device);
/// let black = Tensor::<4>::zeros([1, 3, 4, 4], &device);
/// let value = loss.forward(black.clone() + 25.5, black);
/// assert!((value.into_scalar::<f32>() + 20.0).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.psnr_loss`: one ratio of the whole batch, without a floor; the reference values agree with it. `max_val` is
///   `range`.
/// - `skimage.metrics.peak_signal_noise_ratio`: the ratio itself, which is infinite for equal images.
#[loss(image, "psnr", "Negative peak signal-to-noise ratio in decibels: the logarithm of the error of each image")]
pub struct PsnrLoss {
    config: PsnrLossConfig,
}

/// Config of [`PsnrLoss`].
#[loss_config]
pub struct PsnrLossConfig {
    /// The largest minus the smallest number that a pixel may have: 1, or 255 for bytes.
    #[field(default = 1.0, range = "> 0")]
    pub range: f64,
    /// The least mean squared error.
    #[field(default = 1e-12, range = ">= 1e-30")]
    pub floor: f64,
}

impl ImageLoss for PsnrLoss {}

impl PsnrLoss {
    /// What errors are divided by: the range, or a number whose squares are representable.
    fn divisor(&self) -> f64 {
        let PsnrLossConfig { range, floor, .. } = self.config;
        range.max(1e-3).min((1e18 * floor.sqrt()).max(1e3))
    }
}

/// The squared error of a pixel, in units.
impl Formula for PsnrLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let error = (prediction - target).abs() * (1.0 / self.divisor());
        let largest = error.lit(LARGEST);
        error.minimum(largest).square()
    }
}

impl Images for PsnrLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let PsnrLossConfig { range, floor, .. } = self.config;
        let unit = self.divisor();
        let squares = of_formula(self, predictions.pixels.clone(), targets.pixels);
        let squares = predictions.mean_of_images(Pictures::mean_of_channels(squares));
        let floor = squares.lit(floor / (unit * unit));
        let decibels = Real::ln(squares.maximum(floor)) * (10.0 / core::f64::consts::LN_10);
        if unit == range { decibels } else { decibels + 20.0 * (unit.log10() - range.log10()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn equal_images_are_bounded_and_have_no_gradient() {
        let device = Device::flex().autodiff();
        let image = Tensor::<4>::full([1, 1, 2, 2], 0.3, &device).require_grad();
        let value = PsnrLossConfig::new().init(&device).forward(image.clone(), image.clone().detach());
        let gradient = image.grad(&value.backward()).expect("a gradient").into_data();
        assert!((value.into_scalar::<f32>() + 120.0).abs() < 1e-4);
        assert!(gradient.iter::<f32>().all(|slope| slope == 0.0));
    }
}
