//! The structural similarity of two images in every window.

use super::{Covariance, Padding, Pictures, Sigma, SimilarityOptions};
use crate::engine::outlined::Outlined;
use crate::engine::primitives::windows::slide;
use crate::formula::Real;
use burn::tensor::Tensor;

/// A larger number, in units of the range, counts as this one: no square of it overflows, and windows that have it have no
/// similarity.
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

/// What two windows differ in: 1 minus the luminance, and 1 minus the contrast and structure.
pub(super) struct Differences<R> {
    luminance: R,
    pub(super) structure: R,
}

impl<R: Real> Differences<R> {
    /// 1 minus the similarity: 1 - (1 - l)(1 - s), which keeps its digits where both are small.
    #[inline(always)]
    fn total(self) -> R {
        let both = self.luminance.clone() * self.structure.clone();
        self.luminance + self.structure - both
    }
}

/// The moments of two windows, in units of the range.
struct Moments<R> {
    /// The mean of the target.
    target: R,
    /// The mean of the difference.
    difference: R,
    /// The variance of the one plus that of the other.
    variance: R,
    /// The variance of the difference.
    of_difference: R,
}

impl SimilarityOptions {
    /// The differences of two windows: l = 1 - (2 m m' + C1) / (m^2 + m'^2 + C1) = (m - m')^2 / (m^2 + m'^2 + C1), and likewise
    /// the structure, where v + v' - 2 c is the variance of the difference.
    #[inline(always)]
    fn differences<R: Real>(&self, moments: Moments<R>) -> Differences<R> {
        let Moments { target, difference, variance, of_difference } = moments;
        let prediction = target.clone() + difference.clone();
        let luminance = difference.square() / (prediction.square() + target.square() + self.k1 * self.k1);
        let structure = of_difference / (variance + self.k2 * self.k2);
        Differences { luminance, structure }
    }

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

    /// The weighted means in every window.
    fn means(&self, mut maps: Pictures, weights: &[f64]) -> Pictures {
        for axis in 0..maps.sides.len() {
            let mut pixels = maps.along(axis);
            if self.padding == Padding::Same {
                pixels = reflected(pixels, self.window / 2);
            }
            maps = maps.with_pixels_along(axis, slide(pixels, weights));
        }
        maps
    }

    /// Two images in units of the range.
    pub(super) fn compared(&self, predictions: Pictures, targets: Pictures) -> Compared {
        let unit = |images: Pictures| Pictures { pixels: bounded(images.pixels * (1.0 / self.range)), ..images };
        let difference = Pictures { pixels: predictions.pixels - targets.pixels.clone(), ..predictions };
        Compared { target: unit(targets), difference: unit(difference) }
    }

    /// The differences in every window.
    fn compare(&self, Compared { target, difference }: &Compared) -> (Differences<Outlined>, [usize; 2]) {
        let shape = target.pixels.dims();
        // Variances lose digits where pixels are far from zero, so zero is put in the middle of them. The prediction may be
        // anything, the target is an image.
        let middle = target.pixels.clone().detach().mean_dim(1);
        let y = target.pixels.clone() - middle.clone().expand(shape);
        let d = difference.pixels.clone();
        let x = y.clone() + d.clone();
        let squares = x.clone() * x + y.clone() * y.clone();
        let maps = Tensor::cat(vec![y, d.clone(), squares, d.clone() * d], 0);
        let maps = self.means(Pictures { pixels: maps, ..target.clone() }, &self.weights());
        let [_, pixels] = maps.pixels.dims();
        let map = |at: usize| Outlined::new(maps.pixels.clone().narrow(0, at * shape[0], shape[0]));
        let (y, d, squares, of_difference) = (map(0), map(1), map(2), map(3));
        let factor = match self.covariance {
            Covariance::Biased => 1.0,
            Covariance::Unbiased => {
                let count = self.window.pow(target.sides.len() as u32) as f64;
                count / (count - 1.0)
            }
        };
        // Rounding may leave a variance below 0.
        let x = y.clone() + d.clone();
        let variance = (squares - x.square() - y.clone().square()).relu() * factor;
        let of_difference = (of_difference - d.clone().square()).relu() * factor;
        let middle = Outlined::new(middle.expand([shape[0], pixels]));
        (self.differences(Moments { target: y + middle, difference: d, variance, of_difference }), [shape[0], pixels])
    }

    /// 1 minus the similarity of each channel, the mean over its windows: `[N C]`.
    pub(super) fn missing(&self, images: &Compared) -> Tensor<1> {
        let (differences, shape) = self.compare(images);
        Pictures::mean_of_channels(differences.total().0.reshape(shape))
    }

    /// 1 minus the contrast and structure of each channel, the mean over its windows: `[N C]`.
    pub(super) fn missing_structure(&self, images: &Compared) -> Tensor<1> {
        let (differences, shape) = self.compare(images);
        Pictures::mean_of_channels(differences.structure.0.reshape(shape))
    }
}

fn bounded(pixels: Tensor<2>) -> Tensor<2> {
    let (low, high) = (pixels.lit(-LARGEST), pixels.lit(LARGEST));
    pixels.maximum(low).minimum(high)
}

/// The images with half the sides; every pixel is the mean of two along each axis.
fn halved(mut images: Pictures) -> Pictures {
    for axis in 0..images.sides.len() {
        let pixels = images.along(axis);
        let [outer, side, inner] = pixels.dims();
        let pairs = pixels.narrow(1, 0, side / 2 * 2).reshape([outer * (side / 2), 2, inner]);
        let means = pairs.sum_dim(1).reshape([outer, side / 2, inner]) * 0.5;
        images = images.with_pixels_along(axis, means);
    }
    images
}

/// The numbers, continued beyond both ends of axis 1 by their reflection at the outermost number.
fn reflected(numbers: Tensor<3>, width: usize) -> Tensor<3> {
    if width == 0 {
        return numbers;
    }
    let length = numbers.dims()[1];
    let before = numbers.clone().narrow(1, 1, width).flip([1]);
    let behind = numbers.clone().narrow(1, length - 1 - width, width).flip([1]);
    Tensor::cat(vec![before, numbers, behind], 1)
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
    fn the_border_is_reflected_without_itself() {
        let numbers = Tensor::<3>::from_floats([[[1.0], [2.0], [3.0], [4.0]]], &Device::flex());
        let got = reflected(numbers, 2).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(got, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]);
    }

    #[test]
    fn odd_sides_lose_their_last_row() {
        let pixels = Tensor::<2>::from_floats([[1.0, 3.0, 9.0, 5.0, 7.0, 9.0, 9.0, 9.0, 9.0]], &Device::flex());
        let halved = halved(Pictures { pixels, channels: 1, sides: vec![3, 3] });
        assert_eq!(halved.sides, [1, 1]);
        assert_eq!(halved.pixels.into_scalar::<f32>(), 4.0);
    }
}
