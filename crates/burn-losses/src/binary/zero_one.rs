//! Zero-one loss, binary.

use super::BinaryLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Zero-one loss: 1 where the prediction is wrong. Its mean is the error rate.
///
/// # Formula
/// 1 where (x > threshold) differs from (y > 1/2), else 0. A NaN is not above the threshold.
///
/// # When to use
/// For evaluation only: the gradient is exactly 0 everywhere, so that nothing can be learned from it. Train with
/// [`BceLoss`](super::BceLoss), or with [`HingeLoss`](super::HingeLoss), which at margin 1 is never below it.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::ZeroOneLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = ZeroOneLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([0.3, -0.2, 4.0, 1.0], &device),
///     Tensor::from_floats([1.0, 1.0, 1.0, 0.0], &device),
/// );
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.zero_one_loss`: the mean of this loss, from predicted labels.
/// - `keras.metrics.BinaryAccuracy`: 1 minus the mean of this loss; its threshold is a probability, 0.5.
#[loss(binary, "zero_one", "Error rate, for evaluation: its gradient is zero")]
pub struct ZeroOneLoss {
    config: ZeroOneLossConfig,
}

/// Config of [`ZeroOneLoss`].
#[loss_config]
pub struct ZeroOneLossConfig {
    /// Logits above this count as positive.
    #[field(default = 0.0)]
    pub threshold: f64,
}

impl BinaryLoss for ZeroOneLoss {}

impl Formula for ZeroOneLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let (zero, one) = (logit.lit(0.0), logit.lit(1.0));
        let missed = R::select(&logit.gt_lit(self.config.threshold), zero.clone(), one.clone());
        let raised = R::select(&logit.gt_lit(self.config.threshold), one, zero);
        R::select(&target.gt_lit(0.5), missed, raised)
    }
}
