//! Distances of rotated boxes as Gaussians.

use super::gaussian::Gaussians;
use super::{BoxFormat, BoxTargets, Boxes, BoxesLoss};
use crate::engine::vectors::{VectorKernel, of_formula};
use crate::formula::{Real, VectorFormula};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// A distance of two Gaussians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum GaussianDistance {
    /// The Kullback-Leibler divergence of the target from the prediction.
    #[default]
    Kld,
    /// The squared Wasserstein distance, in squared units of the boxes.
    Gwd,
    /// The mean of the Kullback-Leibler divergences in both directions.
    Jeffreys,
    /// The Bhattacharyya distance.
    Bhattacharyya,
}

/// The function that is applied to a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DistanceTransform {
    /// The logarithm of one plus the distance.
    #[default]
    Log1p,
    /// The square root.
    Sqrt,
    /// The distance as it is.
    None,
}

/// Distance of rotated boxes as Gaussians: KLD (Yang et al. 2021, [arXiv 2106.01883](https://arxiv.org/abs/2106.01883)) and GWD
/// (Yang et al. 2021, [arXiv 2101.11952](https://arxiv.org/abs/2101.11952)).
///
/// A box (cx, cy, w, h, angle) is a Gaussian around its center, whose covariance is `R diag(w^2, h^2) R^T / 4`. The angle is in
/// radians, from the x axis to the side w.
///
/// # Formula
/// ```text
/// 1 - 1 / (tau + f(D))     f(D) where tau is 0
///
/// D = d^T S1^-1 d / (2 alpha^2) + (tr(S1^-1 S2) + ln(|S1| / |S2|)) / 2 - 1                  kld
/// D = d^T (S1^-1 + S2^-1) d / (4 alpha^2) + (tr(S1^-1 S2) + tr(S2^-1 S1)) / 4 - 1           jeffreys
/// D = d^T S^-1 d / (8 alpha^2) + ln(|S| / sqrt(|S1| |S2|)) / 2,     S = (S1 + S2) / 2       bhattacharyya
/// D = |d|^2 + alpha^2 (tr S1 + tr S2 - 2 tr((S1^(1/2) S2 S1^(1/2))^(1/2)))                  gwd
/// ```
/// with S1 of the prediction, S2 of the target, d the offset of the centers, and f the `transform`. `kld` is the divergence of the
/// target from the prediction.
///
/// # When to use
/// For rotated boxes of large aspect ratios, for which a small error of the angle costs much overlap: `kld` penalizes it accordingly. `gwd`
/// depends on the unit of the boxes, and the other distances do not. [`ProbIouLoss`](super::ProbIouLoss) is bounded, and needs no choice
/// of a distance.
///
/// # Shapes
/// - predictions, targets: `[N, 5]`
///
/// # Numerics
/// All distances are sums of squares, in which nothing cancels. The slope of `sqrt` is infinite at D = 0, and counts as 0 there.
/// Where w = h the angle has no slope. A side below 1e-7 of the largest length counts as 1e-7 of it, without a slope.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::{DistanceTransform, GaussianDistance, GaussianDistanceLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = GaussianDistanceLossConfig::new()
///     .with_distance(GaussianDistance::Gwd)
///     .with_transform(DistanceTransform::Sqrt)
///     .init(&device);
/// // Two boxes of the same shape, 5 apart.
/// let value = loss.forward(
///     Tensor::from_floats([[3.0, 4.0, 2.0, 1.0, 0.5]], &device),
///     Tensor::from_floats([[0.0, 0.0, 2.0, 1.0, 0.5]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (1.0 - 1.0 / 6.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmrotate.models.losses.GDLoss`: `gwd` takes the root before `fun`, divides by a size of the boxes, and `kld` takes the root too;
///   `tau` below 1 means none; it clamps at 1e-7 in many places.
#[loss(boxes, "gaussian_distance", "Kullback-Leibler or Wasserstein distance of rotated boxes as Gaussians")]
pub struct GaussianDistanceLoss {
    config: GaussianDistanceLossConfig,
}

/// Config of [`GaussianDistanceLoss`].
#[loss_config]
pub struct GaussianDistanceLossConfig {
    /// The distance between the two Gaussians.
    #[field(default = GaussianDistance::Kld)]
    pub distance: GaussianDistance,
    /// The function that is applied to the distance first.
    #[field(default = DistanceTransform::Log1p)]
    pub transform: DistanceTransform,
    /// The number added to the distance in the denominator; with 0 the distance itself is the loss.
    #[field(default = 1.0, range = ">= 0")]
    pub tau: f64,
    /// How strongly the shapes count relative to the centers.
    #[field(default = 1.0, range = "> 0")]
    pub alpha: f64,
}

/// What the squared sides are divided by.
const SPREAD: f64 = 4.0;

impl BoxesLoss for GaussianDistanceLoss {}

impl Boxes for GaussianDistanceLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        _: BoxFormat,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        of_formula(self, predictions, targets)
    }
    fn kernel(&self, _: BoxFormat) -> Option<VectorKernel> {
        Some(VectorKernel::new(self))
    }
    fn targets(&self) -> BoxTargets {
        BoxTargets::Rotated
    }
}

impl VectorFormula<5> for GaussianDistanceLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 5], target: [R; 5]) -> R {
        let GaussianDistanceLossConfig { distance, transform, tau, alpha, .. } = self.config;
        let gaussians = Gaussians::new(prediction, target);
        let squared = alpha * alpha;
        let [offset, shape] = match distance {
            GaussianDistance::Kld => gaussians.kullback_leibler(SPREAD),
            GaussianDistance::Gwd => gaussians.wasserstein(SPREAD),
            GaussianDistance::Jeffreys => gaussians.jeffreys(SPREAD),
            GaussianDistance::Bhattacharyya => gaussians.bhattacharyya(SPREAD),
        };
        let whole = match distance {
            GaussianDistance::Gwd => offset + shape * squared,
            _ => offset * (1.0 / squared) + shape,
        };
        let transformed = match transform {
            DistanceTransform::Log1p => whole.log1p(),
            DistanceTransform::Sqrt => whole.safe_sqrt(),
            DistanceTransform::None => whole,
        };
        if tau == 0.0 {
            return transformed;
        }
        // 1 - 1 / (tau + f), without subtracting anything from 1.
        (transformed.clone() + (tau - 1.0)) / (transformed + tau)
    }

    #[inline(always)]
    fn coordinates(&self) -> usize {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    const DISTANCES: [GaussianDistance; 4] =
        [GaussianDistance::Kld, GaussianDistance::Gwd, GaussianDistance::Jeffreys, GaussianDistance::Bhattacharyya];

    fn plain(distance: GaussianDistance) -> GaussianDistanceLoss {
        let config = GaussianDistanceLossConfig::new().with_distance(distance);
        config.with_transform(DistanceTransform::None).with_tau(0.0).init(&Device::flex())
    }

    #[test]
    fn round_gaussians_by_hand() {
        // S1 = 1, S2 = 4 times the unit matrix, and the centers are 2 apart.
        let (one, other) = ([2.0, 0.0, 2.0, 2.0, 0.3], [0.0, 0.0, 4.0, 4.0, 1.0]);
        for (distance, expected) in [
            (GaussianDistance::Kld, 2.0 + 4.0 - 4f64.ln() - 1.0),
            (GaussianDistance::Gwd, 4.0 + 2.0),
            (GaussianDistance::Jeffreys, (4.0 + 1.0) / 4.0 + (8.0 + 0.5) / 4.0 - 1.0),
            (GaussianDistance::Bhattacharyya, 4.0 / 2.5 / 8.0 + (6.25 / 4f64).ln() / 2.0),
        ] {
            let value = plain(distance).eval(one, other);
            assert!((value - expected).abs() < 1e-14, "{distance:?}: {value} {expected}");
        }
    }

    #[test]
    fn equal_boxes_are_zero_without_a_gradient() {
        for (distance, transform) in DISTANCES.into_iter().flat_map(|distance| {
            [DistanceTransform::Log1p, DistanceTransform::Sqrt, DistanceTransform::None].map(|to| (distance, to))
        }) {
            let loss = GaussianDistanceLossConfig::new().with_distance(distance).with_transform(transform);
            let loss = loss.init(&Device::flex());
            for target in [[1.0, 2.0, 3.0, 0.5, 0.3], [1e4, -1e4, 1e-3, 1e3, 7.0], [0.0; 5]] {
                let variables = core::array::from_fn(|i| Dual::<f64, 5>::variable(target[i], i));
                let y = loss.eval(variables, target.map(Dual::constant));
                assert_eq!((y.value, y.slope), (0.0, [0.0; 5]), "{distance:?} {transform:?} {target:?}");
            }
        }
    }

    #[test]
    fn a_distance_does_not_depend_on_which_side_is_called_the_width() {
        let target = [0.3, -0.2, 2.0, 1.0, 0.4];
        for distance in DISTANCES {
            let value = plain(distance).eval([0.0, 0.0, 3.0, 1.0, 1.1], target);
            let rotated = plain(distance).eval([0.0, 0.0, 1.0, 3.0, 1.1 - core::f64::consts::FRAC_PI_2], target);
            assert!((value - rotated).abs() < 1e-13 * value, "{distance:?}");
        }
    }

    #[test]
    fn alpha_weighs_centers_and_shapes() {
        let (one, other) = ([2.0, 0.0, 2.0, 2.0, 0.0], [0.0, 0.0, 4.0, 4.0, 0.0]);
        let with = |distance| {
            let config = GaussianDistanceLossConfig::new().with_distance(distance).with_alpha(2.0).with_tau(0.0);
            config.with_transform(DistanceTransform::None).init(&Device::flex()).eval(one, other)
        };
        assert!((with(GaussianDistance::Gwd) - (4.0 + 4.0 * 2.0)).abs() < 1e-14);
        assert!((with(GaussianDistance::Kld) - (0.5 + 4.0 - 4f64.ln() - 1.0)).abs() < 1e-14);
    }
}
