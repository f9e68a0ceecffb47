//! Supervised contrastive loss.

use super::MetricLoss;
use crate::engine::pairs::queue::Queue;
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Partners, Real, Score};
use crate::options::Memory;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Supervised contrastive loss (Khosla et al. 2020, [arXiv 2004.11362](https://arxiv.org/abs/2004.11362)), the form with the sum
/// outside the logarithm.
///
/// # Formula
/// `-1/|P| sum_p ln(e^(s_ap / T) / sum_(k != a) e^(s_ak / T))` for each anchor a with the positives P, where s is the cosine.
///
/// # When to use
/// For supervised contrastive pretraining, before a linear classifier on the frozen embeddings, with large batches that have
/// several rows of each class. Without labels take [`NtXentLoss`](super::NtXentLoss); where the embeddings themselves are
/// compared, as in retrieval, [`MultiSimilarityLoss`](super::MultiSimilarityLoss) is an alternative.
///
/// # Numerics
/// The loss is a log-softmax over all rows but the anchor, which is finite at every temperature.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::SupConLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SupConLossConfig::new().init(&device);
/// // All the same: one of three others is the positive.
/// let embeddings = Tensor::<2>::ones([4, 2], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1, 1], &device));
/// assert!((value.into_scalar::<f32>() - 3f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.SupConLoss`: the same formula; a batch whose rows all have one label is 0 there.
///
/// The authors' code multiplies the loss by T / 0.07.
#[loss(metric, "sup_con", "Supervised contrastive loss: positives against all other samples of the batch")]
pub struct SupConLoss {
    config: SupConLossConfig,
    memory: Option<Queue>,
}

/// Config of [`SupConLoss`].
#[loss_config]
pub struct SupConLossConfig {
    /// T: the smaller, the more the nearest rows count.
    #[field(default = 0.1, range = ">= 0.001")]
    pub temperature: f64,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl SupConLossConfig {
    fn build(&self, device: &Device) -> SupConLoss {
        SupConLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl MetricLoss for SupConLoss {}

impl AnchorFormula for SupConLoss {
    fn score(&self) -> Score {
        Score::Cosine
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, _: Partners, cosine: R) -> R {
        cosine * (1.0 / self.config.temperature)
    }

    #[inline(always)]
    fn term<R: Real>(&self, positives: Partners, cosine: R) -> R {
        self.exponent(positives, cosine)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.log_sum_exp(Partners::All) - anchor.mean(Partners::Positives)
    }

    fn counts(&self) -> Counts {
        Counts::WithPositive
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}
