//! Multi-scale structural similarity.

use super::{ImageLoss, Images, LevelWeights, Pictures, SimilarityOptions};
use crate::error::ConfigError;
use crate::formula::Real;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// A similarity below this counts as 0.
const LEAST: f64 = 1e-6;

/// Multi-scale structural similarity (Wang et al. 2003,
/// [doi 10.1109/ACSSC.2003.1292216](https://doi.org/10.1109/ACSSC.2003.1292216); as a loss Zhao et al. 2015,
/// [arXiv 1511.08861](https://arxiv.org/abs/1511.08861)).
///
/// # Formula
/// ```text
/// 1 - prod_(j < M) max(cs_j, 0)^(w_j)  max(ssim_M, 0)^(w_M)
/// ```
/// over M scales with the `weights` w. Each scale has half the resolution of the one before: 2 x 2 pixels become their mean. cs_j is the
/// similarity in contrast and structure, (2 c + C2) / (v + v' + C2), averaged over the windows of scale j. ssim_M is the whole similarity,
/// averaged over the windows of the last scale: see [`SsimLoss`](super::SsimLoss). The value of an image is the mean over its channels.
///
/// # When to use
/// For the restoration and the compression of large images: the fine scales measure texture, and the coarse scales measure shapes. Zhao
/// et al. add an absolute error to this loss. For small images, take [`SsimLoss`](super::SsimLoss): a window has to fit into the coarsest
/// scale, so with the defaults each side needs at least 176 pixels.
///
/// # Numerics
/// The product is computed as the exponential of a sum of ln(1 - e), where e is 1 minus the similarity at a scale. So it is accurate for
/// images that are nearly the same, too. A similarity below 1e-6 counts as 0, since a power of a negative number is NaN: the value is then 1
/// and has no gradient. If a side is odd, its last row or column does not enter the next scale. The rest is as in
/// [`SsimLoss`](super::SsimLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{image::MsSsimLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = MsSsimLossConfig::new().with_window(3).with_weights([0.4, 0.6]).init(&device);
/// let black = Tensor::<4>::zeros([1, 1, 8, 8], &device);
/// // White against black: both are flat, so only the luminance differs, and it counts at the last scale alone.
/// let value = loss.forward(black.ones_like(), black);
/// assert!((value.into_scalar::<f32>() - (1.0 - (1e-4f32 / 1.0001).powf(0.6))).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `piq.MultiScaleSSIMLoss`: it pads odd sides before it halves them, and divides weights that are given by their sum.
/// - `torchmetrics.image.MultiScaleStructuralSimilarityIndexMeasure`: the similarity itself; it pads by reflection, and then leaves
///   out the border.
/// - `pytorch_msssim.MS_SSIM`: the similarity itself; it pads odd sides before it halves them.
/// - `kornia.losses.MS_SSIMLoss`: another loss, 0.025 of a multi-scale similarity and 0.975 of an absolute error, times 200.
/// - `tf.image.ssim_multiscale`: the similarity itself.
#[loss(image, "ms_ssim", "Structural similarity of images at several scales")]
pub struct MsSsimLoss {
    config: MsSsimLossConfig,
}

/// Config of [`MsSsimLoss`].
#[loss_config(check = check)]
pub struct MsSsimLossConfig {
    /// The exponents, one per scale, from the finest to the coarsest. They are not normalized.
    #[field(default = LevelWeights(vec![0.0448, 0.2856, 0.3001, 0.2363, 0.1333]), range = ">= 0")]
    pub weights: LevelWeights,
    /// The options that the structural similarities share.
    #[field(flatten)]
    pub similarity: SimilarityOptions,
}

fn check(config: &MsSsimLossConfig) -> Result<(), ConfigError> {
    config.similarity.check("ms_ssim")
}

impl ImageLoss for MsSsimLoss {}

impl Images for MsSsimLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let (options, weights) = (&self.config.similarity, &self.config.weights.0);
        let mut images = options.compared(predictions.clone(), targets);
        let mut missing = Vec::new();
        for _ in 1..weights.len() {
            missing.push(options.missing_structure(&images));
            images = images.halved();
        }
        missing.push(options.missing(&images));
        options.value(&predictions, missing_in_product(missing, weights))
    }

    fn least_side(&self) -> usize {
        // Halving leaves out the last row of odd sides.
        let halvings = self.config.weights.0.len() as u32 - 1;
        self.config.similarity.window.saturating_mul(2_usize.saturating_pow(halvings))
    }
}

/// 1 minus the product of the powers of 1 - e, where e is what is missing at a scale.
fn missing_in_product<R: Real>(missing: Vec<R>, weights: &[f64]) -> R {
    let zero = missing[0].lit(0.0);
    let (mut logarithm, mut left) = (zero.clone(), zero.lit(1.0));
    for (missing, weight) in missing.into_iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        let gone = missing.gt_lit(1.0 - LEAST);
        logarithm = logarithm + (-R::select(&gone, zero.clone(), missing)).log1p() * *weight;
        left = R::select(&gone, zero.clone(), left);
    }
    R::select(&left.gt_lit(0.5), -logarithm.exp_m1(), zero.lit(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Covariance, Padding, Sigma};
    use burn::tensor::{DType, Device, TensorData};

    #[test]
    fn a_product_of_powers() {
        let weights = [0.5, 2.0];
        let got = missing_in_product(vec![0.19, 0.5], &weights);
        assert!((got - (1.0 - 0.9 * 0.25)).abs() < 1e-15);
        // A negative similarity counts as 0.
        assert_eq!(missing_in_product(vec![1.3, 0.5], &weights), 1.0);
        // The exponent 0 leaves a scale out, whatever it is.
        assert!((missing_in_product(vec![1.3, 0.5], &[0.0, 1.0]) - 0.5).abs() < 1e-15);
    }

    /// The opposite of an image has a negative structure, of which no power is taken.
    #[test]
    fn negative_structure_is_finite() {
        let device = Device::flex().autodiff();
        let numbers: Vec<f32> = (0..256).map(|i| (i * 37 % 256) as f32 / 256.0).collect();
        let x = Tensor::<1>::from_floats(numbers.as_slice(), &device).reshape([1, 1, 16, 16]).require_grad();
        let loss = MsSsimLossConfig::new().with_window(3).with_weights(vec![0.4, 0.6]).init(&device);
        let value = loss.forward(x.clone(), -x.clone().detach() + 1.0);
        let gradient = x.grad(&value.backward()).expect("a gradient").into_data();
        assert_eq!(value.into_scalar::<f32>(), 1.0);
        assert!(gradient.iter::<f32>().all(|slope| slope == 0.0));
    }

    #[test]
    fn the_coarsest_scale_has_room_for_a_window() {
        let loss = MsSsimLossConfig::new().init(&Device::flex());
        assert_eq!(loss.least_side(), 176);
        let image = Tensor::<4>::zeros([1, 1, 176, 160], &Device::flex());
        let error = loss.check(&image, &image, &crate::Extras::new()).expect_err("a side of 160").to_string();
        assert!(error.contains("ms_ssim: `predictions` has shape") && error.contains("at least 176"), "{error}");
    }

    /// One scale, and several ones with odd sides; with every kind of window.
    #[test]
    fn the_kernels_give_what_tensor_operations_give() {
        let device = Device::flex().autodiff();
        let (uniform, gaussian) = (Sigma::Uniform, Sigma::Number(1.5));
        for (shape, window, weights) in [
            ([2, 3, 7, 11], 7, vec![1.0]),
            ([2, 1, 33, 45], 11, vec![0.4, 0.6]),
            ([1, 2, 31, 29], 3, vec![0.2, 0.3, 0.5]),
        ] {
            for (padding, covariance, sigma) in
                [(Padding::Valid, Covariance::Biased, &gaussian), (Padding::Same, Covariance::Unbiased, &uniform)]
            {
                let config = MsSsimLossConfig::new().with_window(window).with_weights(weights.clone()).with_range(2.0);
                let config = config.with_padding(padding).with_covariance(covariance).with_sigma(sigma.clone());
                let loss = config.init(&device);
                for (dtype, tolerance) in [(DType::F32, 2e-5), (DType::F64, 1e-13)] {
                    let image = |factor: usize| {
                        let count = shape.iter().product();
                        let numbers = (0..count).map(|i| (i * factor % 97) as f64 / 97.0 + 0.25).collect::<Vec<_>>();
                        Tensor::<4>::from_data(TensorData::new(numbers, shape), (&device, dtype))
                    };
                    // Similar images have a structure that is positive.
                    let predictions = (image(37) * 0.25 + image(53)).require_grad();
                    let run = || {
                        let values = loss.forward_no_reduction(predictions.clone(), image(53));
                        let gradient = predictions.grad(&values.clone().sum().backward()).expect("a gradient");
                        [values.into_data(), gradient.into_data()].map(|data| data.iter::<f64>().collect::<Vec<_>>())
                    };
                    let (fused, paths) = crate::watched(run);
                    assert!(paths.fused.contains(&"windows") && paths.tensor.is_empty(), "{paths:?}");
                    assert_eq!(fused, run(), "{config:?}: other bits");
                    for (fused, plain) in fused.iter().zip(crate::with_tensor_operations(run)) {
                        let most = plain.iter().fold(0.0, |most: f64, number| most.max(number.abs()));
                        let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * most;
                        assert!(fused.iter().zip(&plain).all(is_close), "{config:?} of {shape:?} in {dtype:?}");
                    }
                }
            }
        }
    }
}
