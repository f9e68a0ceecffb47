//! Complete IoU loss.

use super::diou::diou;
use super::{BoxFormat, BoxesLoss, FactorGradient, Geometry, geometry::quotient};
use crate::formula::{BoxFormula, Real};
use burn_losses_derive::{Choice, loss, loss_config};

/// The gradient of the aspect ratio's term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum AspectGradient {
    /// The true gradient, which grows as 1 / size for small boxes, as the gradient of the IoU does.
    #[default]
    Exact,
    /// The gradient without its factor 1 / (w^2 + h^2), as in the code of the paper's authors.
    Scaled,
}

/// Complete IoU (Zheng et al. 2020, [arXiv 1911.08287](https://arxiv.org/abs/1911.08287)).
///
/// # Formula
/// ```text
/// 1 - IoU + rho^2 / c^2 + alpha v
/// v     = 4/pi^2 (atan(w_t/h_t) - atan(w/h))^2
/// alpha = v / (1 - IoU + v)
/// ```
/// with rho and c as in [`DiouLoss`](super::DiouLoss). The value is in [0, 3].
///
/// # When to use
/// The usual box loss of one-stage detectors (YOLO): overlap, position and aspect ratio at once. Where boxes of the right aspect
/// ratio still have the wrong size, take [`EiouLoss`](super::EiouLoss), which compares width and height; for tiny objects take
/// [`NwdLoss`](super::NwdLoss), for rotated ones [`ProbIouLoss`](super::ProbIouLoss).
///
/// # Numerics
/// alpha is a constant for the gradient unless `alpha_gradient` says otherwise. For identical boxes, where alpha would be 0/0,
/// it is 0. With `scaled`, lengths above 1e18 overflow in single precision. A box of height 0 has the angle atan(w/h) = pi/2,
/// and a box of height and width 0 has the angle 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::CiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = CiouLossConfig::new().init(&device);
/// // The same center, the same area, the sides swapped.
/// let value = loss.forward(
///     Tensor::from_floats([[1.0, 0.0, 3.0, 4.0]], &device),
///     Tensor::from_floats([[0.0, 1.0, 4.0, 3.0]], &device),
/// );
/// let v = (2.0 / std::f32::consts::PI * (2f32.atan() - 0.5f32.atan())).powi(2);
/// let expected = 2.0 / 3.0 + v * v / (2.0 / 3.0 + v);
/// assert!((value.into_scalar::<f32>() - expected).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchvision.ops.complete_box_iou_loss`: alpha is a constant too; it adds an `eps` to the divisors, without which identical
///   boxes are NaN there.
/// - `detectron2.layers.ciou_loss`: alpha is a constant too; it adds an `eps` to the divisors.
/// - `mmdet.models.losses.CIoULoss`: alpha = 0 where IoU <= 0.5, and the value is at most 2.
/// - `ultralytics.utils.metrics.bbox_iou`: with `CIoU=True`: one minus this loss, with 1e-7 added to the divisors.
/// - `keras_cv.losses.CIoULoss`: its v has the square of 4/pi^2, and alpha is not a constant (`alpha_gradient = "full"`).
#[loss(boxes, "ciou", "IoU plus center distance and difference of aspect ratios")]
pub struct CiouLoss {
    config: CiouLossConfig,
}

/// Config of [`CiouLoss`].
#[loss_config]
pub struct CiouLossConfig {
    /// Whether the gradient flows through alpha.
    #[field(default = FactorGradient::Detached)]
    pub alpha_gradient: FactorGradient,
    /// The gradient of v: the true one, or the one of the authors' code.
    #[field(default = AspectGradient::Exact)]
    pub aspect_gradient: AspectGradient,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for CiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl BoxFormula for CiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let pair = Geometry::new(prediction, target);
        let scaled = self.config.aspect_gradient == AspectGradient::Scaled;
        diou(&pair) + aspect_term(&pair, scaled, self.config.alpha_gradient)
    }
}

/// The term alpha v, for the difference of the aspect ratios.
#[inline(always)]
pub(super) fn aspect_term<R: Real>(pair: &Geometry<R>, scaled: bool, gradient: FactorGradient) -> R {
    let v = pair.aspect(scaled);
    let alpha = quotient(v.clone(), -pair.iou.clone() + 1.0 + v.clone());
    gradient.apply(alpha) * v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn gradient(loss: &CiouLoss, prediction: [f64; 4], target: [f64; 4]) -> [f64; 4] {
        let mut variables = prediction.map(Dual::<f64, 4>::constant);
        (0..4).for_each(|i| variables[i] = Dual::variable(prediction[i], i));
        loss.eval(variables, target.map(Dual::constant)).slope
    }

    /// alpha, as a number, at these boxes.
    fn alpha(prediction: [f64; 4], target: [f64; 4]) -> f64 {
        let pair = Geometry::new(prediction, target);
        let v = pair.aspect(false);
        v / (1.0 - pair.iou + v)
    }

    #[test]
    fn t36_the_gradient_is_true_with_alpha_frozen_and_with_alpha_free() {
        let (prediction, target) = ([0.0, 0.0, 3.0, 1.0], [0.5, -0.5, 2.0, 3.0]);
        let config = CiouLossConfig::new();
        for gradients in [FactorGradient::Detached, FactorGradient::Full] {
            let loss = config.clone().with_alpha_gradient(gradients).init(&Device::flex());
            let frozen = alpha(prediction, target);
            let slope = gradient(&loss, prediction, target);
            for i in 0..4 {
                let at = |step: f64| {
                    let mut moved = prediction;
                    moved[i] += step;
                    let pair = Geometry::new(moved, target);
                    let alpha = if gradients == FactorGradient::Full { alpha(moved, target) } else { frozen };
                    diou(&pair) + alpha * pair.aspect(false)
                };
                let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((slope[i] - expected).abs() < 1e-8, "{gradients:?} {i}: {} {expected}", slope[i]);
            }
        }
    }

    /// The gradient of the aspect's term grows no faster than 1 / size; with `scaled` it does not grow at all.
    #[test]
    fn t37_small_boxes_have_no_explosion() {
        let exact = CiouLossConfig::new().init(&Device::flex());
        let scaled = CiouLossConfig::new().with_aspect_gradient(AspectGradient::Scaled).init(&Device::flex());
        let term = |loss: &CiouLoss, size: f64| {
            let at = |k: f64| [0.1 * k, 0.2 * k, 0.4 * k, 0.3 * k];
            let (prediction, target) = (at(size), [0.15 * size, 0.1 * size, 0.25 * size, 0.4 * size]);
            let with = gradient(loss, prediction, target);
            let pair = |p| Geometry::new(p, target.map(Dual::<f64, 4>::constant));
            let mut variables = prediction.map(Dual::<f64, 4>::constant);
            (0..4).for_each(|i| variables[i] = Dual::variable(prediction[i], i));
            let without = diou(&pair(variables)).slope;
            (0..4).map(|i| (with[i] - without[i]).abs()).fold(0.0, f64::max)
        };
        let (one, small) = (term(&exact, 1.0), term(&exact, 1e-3));
        assert!((small / one - 1e3).abs() < 1e-3, "{one} {small}");
        let (one, small) = (term(&scaled, 1.0), term(&scaled, 1e-3));
        assert!((small / one - 1e-3).abs() < 1e-6, "{one} {small}");
    }
}
