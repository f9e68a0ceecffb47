//! Losses in half precision.

use crate::check::widen;
use burn::tensor::Tensor;

/// A factor that a loss is multiplied by before it is differentiated, so that gradients in half precision are not rounded to 0.
///
/// An f16 is 0 below 6e-8. The gradient of a mean over many values can be that small: for a Dice loss over 512 x 512 pixels about
/// every sixth entry is 0, which `diagnose` reports. (A bf16 reaches as far as an f32, and needs no scale.) There are two ways
/// out: the reduction `sum`, whose gradient does not depend on the size of the batch, or a scale, by which the gradients are
/// divided again once they are in single precision. Optimizers that divide by the size of the gradient, such as Adam, do not need
/// the division.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::composition::LossScale;
/// use burn_losses::{prelude::*, regression::MseLossConfig};
///
/// let device = Device::flex().autodiff();
/// let mut scale = LossScale::new(1024.0);
/// let predictions = Tensor::<1>::from_floats([0.5, 0.5], &device).require_grad();
/// let loss = MseLossConfig::new().init(&device).forward(predictions.clone(), predictions.zeros_like());
///
/// let gradients = scale.apply(loss).backward();
/// let gradient = scale.divide(predictions.grad(&gradients).unwrap());
/// let is_finite = gradient.clone().is_finite().all().into_scalar::<bool>();
/// assert_eq!(gradient.into_data().to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// // Half the scale after an overflow, whose step is left out; twice the scale after many steps without one.
/// assert!(scale.update(is_finite));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    factor: f64,
    good_steps: usize,
}

impl LossScale {
    /// The number of steps without an overflow after which the scale is doubled.
    pub const PATIENCE: usize = 2000;

    /// The scale to begin with: 2^16 is usual. A power of 2 changes no digit.
    ///
    /// # Panics
    /// If the scale is not a finite number above 0.
    #[track_caller]
    pub fn new(factor: f64) -> Self {
        assert!(factor > 0.0 && factor.is_finite(), "LossScale: `factor` is {factor}, allowed: a number > 0");
        Self { factor, good_steps: 0 }
    }

    /// The scale as it is now.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// The value to differentiate: that of a loss, or the total of a [`JointLoss`](super::JointLoss), in single precision at least.
    pub fn apply(&self, loss: Tensor<1>) -> Tensor<1> {
        widen(loss) * self.factor
    }

    /// A gradient without the scale, in single precision at least: in half precision it could underflow to 0 again.
    pub fn divide<const D: usize>(&self, gradient: Tensor<D>) -> Tensor<D> {
        widen(gradient) / self.factor
    }

    /// Adapts the scale after a step. Returns whether the step is to be taken.
    pub fn update(&mut self, gradients_are_finite: bool) -> bool {
        self.good_steps = if gradients_are_finite { self.good_steps + 1 } else { 0 };
        match gradients_are_finite {
            false => self.factor = (self.factor / 2.0).max(f64::MIN_POSITIVE),
            true if self.good_steps == Self::PATIENCE => (self.factor, self.good_steps) = (self.factor * 2.0, 0),
            true => {}
        }
        gradients_are_finite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_follows_overflows() {
        let mut scale = LossScale::new(4.0);
        assert!(!scale.update(false) && scale.factor() == 2.0);
        for _ in 0..LossScale::PATIENCE - 1 {
            assert!(scale.update(true) && scale.factor() == 2.0);
        }
        assert!(scale.update(true) && scale.factor() == 4.0);
    }

    #[test]
    #[should_panic(expected = "`factor` is 0, allowed: a number > 0")]
    fn a_scale_of_nothing() {
        LossScale::new(0.0);
    }
}
