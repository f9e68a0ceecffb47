//! Smooth L1.

use super::RegressionLoss;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Smooth L1 (Girshick 2015, Fast R-CNN, [arXiv 1504.08083](https://arxiv.org/abs/1504.08083)).
///
/// # Formula
/// ```text
/// d^2 / (2 beta)    where |d| < beta
/// |d| - beta / 2    elsewhere
/// ```
/// with d = prediction - target. It is [`HuberLoss`](super::HuberLoss) with delta = beta, divided by beta.
///
/// # When to use
/// For box regression in detection (Fast R-CNN, SSD) and for other coordinates: outliers have the slope 1, and below beta the
/// gradient shrinks with the error. Take [`HuberLoss`](super::HuberLoss) where the threshold should not change the curvature at
/// zero, and a loss of overlap such as [`GiouLoss`](crate::boxes::GiouLoss) where boxes are judged by IoU.
///
/// # Numerics
/// The slope never exceeds 1. The second derivative is 1/beta where |d| < beta, at d = 0 too, and 0 where |d| > beta. With
/// beta = 0 it is [`MaeLoss`](super::MaeLoss), whose gradient at d = 0 is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::SmoothL1LossConfig};
///
/// let device = Device::flex();
/// let loss = SmoothL1LossConfig::new().with_beta(2.0).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([1.0, -3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.25, 2.0]);
/// ```
///
/// # Elsewhere
/// - `torch.nn.SmoothL1Loss`: the same.
/// - `burn.nn.loss.SmoothL1Loss`: the same values; `SmoothL1LossConfig::from` takes its config, whose beta is never 0.
/// - `fvcore.nn.smooth_l1_loss`: it treats a beta below 1e-5 as 0; Detectron2's default is beta = 0.
/// - `mmdet.models.losses.SmoothL1Loss`: the same formula, but beta is never 0.
///
/// torchvision's Faster R-CNN uses beta = 1/9.
#[loss(regression, "smooth_l1", "Absolute error, quadratic within beta of zero")]
pub struct SmoothL1Loss {
    config: SmoothL1LossConfig,
}

/// Config of [`SmoothL1Loss`].
#[loss_config]
pub struct SmoothL1LossConfig {
    /// Where the square ends and the line begins, in the units of the prediction.
    #[field(default = 1.0, range = ">= 0")]
    pub beta: f64,
}

impl RegressionLoss for SmoothL1Loss {}

impl Formula for SmoothL1Loss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let beta = self.config.beta;
        let error = prediction - target;
        // A beta below this counts as 0, long before its reciprocal would overflow in f32.
        if beta < 1e-30 {
            return error.abs();
        }
        let near = clamped(error.clone(), beta);
        // d^2 / (2 beta) inside, |d| - beta/2 outside.
        near.clone() * (1.0 / beta) * (error - near * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::second_order;
    use crate::regression::{HuberLossConfig, MaeLossConfig};
    use burn::tensor::Device;

    #[test]
    fn it_is_huber_over_delta_and_mae_at_zero() {
        let device = Device::flex();
        for beta in [1.0 / 9.0, 1.0, 2.5] {
            let smooth = SmoothL1LossConfig::new().with_beta(beta).init(&device);
            let huber = HuberLossConfig::new().with_delta(beta).init(&device);
            for d in [-3.0, -0.1, 0.0, 0.05, 1.0, 7.0] {
                let (a, b) = (smooth.eval(d, 0.0), huber.eval(d, 0.0) / beta);
                assert!((a - b).abs() < 1e-15 * (1.0 + b), "beta {beta}, d {d}");
            }
        }
        let zero = SmoothL1LossConfig::new().with_beta(0.0).init(&device);
        let mae = MaeLossConfig::new().init(&device);
        assert_eq!(zero.eval(-2.0, 1.0), mae.eval(-2.0, 1.0));
    }

    #[test]
    fn the_second_derivative_is_1_over_beta_inside_also_at_zero() {
        let loss = SmoothL1LossConfig::new().with_beta(0.5).init(&Device::flex());
        let second = [-3.0, -0.25, 0.0, 0.25, 3.0].map(|d| second_order(&loss, d));
        let expected = [[2.75, -1.0, 0.0], [0.0625, -0.5, 2.0], [0.0, 0.0, 2.0], [0.0625, 0.5, 2.0], [2.75, 1.0, 0.0]];
        assert_eq!(second, expected);
    }
}
