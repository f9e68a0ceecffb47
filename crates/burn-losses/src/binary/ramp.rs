//! Ramp loss.

use super::{BinaryLoss, signed_margin};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Ramp loss (Collobert et al. 2006, [doi 10.1145/1143844.1143870](https://doi.org/10.1145/1143844.1143870)).
///
/// # Formula
/// `min(1 - s, max(0, 1 - z))`, with z = (2y - 1) x: the hinge at 1 minus the hinge at s. It is meant for hard labels.
///
/// # When to use
/// For binary classification with noisy labels or outliers: a wrong label costs no more than a constant, and has no gradient. It
/// is not convex: start with [`HingeLoss`](super::HingeLoss), or stay with [`BceLoss`](super::BceLoss) and label smoothing where
/// few labels are wrong.
///
/// # Numerics
/// The gradient is 0 where z < s and where z >= 1: mislabeled samples have no gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::RampLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = RampLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([2.0, 0.5, -50.0], &device),
///     Tensor::from_floats([1.0, 1.0, 1.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 0.5, 2.0]);
/// ```
///
/// # Elsewhere
/// No library that we know of has it.
#[loss(binary, "ramp", "Hinge loss with a cap, so that outliers cost no more than a wrong answer")]
pub struct RampLoss {
    config: RampLossConfig,
}

/// Config of [`RampLoss`].
#[loss_config]
pub struct RampLossConfig {
    /// The signed margin below which the loss no longer rises.
    #[field(default = -1.0, range = "< 1")]
    pub s: f64,
}

impl BinaryLoss for RampLoss {}

impl Formula for RampLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let hinge = (-signed_margin(logit, target) + 1.0).relu();
        let cap = hinge.lit(1.0 - self.config.s);
        hinge.minimum(cap)
    }
}
