//! Charbonnier loss.

use super::RegressionLoss;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{Choice, loss, loss_config};

/// The factor of the values, which is also the slope far from zero. Libraries differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum CharbonnierScale {
    /// 1: the absolute error far from zero (Charbonnier, LapSRN).
    #[default]
    One,
    /// `epsilon`: half the squared error near zero (the pseudo-Huber loss).
    Epsilon,
    /// 2 `epsilon`: the squared error near zero (the `huber` loss of diffusers).
    TwoEpsilon,
}

/// Charbonnier loss (Charbonnier et al. 1994, [doi 10.1109/ICIP.1994.413553](https://doi.org/10.1109/ICIP.1994.413553)), a smooth
/// absolute error; scaled by `epsilon` it is the pseudo-Huber loss.
///
/// # Formula
/// ```text
/// sqrt(d^2 + epsilon^2) - epsilon
/// ```
/// with d = prediction - target. `scale` may multiply it by `epsilon` or 2 `epsilon`, and `offset = false` leaves out
/// `- epsilon`.
///
/// # When to use
/// In image restoration and super-resolution it takes the place of [`MaeLoss`](super::MaeLoss), whose gradient jumps at zero.
/// Take [`HuberLoss`](super::HuberLoss) where the loss should be exactly quadratic below a threshold.
///
/// # Numerics
/// The value is computed as d^2 / (sqrt(d^2 + epsilon^2) + epsilon), in units of epsilon: it keeps its digits for errors far
/// below epsilon, and no square overflows before |d| does. The gradient is d / sqrt(d^2 + epsilon^2), 0 at zero.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::CharbonnierLossConfig};
///
/// let device = Device::flex();
/// let loss = CharbonnierLossConfig::new().with_epsilon(3.0).init(&device);
/// let value = loss.forward(Tensor::<1>::from_floats([4.0], &device), Tensor::from_floats([0.0], &device));
/// assert!((value.into_scalar::<f32>() - 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.charbonnier_loss`: it has epsilon = 1; the reference values agree with it.
/// - `basicsr.losses.basic_loss.CharbonnierLoss`: with `offset = false`; its `eps` is the square of epsilon, 1e-12 by default.
/// - `scipy.special.pseudo_huber`: with `scale = "epsilon"`; its `delta` is epsilon, and the reference values agree with it.
///
/// LapSRN: `offset = false`. `scipy.optimize.least_squares`: `soft_l1`, with `scale = "epsilon"`, where `f_scale` is epsilon. The
/// training scripts of diffusers: `huber`, with `scale = "two_epsilon"`. XGBoost: `reg:pseudohubererror`, with
/// `scale = "epsilon"`, where `huber_slope` is epsilon. PyTorch has none.
#[loss(regression, "charbonnier", "Smooth absolute error: quadratic near zero and linear far away")]
pub struct CharbonnierLoss {
    config: CharbonnierLossConfig,
}

/// Config of [`CharbonnierLoss`].
#[loss_config]
pub struct CharbonnierLossConfig {
    /// The error at which the loss passes from quadratic to linear, approximately, in the units of the prediction.
    #[field(default = 0.001, range = ">= 1e-30")]
    pub epsilon: f64,
    /// Whether `epsilon` is subtracted, so that an exact prediction has the value 0.
    #[field(default = true)]
    pub offset: bool,
    /// The factor of the values.
    #[field(default = CharbonnierScale::One)]
    pub scale: CharbonnierScale,
}

impl RegressionLoss for CharbonnierLoss {}

impl Formula for CharbonnierLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let CharbonnierLossConfig { epsilon, offset, scale, .. } = self.config;
        let value = smooth_abs(prediction - target, epsilon);
        let value = if offset { value } else { value + epsilon };
        match scale {
            CharbonnierScale::One => value,
            CharbonnierScale::Epsilon => value * epsilon,
            CharbonnierScale::TwoEpsilon => value * (2.0 * epsilon),
        }
    }
}

/// `sqrt(error^2 + epsilon^2) - epsilon`.
#[inline(always)]
pub(super) fn smooth_abs<R: Real>(error: R, epsilon: f64) -> R {
    // epsilon (sqrt(r^2 + 1) - 1) = epsilon r^2 / (sqrt(r^2 + 1) + 1), which keeps its digits near zero.
    let (ratio, beyond) = in_units(error, epsilon);
    let square = ratio.square();
    let root = (square.clone() + 1.0).sqrt();
    square * epsilon / (root + 1.0) + beyond
}

/// The error in units of epsilon, at most `STRAIGHT` in size, so that no square overflows; and the size of the error beyond that,
/// where the loss is a straight line.
#[inline(always)]
pub(super) fn in_units<R: Real>(error: R, epsilon: f64) -> (R, R) {
    const STRAIGHT: f64 = 1e9;
    let near = clamped(error.clone(), STRAIGHT * epsilon);
    (near * (1.0 / epsilon), (error.abs() - STRAIGHT * epsilon).relu())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::second_order;
    use burn::tensor::Device;

    #[test]
    fn the_scales_are_those_of_other_libraries() {
        let of = |scale| CharbonnierLossConfig::new().with_epsilon(0.5).with_scale(scale).init(&Device::flex());
        // Near zero the pseudo-Huber loss is d^2/2, and that of diffusers d^2.
        let d = 1e-7;
        assert!((of(CharbonnierScale::Epsilon).eval(d, 0.0) / (d * d / 2.0) - 1.0).abs() < 1e-12);
        assert!((of(CharbonnierScale::TwoEpsilon).eval(d, 0.0) / (d * d) - 1.0).abs() < 1e-12);
        // Far away Charbonnier's is |d|, less epsilon.
        assert!((of(CharbonnierScale::One).eval(-1e9, 0.0) - (1e9 - 0.5)).abs() < 1e-6);
    }

    #[test]
    fn the_second_derivative_at_zero_is_1_over_epsilon() {
        let loss = CharbonnierLossConfig::new().with_epsilon(0.25).init(&Device::flex());
        assert_eq!(second_order(&loss, 0.0), [0.0, 0.0, 4.0]);
    }
}
