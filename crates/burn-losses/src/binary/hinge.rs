//! Hinge loss.

use super::{BinaryLoss, signed_margin};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Hinge loss (Cortes and Vapnik 1995, [doi 10.1007/BF00994018](https://doi.org/10.1007/BF00994018)).
///
/// # Formula
/// `max(0, margin - z)`, or its square, with z = (2y - 1) x. It is meant for hard labels.
///
/// # When to use
/// For a support vector machine or another classifier with a maximum margin: examples beyond the margin have no gradient. For the
/// discriminator of a GAN take [`AdversarialLoss`](crate::generative::AdversarialLoss), which has this form. The scores are not probabilities: take [`BceLoss`](super::BceLoss) for calibration. With noisy
/// labels take [`RampLoss`](super::RampLoss), with several classes [`MultiMarginLoss`](crate::classification::MultiMarginLoss).
///
/// # Numerics
/// The gradient at z = margin is 0. So with a margin of 0, logits of exactly 0 have none.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::HingeLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = HingeLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([2.0, 0.5, 0.5], &device),
///     Tensor::from_floats([1.0, 1.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 0.5, 1.5]);
/// ```
///
/// # Elsewhere
/// - `keras.losses.Hinge`: the same at margin 1.
/// - `keras.losses.SquaredHinge`: the same at margin 1 with `squared = true`.
/// - `optax.losses.hinge_loss`: the same at margin 1, with targets of 1 and -1; the reference values agree with it.
/// - `optax.losses.perceptron_loss`: the same at margin 0, with targets of 1 and -1.
/// - `sklearn.metrics.hinge_loss`: the mean of this loss at margin 1.
///
/// `MarginRankingLoss` of PyTorch and of Burn, called with the logits, zeros, and targets of 1 and -1, is the same; its margin is
/// 0 by default. PyTorch's `HingeEmbeddingLoss` is another loss: [`ContrastiveLoss`](crate::metric::ContrastiveLoss) of given distances.
#[loss(binary, "hinge", "Zero beyond the margin and linear before it: support vector machines")]
pub struct HingeLoss {
    config: HingeLossConfig,
}

/// Config of [`HingeLoss`].
#[loss_config]
pub struct HingeLossConfig {
    /// A sample whose signed margin is at least this has the value 0; 0 is the perceptron.
    #[field(default = 1.0, range = ">= 0")]
    pub margin: f64,
    /// Whether the hinge is squared.
    #[field(default = false)]
    pub squared: bool,
}

impl BinaryLoss for HingeLoss {}

impl Formula for HingeLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let short = (-signed_margin(logit, target) + self.config.margin).relu();
        if self.config.squared { short.square() } else { short }
    }
}
