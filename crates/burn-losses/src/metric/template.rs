//! TODO: its name.

use super::MetricLoss;
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `softplus(LSE_n(scale s_n) + LSE_p(-scale s_p))` of the cosines s with positives p and negatives n. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().init(&device);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(metric, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl MetricLoss for TemplateLoss {}

impl AnchorFormula for TemplateLoss {
    fn score(&self) -> Score {
        Score::Cosine
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, cosine: R) -> R {
        cosine * if partners == Partners::Positives { -self.config.scale } else { self.config.scale }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        (anchor.log_sum_exp(Partners::Positives) + anchor.log_sum_exp(Partners::Negatives)).softplus()
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }
}
