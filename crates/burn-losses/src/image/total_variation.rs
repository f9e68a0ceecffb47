//! Total variation.

use super::{ImageLoss, Images, Pictures};
use crate::formula::Real;
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// How the differences of neighbors are added up.
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

/// What the sums divide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum VariationAverage {
    /// Nothing.
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
    /// How the differences of neighbors are added up.
    #[field(default = VariationNorm::L1)]
    pub norm: VariationNorm,
    /// What the sums divide by.
    #[field(default = VariationAverage::Sum)]
    pub average: VariationAverage,
}

impl ImageLoss for TotalVariationLoss {}

/// A larger difference is a straight line, so that no square overflows.
const STRAIGHT: f64 = 1e15;

/// The size of a difference up to `STRAIGHT`, and what is beyond.
fn split<R: Real>(difference: R) -> [R; 2] {
    let size = difference.abs();
    let near = size.clone().minimum(size.lit(STRAIGHT));
    [near.clone(), size - near]
}

impl Images for TotalVariationLoss {
    fn values(&self, predictions: Pictures, _: Pictures) -> Tensor<1> {
        let count = predictions.count();
        let of_each = |numbers: Tensor<3>| {
            let [outer, side, inner] = numbers.dims();
            let each = outer * side * inner / count;
            let sums = row_sums(numbers.reshape([count, each])).squeeze_dim::<1>(1);
            match self.config.average {
                VariationAverage::Sum => sums,
                VariationAverage::Mean => sums * (1.0 / each as f64),
            }
        };
        let axes = 0..predictions.sides.len();
        let axes = axes.filter(|axis| predictions.sides[*axis] > 1);
        let differences = axes.map(|axis| {
            let (pixels, next) = (predictions.along(axis), predictions.sides[axis] - 1);
            pixels.clone().narrow(1, 1, next) - pixels.narrow(1, 0, next)
        });
        let none = predictions.pixels.clone().detach().narrow(1, 0, 1).reshape([count, predictions.channels, 1]);
        let none = of_each(none.zeros_like());
        match self.config.norm {
            VariationNorm::L1 => differences.map(|of| of_each(of.abs())).fold(none, Tensor::add),
            VariationNorm::L2Squared => differences.map(|of| of_each(of.clone() * of)).fold(none, Tensor::add),
            VariationNorm::L2 => {
                let (mut squares, mut rest) = (none.clone(), none);
                for of in differences {
                    let [near, beyond] = split(of);
                    (squares, rest) = (squares + of_each(near.clone() * near), rest + of_each(beyond));
                }
                squares.safe_sqrt() + rest
            }
            VariationNorm::Isotropic => {
                let none = predictions.pixels.clone().detach().zeros_like();
                let (mut squares, mut rest) = (none.clone(), none.clone());
                for of in differences {
                    let [outer, _, inner] = of.dims();
                    let border = of.clone().detach().narrow(1, 0, 1).zeros_like().reshape([outer, 1, inner]);
                    let [near, beyond] = split(Tensor::cat(vec![of, border], 1)).map(|of| of.reshape(none.dims()));
                    (squares, rest) = (squares + near.clone() * near, rest + beyond);
                }
                of_each((squares.safe_sqrt() + rest).unsqueeze_dim(2))
            }
        }
    }

    fn needs_targets(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

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
}
