//! Combined margin.

use super::arcface::angle;
use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::PI;

/// Combined margin (Deng et al. 2019, [arXiv 1801.07698](https://arxiv.org/abs/1801.07698), equation 4).
///
/// # Formula
/// The target's logit is `scale f`, the others are `scale cos(theta_j)`; with phi = m1 theta + m2, in radians,
/// ```text
/// f = cos(phi) - m3                   phi <= pi
/// f = (-1)^k cos(phi) - 2k - m3       k pi <= phi <= (k + 1) pi, so that f falls everywhere
/// ```
///
/// # When to use
/// For face recognition, to search for a margin of all three kinds, or to reproduce a config of insightface.
/// [`ArcfaceLoss`](super::ArcfaceLoss) and [`CosfaceLoss`](super::CosfaceLoss) have a single margin to tune, so begin with one of
/// them.
///
/// # Numerics
/// The slope of theta at cos(theta) = +-1, which is infinite, counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::CombinedMarginLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let config = CombinedMarginLossConfig::new(3, 3).with_m2(0.3).with_m3(0.2);
/// let head = config.init(&device).with_weight(Tensor::eye(3, &device));
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.9, 0.1], [0.1, 0.8, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // The logits for inference and accuracy have no margin.
/// let classes = head.logits(embeddings).argmax(1).reshape([-1]);
/// assert_eq!(classes.equal(labels).float().mean().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// - `insightface.recognition.arcface_torch.losses.CombinedMarginLoss`: with m3 > 0 it ignores m1 and m2; its target rises again
///   beyond pi.
#[loss(heads, "combined_margin", "Multiplicative, angular and cosine margin in one: SphereFace, ArcFace and CosFace")]
pub struct CombinedMarginLoss {
    config: CombinedMarginLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`CombinedMarginLoss`].
#[loss_config(check = |config| config.options.check("combined_margin", config.num_classes))]
pub struct CombinedMarginLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 64.0, range = "> 0")]
    pub scale: f64,
    /// The factor of the target's angle (SphereFace).
    #[field(default = 1.0, range = "(0, 16]")]
    pub m1: f64,
    /// The number that is added to the target's angle, in radians (ArcFace).
    #[field(default = 0.5, range = "[0, 2 pi]")]
    pub m2: f64,
    /// The number that is subtracted from the target's cosine (CosFace).
    #[field(default = 0.0, range = ">= 0")]
    pub m3: f64,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl CombinedMarginLossConfig {
    fn build(&self, device: &Device) -> CombinedMarginLoss {
        CombinedMarginLoss {
            config: self.clone(),
            layer: self.options.layer(self.num_classes, self.embedding_dim, device),
        }
    }
}

impl HeadLoss for CombinedMarginLoss {
    layer_methods!();
}

impl Head for CombinedMarginLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        let CombinedMarginLossConfig { m1, m2, m3, .. } = self.config;
        let phi = angle(cosine) * m1 + m2;
        let mut target = phi.clone().cos();
        // At each multiple of pi the sign changes, and another 2 is subtracted.
        let half_turns = ((m1 * PI + m2) / PI).floor() as usize;
        for k in 1..=half_turns {
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            let beyond = phi.clone().cos() * sign - 2.0 * k as f64;
            target = R::select(&phi.gt_lit(k as f64 * PI), beyond, target);
        }
        target - m3
    }
    fn angular_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("m2", self.config.m2)]
    }
    fn cosine_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("m3", self.config.m3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::annealing::psi;
    use burn::tensor::Device;

    #[test]
    fn the_target_falls_with_the_angle_everywhere() {
        for (m1, m2, m3) in [(1.0, 0.5, 0.0), (0.9, 0.4, 0.15), (1.0, 3.0, 0.0), (2.5, 1.0, 0.1), (4.0, 0.0, 0.0)] {
            let config = CombinedMarginLossConfig::new(10, 16).with_m1(m1).with_m2(m2).with_m3(m3);
            let head = config.init(&Device::flex());
            let at = |i: i32| head.margin((PI * f64::from(i) / 1000.0).cos(), None);
            for i in 0..1000 {
                assert!(at(i + 1) < at(i), "{m1} {m2} {m3}: {i}");
            }
        }
    }

    #[test]
    fn a_factor_alone_is_a_softmax() {
        let head = CombinedMarginLossConfig::new(10, 16).with_m1(4.0).with_m2(0.0).init(&Device::flex());
        for cosine in [-1.0, -0.7, -0.1, 0.0, 0.3, 0.95, 1.0] {
            assert!((head.margin(cosine, None) - psi(cosine, 4)).abs() < 1e-12, "{cosine}");
        }
    }
}
