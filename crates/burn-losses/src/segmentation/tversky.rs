//! Tversky loss.

use super::{Denominator, OverlapForm, RegionOptions, SegmentationLoss, Smooth};
use crate::error::ConfigError;
use crate::formula::{Overlap, OverlapFormula, Real};
use burn_losses_derive::{loss, loss_config};

/// Tversky loss (Salehi et al. 2017, [arXiv 1706.05721](https://arxiv.org/abs/1706.05721)).
///
/// # Formula
/// `1 - (TP + smooth) / (TP + fp_weight FP + fn_weight FN + smooth)` for each sample and class, with TP = sum(p t),
/// FP = sum p - TP and FN = sum t - TP. fp_weight is the paper's alpha, fn_weight its beta.
///
/// `form` has the logarithm of the quotient, and ln cosh of one minus the quotient.
///
/// With both weights 0.5 it is Dice (with half its `smooth`), with both weights 1 it is Jaccard.
///
/// # When to use
/// For class imbalance where the two kinds of errors do not cost the same, such as small lesions that must not be missed: a
/// larger `fn_weight` raises recall, a larger `fp_weight` raises precision. Where both cost the same,
/// [`DiceLoss`](super::DiceLoss) is enough; [`FocalTverskyLoss`](super::FocalTverskyLoss) also lets hard regions, or those that
/// nearly fit, count more.
///
/// # Numerics
/// The same as for [`DiceLoss`](super::DiceLoss). With squared areas the denominator is positive only if the square roots of
/// the weights differ by at most 1; other weights are refused.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, TverskyLossConfig}};
///
/// let device = Device::flex();
/// let config = TverskyLossConfig::new().with_fp_weight(0.3).with_fn_weight(0.7);
/// let loss = config.with_activation(Activation::None).with_smooth(0.0).init(&device);
/// // Two pixels found, one of them wrongly; one missed.
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[1.0, 1.0, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 1.0]]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.TverskyLoss`: its `alpha` is `fp_weight`, its `beta` is `fn_weight`, and its `smooth_nr` and `smooth_dr` are
///   1e-5. It applies no activation unless it is told to.
/// - `segmentation_models_pytorch.losses.TverskyLoss`: its `alpha` is `fp_weight`, its `beta` is `fn_weight`. It sums over the
///   batch (`over = "batch"`), has `log_loss` for `form = "log"`, and drops absent classes from the sum but not from the mean.
/// - `mmseg.models.losses.TverskyLoss`: it applies a softmax, with `alpha` = 0.3 (`fp_weight`) and `beta` = 0.7 (`fn_weight`)
///   by default, whose sum has to be 1.
/// - `kornia.losses.TverskyLoss`: its `alpha` is `fp_weight`, its `beta` is `fn_weight`. It applies a softmax, adds `eps` to
///   the denominator only, and takes the mean of the classes that are present.
/// - `keras.losses.Tversky`: in Keras 3.15 and before its `alpha` is `fn_weight`. It takes probabilities, and pools the batch
///   and the classes into one value unless `axis` is given.
/// - `optax.losses.dice_loss`: its `alpha` is `fp_weight`, its `beta` is `fn_weight`. It has the classes on the last axis and
///   applies a softmax by default.
/// - `ivadomed.losses.TverskyLoss`: minus the index, without the 1, over the batch; `alpha` = 0.7 is `fp_weight`.
#[loss(segmentation, "tversky", "Dice with separate weights for false positives and false negatives")]
pub struct TverskyLoss {
    config: TverskyLossConfig,
}

/// Config of [`TverskyLoss`].
#[loss_config(check = check)]
pub struct TverskyLossConfig {
    /// The weight of false positives: the paper's alpha.
    #[field(default = 0.5, range = ">= 0")]
    pub fp_weight: f64,
    /// The weight of false negatives: the paper's beta.
    #[field(default = 0.5, range = ">= 0")]
    pub fn_weight: f64,
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// How the loss falls with the score of a region.
    #[field(default = OverlapForm::Linear)]
    pub form: OverlapForm,
    /// The options that the losses of this family share.
    #[field(flatten)]
    pub regions: RegionOptions,
}

fn check(config: &TverskyLossConfig) -> Result<(), ConfigError> {
    check_weights("tversky", config.regions.denominator, config.fp_weight, config.fn_weight)
}

impl SegmentationLoss for TverskyLoss {
    fn regions(&self) -> RegionOptions {
        self.config.regions.clone()
    }
}

impl OverlapFormula for TverskyLoss {
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R {
        let miss = miss(overlap, self.config.fp_weight, self.config.fn_weight, self.config.smooth);
        self.config.form.of_miss(miss)
    }
}

/// One minus the Tversky index.
pub(super) fn miss<R: Real>(overlap: Overlap<R>, fp_weight: f64, fn_weight: f64, smooth: Smooth) -> R {
    let wrong = overlap.false_positives() * fp_weight + overlap.false_negatives() * fn_weight;
    smooth.miss(overlap.both.clone(), overlap.both + wrong)
}

/// a p^2 + b t^2 - (a + b - 1) p t is never negative if and only if |sqrt a - sqrt b| <= 1.
pub(super) fn check_weights(
    loss: &'static str,
    denominator: Denominator,
    fp_weight: f64,
    fn_weight: f64,
) -> Result<(), ConfigError> {
    if denominator == Denominator::Linear || (fp_weight.sqrt() - fn_weight.sqrt()).abs() <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss,
        field: "denominator".into(),
        value: format!("`squared` with fp_weight {fp_weight} and fn_weight {fn_weight}"),
        allowed: "`linear`, or weights whose square roots differ by at most 1 (else the denominator can be negative)"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squared_areas_need_weights_that_are_alike() {
        let config = TverskyLossConfig::new().with_fp_weight(2.0).with_fn_weight(0.1);
        assert!(config.validate().is_ok());
        let error = config.with_denominator(Denominator::Squared).validate().unwrap_err().to_string();
        assert!(error.starts_with("tversky: `denominator` is `squared` with fp_weight 2 and fn_weight 0.1"), "{error}");
    }

    /// The example of the formula with a negative denominator: p = 0.275 on a pixel with t = 1.
    #[test]
    fn the_bound_is_needed() {
        let (a, b, p) = (2.0, 0.1, 0.275);
        assert!(p + a * (p * p - p) + b * (1.0 - p) < 0.0);
    }
}
