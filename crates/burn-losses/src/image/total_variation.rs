//! Total variation.

use super::{ImageLoss, Images, Pictures};
use crate::engine::outlined::Outlined;
use crate::engine::primitives::neighbors::{NeighborFormula, sums};
use crate::formula::Real;
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// How the differences between neighbors are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum VariationNorm {
    /// The absolute differences.
    #[default]
    L1,
    /// The length of the gradient at each pixel.
    Isotropic,
    /// One root of the sum of all squares.
    L2,
    /// The squares.
    L2Squared,
}

/// The divisor of the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum VariationAverage {
    /// No divisor.
    #[default]
    Sum,
    /// The number of terms: the differences along each axis by themselves, or the pixels of `isotropic`.
    Mean,
}

/// Total variation (Rudin et al. 1992,
/// [doi 10.1016/0167-2789(92)90242-F](https://doi.org/10.1016/0167-2789(92)90242-F)).
///
/// # Formula
/// With the differences dx and dy of a pixel and the next one along each axis:
/// ```text
/// l1            sum |dx| + sum |dy|
/// isotropic     sum sqrt(dx^2 + dy^2)
/// l2            sqrt(sum dx^2 + sum dy^2)
/// l2_squared    sum dx^2 + sum dy^2
/// ```
/// over the pixels and channels of an image; a volume has a third axis. In `isotropic`, a pixel at the border has no next pixel along
/// an axis, and that difference counts as 0. With `average = "mean"` the sum along each axis is divided by the number of its
/// differences, and that of `isotropic` by the number of pixels and channels. The targets are not used: the loss takes them so that it
/// can be swapped for another one of its family.
///
/// # When to use
/// As a regularizer with a small weight next to a reconstruction loss, against noise and artifacts in generated images, flows or depths: see
/// [`WeightedSumLoss`](super::WeightedSumLoss). `l1` and `isotropic` keep edges; `l2_squared` blurs them.
///
/// # Numerics
/// The gradient of a root is 0 at 0: flat regions have none. No square overflows, except that of `l2_squared` itself.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{image::TotalVariationLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TotalVariationLossConfig::new().init(&device);
/// let image = Tensor::<4>::from_floats([[[[0.0, 1.0], [0.0, 3.0]]]], &device);
/// assert_eq!(loss.forward(image.clone(), image).into_scalar::<f32>(), 6.0);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.total_variation`: `l1`; the reference values agree with it. Its `reduction` is `average`.
/// - `piq.TotalVariationLoss`: `l1`, `l2` and `l2_squared`; its `l2` is one root of the whole image, as here, not a root per pixel.
/// - `torchmetrics.image.TotalVariation`: `l1`.
/// - `tf.image.total_variation`: `l1`.
#[loss(image, "total_variation", "Total variation: how much neighboring pixels differ, to smooth a prediction")]
pub struct TotalVariationLoss {
    config: TotalVariationLossConfig,
}

/// Config of [`TotalVariationLoss`].
#[loss_config]
pub struct TotalVariationLossConfig {
    /// How the differences between neighbors are summed.
    #[field(default = VariationNorm::L1)]
    pub norm: VariationNorm,
    /// The divisor of the sums.
    #[field(default = VariationAverage::Sum)]
    pub average: VariationAverage,
}

impl ImageLoss for TotalVariationLoss {}

/// A larger difference is a straight line, so that no square overflows.
const STRAIGHT: f64 = 1e15;

/// What a difference adds to the sum of its axis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Size,
    Square,
    /// The square of the size up to `STRAIGHT`.
    Near,
    /// What the size has beyond it.
    Beyond,
}

impl Part {
    #[inline(always)]
    fn of<R: Real>(self, difference: R) -> R {
        if self == Self::Square {
            return difference.square();
        }
        let size = difference.abs();
        if self == Self::Size {
            return size;
        }
        let near = size.clone().minimum(size.lit(STRAIGHT));
        if self == Self::Near { near.square() } else { size - near }
    }
}

/// A sum over the axes: of the part of each difference, times the factor of its axis.
#[derive(Debug, Clone)]
struct OfAxes {
    part: Part,
    factors: [f64; 3],
}

impl NeighborFormula for OfAxes {
    #[inline(always)]
    fn eval<R: Real>(&self, [depth, height, width]: [R; 3]) -> R {
        let [of_depth, of_height, of_width] = self.factors;
        self.part.of(depth) * of_depth + self.part.of(height) * of_height + self.part.of(width) * of_width
    }
}

/// The length of the gradient at a pixel, times a factor.
#[derive(Debug, Clone)]
struct Length(f64);

impl NeighborFormula for Length {
    #[inline(always)]
    fn eval<R: Real>(&self, [depth, height, width]: [R; 3]) -> R {
        let beyond = Part::Beyond.of(depth.clone()) + Part::Beyond.of(height.clone()) + Part::Beyond.of(width.clone());
        let near = Part::Near.of(depth) + Part::Near.of(height) + Part::Near.of(width);
        (near.safe_sqrt() + beyond) * self.0
    }
}

impl TotalVariationLoss {
    /// The factor of a sum of this many numbers.
    fn factor(&self, count: usize) -> f64 {
        match self.config.average {
            VariationAverage::Sum => 1.0,
            VariationAverage::Mean => 1.0 / count as f64,
        }
    }

    /// The sum over the axes of the part of all differences of an image: `[N]`.
    fn of_axes(&self, part: Part, images: &Pictures) -> Tensor<1> {
        let pixels: usize = images.sides.iter().product();
        let factor = |side: usize| self.factor(images.channels * (pixels / side) * (side - 1));
        // A side of one pixel has no differences.
        let factors = sides(images).map(|side| if side > 1 { factor(side) } else { 0.0 });
        if let Some(sums) = sums(&OfAxes { part, factors }, &images.pixels, sides(images)) {
            return sum_of_image(images, sums.unsqueeze_dim(1));
        }
        let none = images.pixels.clone().detach().narrow(1, 0, 1).zeros_like();
        let axes = (0..images.sides.len()).filter(|axis| images.sides[*axis] > 1);
        axes.fold(sum_of_image(images, none), |sum, axis| {
            let of_axis = part.of(Outlined::new(differences(images, axis))).0;
            let [channels, _] = images.pixels.dims();
            let each = of_axis.dims()[0] / channels;
            sum + sum_of_image(images, of_axis.reshape([channels, each])) * factor(images.sides[axis])
        })
    }

    /// The sum of the lengths of the gradient: `[N]`.
    fn of_lengths(&self, images: &Pictures) -> Tensor<1> {
        let shape @ [_, pixels] = images.pixels.dims();
        let length = Length(self.factor(images.channels * pixels));
        if let Some(sums) = sums(&length, &images.pixels, sides(images)) {
            return sum_of_image(images, sums.unsqueeze_dim(1));
        }
        let mut all = [0, 1, 2].map(|_| Outlined::new(images.pixels.clone().detach().zeros_like()));
        for axis in (0..images.sides.len()).filter(|axis| images.sides[*axis] > 1) {
            let of = differences(images, axis);
            let border = of.clone().detach().narrow(1, 0, 1).zeros_like();
            all[axis] = Outlined::new(Tensor::cat(vec![of, border], 1));
        }
        sum_of_image(images, length.eval(all).0.reshape(shape))
    }
}

/// The sides of an image, with a depth of 1 if it has none.
fn sides(images: &Pictures) -> [usize; 3] {
    match images.sides[..] {
        [height, width] => [1, height, width],
        [depth, height, width] => [depth, height, width],
        _ => unreachable!("two or three sides"),
    }
}

/// The differences of neighbors along an axis: `[outer, side - 1, inner]`.
fn differences(images: &Pictures, axis: usize) -> Tensor<3> {
    let (pixels, next) = (images.along(axis), images.sides[axis] - 1);
    pixels.clone().narrow(1, 1, next) - pixels.narrow(1, 0, next)
}

/// The sum of the numbers of all channels, given in rows `[N C, numbers]`, of each image: `[N]`.
fn sum_of_image(images: &Pictures, numbers: Tensor<2>) -> Tensor<1> {
    let (count, each) = (images.count(), numbers.dims()[1] * images.channels);
    row_sums(numbers.reshape([count, each])).squeeze_dim(1)
}

impl Images for TotalVariationLoss {
    fn values(&self, predictions: Pictures, _: Pictures) -> Tensor<1> {
        match self.config.norm {
            VariationNorm::L1 => self.of_axes(Part::Size, &predictions),
            VariationNorm::L2Squared => self.of_axes(Part::Square, &predictions),
            VariationNorm::L2 => {
                self.of_axes(Part::Near, &predictions).safe_sqrt() + self.of_axes(Part::Beyond, &predictions)
            }
            VariationNorm::Isotropic => self.of_lengths(&predictions),
        }
    }

    fn needs_targets(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, Int, TensorData};

    fn value(config: TotalVariationLossConfig) -> f32 {
        let image = Tensor::<4>::from_floats([[[[0.0, 3.0, 3.0], [4.0, 3.0, 3.0]]]], &Device::flex());
        config.init(&Device::flex()).forward(image.clone(), image).into_scalar()
    }

    #[test]
    fn each_norm_by_hand() {
        let of = |norm| value(TotalVariationLossConfig::new().with_norm(norm));
        // dx: 3, 0, -1, 0; dy: 4, 0, 0.
        assert_eq!(of(VariationNorm::L1), 8.0);
        assert_eq!(of(VariationNorm::L2Squared), 26.0);
        assert!((of(VariationNorm::L2) - 26f32.sqrt()).abs() < 1e-6);
        // The root of 9 + 16, and that of 1 at the border.
        assert_eq!(of(VariationNorm::Isotropic), 6.0);
    }

    #[test]
    fn a_mean_divides_each_axis_by_its_own_count() {
        let of = |norm| value(TotalVariationLossConfig::new().with_average(VariationAverage::Mean).with_norm(norm));
        assert!((of(VariationNorm::L1) - (4.0 / 4.0 + 4.0 / 3.0)).abs() < 1e-6);
        assert!((of(VariationNorm::L2Squared) - (10.0 / 4.0 + 16.0 / 3.0)).abs() < 1e-6);
        assert!((of(VariationNorm::L2) - (10.0f32 / 4.0 + 16.0 / 3.0).sqrt()).abs() < 1e-6);
        assert_eq!(of(VariationNorm::Isotropic), 1.0);
    }

    #[test]
    fn a_flat_image_has_no_gradient_and_one_pixel_no_variation() {
        let device = Device::flex().autodiff();
        for norm in [VariationNorm::L1, VariationNorm::Isotropic, VariationNorm::L2, VariationNorm::L2Squared] {
            let loss = TotalVariationLossConfig::new().with_norm(norm).init(&device);
            for shape in [[2, 1, 3, 4], [2, 3, 1, 1]] {
                let image = Tensor::<4>::full(shape, 0.7, &device).require_grad();
                let value = loss.forward(image.clone(), image.clone().detach());
                let gradient = image.grad(&value.backward()).expect("a gradient").into_data();
                assert_eq!(value.into_scalar::<f32>(), 0.0);
                assert!(gradient.iter::<f32>().all(|slope| slope == 0.0), "{norm:?}");
            }
        }
    }

    #[test]
    fn the_kernel_gives_what_tensor_operations_give() {
        let shapes = [vec![2, 3, 1, 1], vec![1, 2, 7, 1], vec![3, 1, 1, 12], vec![2, 3, 33, 11], vec![2, 2, 4, 5, 7]];
        for shape in shapes {
            for norm in [VariationNorm::L1, VariationNorm::Isotropic, VariationNorm::L2, VariationNorm::L2Squared] {
                for average in [VariationAverage::Sum, VariationAverage::Mean] {
                    let config = TotalVariationLossConfig::new().with_norm(norm).with_average(average);
                    if let Ok(shape) = <[usize; 4]>::try_from(&shape[..]) {
                        assert_same(&config, shape);
                    } else if let Ok(shape) = <[usize; 5]>::try_from(&shape[..]) {
                        assert_same(&config, shape);
                    }
                }
            }
        }
    }

    fn assert_same<const D: usize>(config: &TotalVariationLossConfig, shape: [usize; D]) {
        let device = Device::flex().autodiff();
        let loss = config.init(&device);
        for (dtype, is_transposed, tolerance) in
            [(DType::F32, false, 1e-5), (DType::F32, true, 1e-5), (DType::F64, false, 1e-13)]
        {
            let mut layout = shape;
            if is_transposed {
                layout.swap(D - 2, D - 1);
            }
            // Some neighbors are equal.
            let numbers = (0..shape.iter().product()).map(|i: usize| (i * 37 % 11 / 2) as f64).collect::<Vec<_>>();
            let image = Tensor::<D>::from_data(TensorData::new(numbers, layout), (&device, dtype));
            let image = if is_transposed { image.swap_dims(D - 2, D - 1) } else { image }.require_grad();
            let run = || {
                let values = loss.forward_no_reduction(image.clone(), image.clone().detach());
                let factors = Tensor::<1, Int>::arange(0..shape[0] as i64, &device).float() + 0.5;
                let gradient = image.grad(&(values.clone() * factors.cast(dtype)).sum().backward());
                let results = [values.into_data(), gradient.expect("a gradient").into_data()];
                results.map(|data| data.iter::<f64>().collect::<Vec<_>>())
            };
            let (fused, paths) = crate::watched(run);
            assert!(!paths.fused.is_empty() && paths.tensor.is_empty(), "{paths:?}");
            assert_eq!(fused, run(), "{config:?} of {shape:?}: other bits");
            for (fused, plain) in fused.iter().zip(crate::with_tensor_operations(run)) {
                let most = plain.iter().fold(0.0, |most: f64, number| most.max(number.abs()));
                let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * most;
                assert!(fused.iter().zip(&plain).all(is_close), "{config:?} of {shape:?} in {dtype:?}");
            }
        }
    }
}
