//! Focal loss, multi-class.

use super::{ClassificationLoss, SoftTargets};
use crate::config::{ClassFactor, ClassWeights};
use crate::error::ConfigError;
use crate::formula::safe::{bounded, focus, weighted};
use crate::formula::{Real, RowFormula};
use burn_losses_derive::{loss, loss_config};

/// Focal loss (Lin et al. 2017, [arXiv 1708.02002](https://arxiv.org/abs/1708.02002)) of a softmax.
///
/// # Formula
/// `alpha_y (1 - p_y)^gamma (-ln p_y)`, p = softmax(x). Soft targets: `sum_c q_c alpha_c (1 - p_c)^gamma (-ln p_c)`.
///
/// alpha is a factor for the rows of a class. It does not enter the divisor of the mean, which is the number of rows that are
/// not ignored. The `class_weights` are such factors too, and the mean divides by their sum over these rows.
///
/// # When to use
/// For class imbalance where most rows are easy, such as a long tail of classes or small objects in semantic segmentation, and
/// against over-confidence (calibration: Mukhoti et al. 2020, [arXiv 2002.09437](https://arxiv.org/abs/2002.09437)). For
/// detection with one sigmoid per class take [`FocalLoss`](crate::binary::FocalLoss) of the family `binary`. With noisy labels
/// the wrong ones weigh most: take [`CrossEntropyLoss`](super::CrossEntropyLoss) with label smoothing.
///
/// # Numerics
/// Value and gradient are finite for all finite logits and every gamma, also between 0 and 1; gamma = 0 is
/// [`CrossEntropyLoss`](super::CrossEntropyLoss). 1 - p is computed as a difference: for rows that are certain and right (p
/// above 1 - 1e-4 in f32), the value, which is tiny, loses digits. 1 - p below 1e-30 counts as 1e-30.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::FocalLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = FocalLossConfig::new().with_gamma(1.0).init(&device);
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([1], &device));
/// assert!((value.into_scalar::<f32>() - 0.5 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `kornia.losses.focal_loss`: its `alpha` differs (1 - alpha for class 0), and its `weight` is this `alpha`, one per class.
///   The values of its rows are the same, but its mean also divides by C, and ignored rows count in it.
/// - `monai.losses.FocalLoss`: with `use_softmax` and one-hot targets; a number as `alpha` is 1 - alpha for class 0, a list is
///   this `alpha`, and its mean also divides by C.
/// - `keras.losses.CategoricalFocalCrossentropy`: its `alpha` means the same, but is 0.25 by default; its targets are one-hot,
///   and it takes probabilities, or logits with `from_logits`, and clips the probabilities at 1e-7.
///
/// segmentation_models_pytorch has another loss in its mode `multiclass`: one sigmoid per class. PyTorch has none.
#[loss(classification, "focal", "Softmax cross-entropy that down-weights easy examples")]
pub struct FocalLoss {
    config: FocalLossConfig,
}

/// Config of [`FocalLoss`].
#[loss_config(check = check)]
pub struct FocalLossConfig {
    /// Focusing parameter: how strongly easy rows are down-weighted; 0 is cross-entropy.
    #[field(default = 2.0, range = ">= 0")]
    pub gamma: f64,
    /// The factor of each row: one number for all, or one per class, chosen by the label, or the counts that they follow from.
    #[field(default = ClassFactor::None, range = ">= 0")]
    pub alpha: ClassFactor,
    /// One weight per class, or the counts that the weights follow from. They enter the divisor of the mean, as those of
    /// `cross_entropy` do, and `alpha` then is at most one number.
    #[field(default = ClassWeights::None, range = ">= 0")]
    pub class_weights: ClassWeights,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

fn check(config: &FocalLossConfig) -> Result<(), ConfigError> {
    if config.class_weights.is_none() || config.alpha.per_class().is_none() {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss: "focal",
        field: "class_weights".into(),
        value: "one number per class".into(),
        allowed: "none together with an `alpha` per class: a row has one factor".into(),
    })
}

impl ClassificationLoss for FocalLoss {}

impl SoftTargets for FocalLoss {}

impl RowFormula for FocalLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        let miss = -bounded(log_p.clone()).exp() + 1.0;
        let value = weighted(share, focus(miss, self.config.gamma) * -log_p);
        match self.config.alpha {
            ClassFactor::Number(alpha) => value.lit(alpha).weigh(value),
            _ => value,
        }
    }

    fn class_factors(&self) -> Option<&[f64]> {
        self.config.class_weights.per_class().or(self.config.alpha.per_class())
    }

    fn factors_count(&self) -> bool {
        self.config.class_weights.is_some()
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}
