//! Structural similarity.

use super::{ImageLoss, Images, Pictures, SimilarityOptions};
use crate::error::ConfigError;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Structural similarity (Wang et al. 2004, [doi 10.1109/TIP.2003.819861](https://doi.org/10.1109/TIP.2003.819861)).
///
/// # Formula
/// ```text
/// 1 - mean over the windows of  (2 m m' + C1) (2 c + C2) / ((m^2 + m'^2 + C1) (v + v' + C2))
/// ```
/// with the means m and m', the variances v and v' and the covariance c of a window of the prediction and of the target,
/// C1 = (`k1` `range`)^2 and C2 = (`k2` `range`)^2. The pixels of a window have Gaussian weights. The value of an image is the mean
/// over its channels. With `form = "half"` it is half of that, in [0, 1].
///
/// # When to use
/// For image restoration, compression and view synthesis, where edges and texture matter more than the exact brightness. The similarity
/// is not sensitive to color, so it is often combined with [`CharbonnierLoss`](crate::regression::CharbonnierLoss). Take
/// [`MsSsimLoss`](super::MsSsimLoss) for large images that are viewed from several distances.
///
/// Set `range` to the range of the pixels: with the default, the constants are too small for bytes from 0 to 255, and the noise of
/// flat regions counts as structure.
///
/// # Numerics
/// The value is computed as a + b - a b, where a is the difference in luminance and b the difference in structure. So it is accurate
/// for images that are nearly the same, too. Half precision is computed in f32. Pixels are centered first, and a variance that rounding
/// makes negative is 0. Where both windows are flat, the gradient is that of the luminance. An error beyond 1e15 `range` has no
/// gradient, and its windows have the similarity 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{image::SsimLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SsimLossConfig::new().with_window(3).init(&device);
/// let black = Tensor::<4>::zeros([1, 1, 8, 8], &device);
/// assert_eq!(loss.forward(black.clone(), black.clone()).into_scalar::<f32>(), 0.0);
/// // White against black: the similarity is C1 / (1 + C1).
/// let value = loss.forward(black.ones_like(), black);
/// assert!((value.into_scalar::<f32>() - 1.0 / 1.0001).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `skimage.metrics.structural_similarity`: the similarity itself; the reference values agree with it, with `gaussian_weights`
///   and `data_range`. Its default is a uniform window of 7 with sample covariances: `sigma = "uniform"`, `window = 7`,
///   `covariance = "unbiased"`.
/// - `kornia.losses.ssim_loss`: with `form = "half"` and `padding = "same"`; it is a value per pixel and channel before its reduction.
/// - `monai.losses.SSIMLoss`: the same; `win_size` is `window`, `data_range` is `range`.
/// - `piq.SSIMLoss`: it halves large images first, unless `downsample=False`.
/// - `torchmetrics.image.StructuralSimilarityIndexMeasure`: it pads by reflection, and then leaves out the border.
/// - `tf.image.ssim`: the similarity itself.
#[loss(image, "ssim", "Structural similarity of images: means, contrast and structure in windows")]
pub struct SsimLoss {
    config: SsimLossConfig,
}

/// Config of [`SsimLoss`].
#[loss_config(check = check)]
pub struct SsimLossConfig {
    /// The options that the structural similarities share.
    #[field(flatten)]
    pub similarity: SimilarityOptions,
}

fn check(config: &SsimLossConfig) -> Result<(), ConfigError> {
    config.similarity.check("ssim")
}

impl ImageLoss for SsimLoss {}

impl Images for SsimLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let options = &self.config.similarity;
        let missing = options.missing(&options.compared(predictions.clone(), targets));
        options.value(&predictions, missing)
    }

    fn least_side(&self) -> usize {
        self.config.similarity.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Covariance, Padding};
    use burn::tensor::{Device, TensorData};

    fn value(config: SsimLossConfig, x: Tensor<4>, y: Tensor<4>) -> f64 {
        config.init(&Device::flex()).forward(x, y).into_scalar()
    }

    #[test]
    fn one_window_by_hand() {
        let image = |numbers: [f64; 9]| {
            Tensor::<4>::from_data(TensorData::new(numbers.to_vec(), [1, 1, 3, 3]), &Device::flex())
        };
        let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [1.0, 4.0, 9.0, 2.0, 3.0, 7.0, 8.0, 5.0, 6.0]);
        let config = SsimLossConfig::new().with_window(3).with_sigma(crate::image::Sigma::Uniform).with_range(9.0);
        let mean = |of: &dyn Fn(usize) -> f64| (0..9).map(of).sum::<f64>() / 9.0;
        let (mx, my) = (mean(&|i| x[i]), mean(&|i| y[i]));
        let (vx, vy) = (mean(&|i| (x[i] - mx).powi(2)), mean(&|i| (y[i] - my).powi(2)));
        let c = mean(&|i| (x[i] - mx) * (y[i] - my));
        let (c1, c2) = (0.0081, 0.0729);
        let expected = |factor: f64| {
            let structure = (2.0 * c * factor + c2) / ((vx + vy) * factor + c2);
            1.0 - (2.0 * mx * my + c1) / (mx * mx + my * my + c1) * structure
        };
        let biased = value(config.clone(), image(x), image(y));
        assert!((biased - expected(1.0)).abs() < 1e-6, "{biased}");
        let unbiased = value(config.with_covariance(Covariance::Unbiased), image(x), image(y));
        assert!((unbiased - expected(9.0 / 8.0)).abs() < 1e-6, "{unbiased}");
    }

    /// Variances as differences of squares are negative here: elsewhere the value is above 1, or NaN.
    #[test]
    fn bytes_that_are_nearly_constant() {
        let device = Device::flex().autodiff();
        let config = SsimLossConfig::new().with_window(3).with_range(255.0).with_padding(Padding::Same);
        let x = Tensor::<4>::full([1, 1, 6, 6], 253.7, &device).require_grad();
        let y = Tensor::<4>::full([1, 1, 6, 6], 249.1, &device);
        let value = config.init(&device).forward(x.clone(), y);
        let gradient = x.grad(&value.backward()).expect("a gradient").into_data();
        let (m, n, c1) = (253.7f64, 249.1, 6.5025);
        let expected = (m - n) * (m - n) / (m * m + n * n + c1);
        let got = value.into_scalar::<f64>();
        assert!((got / expected - 1.0).abs() < 1e-4, "{got} against {expected}");
        // The slope of the luminance survives.
        assert!(gradient.iter::<f64>().all(|slope| slope.is_finite() && slope > 0.0), "{gradient}");
    }

    #[test]
    fn nearly_the_same_images_keep_their_digits() {
        let device = Device::flex();
        let numbers: Vec<f64> = (0..64).map(|i| f64::from(i * 37 % 64) / 64.0).collect();
        let y = Tensor::<4>::from_data(TensorData::new(numbers, [1, 1, 8, 8]), &device);
        let config = SsimLossConfig::new().with_window(3);
        let by = |step: f64| value(config.clone(), y.clone() * (1.0 + step), y.clone());
        // The value is quadratic in the difference.
        let ratio = by(1e-2) / by(1e-4);
        assert!((ratio / 1e4 - 1.0).abs() < 0.05, "{ratio}");
    }

    #[test]
    fn a_window_is_not_larger_than_the_image() {
        let loss = SsimLossConfig::new().init(&Device::flex());
        let image = Tensor::<4>::zeros([2, 3, 64, 8], &Device::flex());
        let error = loss.check(&image, &image, &crate::Extras::new()).expect_err("a side of 8").to_string();
        let expected = "ssim: `predictions` has shape [2, 3, 64, 8], expected [N, C, H, W] or [N, C, D, H, W], with sides of \
                        at least 11";
        assert_eq!(error, expected);
        let error = SsimLossConfig::new().with_window(1).with_covariance(Covariance::Unbiased).validate();
        assert!(error.expect_err("one pixel").to_string().contains("covariance"));
        assert!(SsimLossConfig::new().with_window(4).validate().is_err());
    }
}
