//! The structural similarity of two images in every window.

use super::{Covariance, Padding, Pictures, Sigma, SimilarityOptions};
use crate::engine::machine::reads_for_free;
use crate::engine::outlined;
use crate::engine::pointwise::of_formula;
use crate::engine::primitives::halve::halve;
use crate::engine::primitives::windows::{WindowFormula, Windows, mean_values};
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;

/// The largest size of a pixel, in units of the range. Larger ones are clamped to it, so that their squares do not overflow. A window
/// with such a pixel has the similarity 0.
const LARGEST: f64 = 1e15;

/// Two images that are compared, in units of the range. Their difference is taken once, where it still has all its digits.
#[derive(Clone)]
pub(super) struct Compared {
    target: Pictures,
    /// The prediction minus the target.
    difference: Pictures,
}

impl Compared {
    /// The images with half the sides; every pixel is the mean of two along each axis.
    pub(super) fn halved(self) -> Self {
        Self { target: halved(self.target), difference: halved(self.difference) }
    }
}

/// A pixel in units of the range: times this factor. The second pixel is not used.
#[derive(Debug, Clone)]
struct InUnits(f64);

impl Formula for InUnits {
    #[inline(always)]
    fn eval<R: Real>(&self, pixel: R, _: R) -> R {
        let pixel = pixel * self.0;
        let (low, high) = (pixel.lit(-LARGEST), pixel.lit(LARGEST));
        pixel.maximum(low).minimum(high)
    }
}

/// The difference of two pixels in units of the range.
#[derive(Debug, Clone)]
struct Difference(InUnits);

impl Formula for Difference {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        self.0.eval(prediction - target.clone(), target)
    }
}

/// 1 minus the similarity in a window, from the difference of the prediction and the target, and the target.
#[derive(Debug, Clone)]
struct Missing {
    /// The constants of the luminance and of the contrast.
    constants: [f64; 2],
    /// The factor of variances.
    factor: f64,
    /// Whether the luminance is left out: 1 minus the contrast and structure.
    is_structure: bool,
}

impl WindowFormula for Missing {
    #[inline(always)]
    fn maps<R: Real>(&self, difference: R, target: R) -> [R; 3] {
        let prediction = target.clone() + difference.clone();
        [difference.clone(), prediction.square() + target.square(), difference.square()]
    }

    /// What two windows differ in: the luminance, 1 - (2 m m' + C1) / (m^2 + m'^2 + C1) = (m - m')^2 / (m^2 + m'^2 + C1), and
    /// likewise the structure, where v + v' - 2 c is the variance of the difference. 1 - (1 - l)(1 - s) is computed such that it
    /// keeps its digits where both are small.
    #[inline(always)]
    fn eval<R: Real>(&self, [difference, squares, of_difference]: [R; 3], target: R, middle: R) -> R {
        let prediction = target.clone() + difference.clone();
        // Rounding may leave a variance below 0.
        let variance = (squares - prediction.square() - target.clone().square()).relu() * self.factor;
        let of_difference = (of_difference - difference.clone().square()).relu() * self.factor;
        let structure = of_difference / (variance + self.constants[1]);
        if self.is_structure {
            return structure;
        }
        let target = target + middle;
        let prediction = target.clone() + difference.clone();
        let luminance = difference.square() / (prediction.square() + target.square() + self.constants[0]);
        let both = luminance.clone() * structure.clone();
        luminance + structure - both
    }
}

impl SimilarityOptions {
    /// The weights of a window along one axis.
    fn weights(&self) -> Vec<f64> {
        let middle = (self.window / 2) as f64;
        let weight = |at: usize| match self.sigma {
            Sigma::Uniform => 1.0,
            Sigma::Number(sigma) => (-0.5 * ((at as f64 - middle) / sigma).powi(2)).exp(),
        };
        let weights: Vec<f64> = (0..self.window).map(weight).collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / total).collect()
    }

    /// Two images in units of the range.
    pub(super) fn compared(&self, predictions: Pictures, targets: Pictures) -> Compared {
        let in_units = InUnits(1.0 / self.range);
        let difference = each(&Difference(in_units.clone()), predictions.pixels, targets.pixels.clone());
        let target = each(&in_units, targets.pixels.clone(), targets.pixels);
        Compared {
            difference: Pictures { pixels: difference, sides: predictions.sides, ..predictions },
            target: Pictures { pixels: target, sides: targets.sides, ..targets },
        }
    }

    /// The mean of a formula over the windows of each channel: `[N C]`.
    fn mean(&self, Compared { target, difference }: &Compared, is_structure: bool) -> Tensor<1> {
        let factor = match self.covariance {
            Covariance::Biased => 1.0,
            Covariance::Unbiased => {
                let count = self.window.pow(target.sides.len() as u32) as f64;
                count / (count - 1.0)
            }
        };
        let constants = [self.k1 * self.k1, self.k2 * self.k2];
        let weights = self.weights();
        let is_reflected = self.padding == Padding::Same;
        let windows = Windows { sides: &target.sides, weights: &weights, is_reflected };
        // The prediction may be anything, the target is an image: so it is the target that is centered.
        mean_values(&Missing { constants, factor, is_structure }, &difference.pixels, &target.pixels, windows)
    }

    /// 1 minus the similarity of each channel, the mean over its windows: `[N C]`.
    pub(super) fn missing(&self, images: &Compared) -> Tensor<1> {
        self.mean(images, false)
    }

    /// The loss of each image, from what its channels miss: `[N]`, in the type of the images. The digits of a similarity near 0 are the
    /// last ones of what is missing, so it is only rounded here.
    pub(super) fn value(&self, images: &Pictures, missing: Tensor<1>) -> Tensor<1> {
        self.form.value(images.mean_of_images(missing)).cast(images.pixels.dtype())
    }

    /// 1 minus the contrast and structure of each channel, the mean over its windows: `[N C]`.
    pub(super) fn missing_structure(&self, images: &Compared) -> Tensor<1> {
        self.mean(images, true)
    }
}

/// The values of a formula, by a kernel where the values of windows have one too.
fn each(formula: &impl Formula, first: Tensor<2>, second: Tensor<2>) -> Tensor<2> {
    if reads_for_free(&first) { of_formula(formula, first, second) } else { outlined::eval(formula, first, second) }
}

/// The images with half the sides; every pixel is the mean of two along each axis.
fn halved(mut images: Pictures) -> Pictures {
    for axis in 0..images.sides.len() {
        let means = halve(images.along(axis));
        images = images.with_pixels_along(axis, means);
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_window_is_a_gaussian_or_uniform() {
        let mut options = SimilarityOptions { window: 3, ..SimilarityOptions::default() };
        let e = (-0.5f64 / 2.25).exp();
        let expected = [e, 1.0, e].map(|weight| weight / (1.0 + 2.0 * e));
        options.weights().iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-15));
        options.sigma = Sigma::Uniform;
        assert_eq!(options.weights(), [1.0 / 3.0; 3]);
    }

    #[test]
    fn odd_sides_lose_their_last_row() {
        let pixels = Tensor::<2>::from_floats([[1.0, 3.0, 9.0, 5.0, 7.0, 9.0, 9.0, 9.0, 9.0]], &Device::flex());
        let halved = halved(Pictures { pixels, channels: 1, sides: vec![3, 3] });
        assert_eq!(halved.sides, [1, 1]);
        assert_eq!(halved.pixels.into_scalar::<f32>(), 4.0);
    }
}
