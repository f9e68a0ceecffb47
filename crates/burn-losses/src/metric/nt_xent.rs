//! Normalized temperature-scaled cross-entropy.

use super::MetricLoss;
use crate::engine::pairs::queue::Queue;
use crate::formula::safe::is_below;
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Partners, Real, Score};
use crate::options::Memory;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// NT-Xent (Chen et al. 2020, SimCLR, [arXiv 2002.05709](https://arxiv.org/abs/2002.05709)): two views of an image have one
/// label, which no other image has.
///
/// # Formula
/// `-ln(e^(s_ap / T) / (e^(s_ap / T) + sum_n e^(s_an / T)))` for each anchor a and positive p, where s is the cosine, and n are
/// the rows with other labels. Per anchor, the loss is the sum over its positives; the mean is taken over positives, not anchors.
///
/// With `decoupled` the positive is not in the denominator: `LSE_n(s_an / T) - s_ap / T` (DCL, Yeh et al. 2022,
/// [arXiv 2110.06848](https://arxiv.org/abs/2110.06848)). That may be negative.
///
/// # When to use
/// For self-supervised (contrastive) learning from two augmented views of each image, with large batches: SimCLR's form of
/// InfoNCE. With class labels take [`SupConLoss`](super::SupConLoss); for two modalities, such as images and texts,
/// [`ClipLoss`](super::ClipLoss); for small batches [`VicregLoss`](crate::self_supervised::VicregLoss), which needs no negatives.
///
/// # Numerics
/// The loss is computed as softplus(LSE_n - s_ap / T), which is finite at every temperature. An anchor without negatives has the
/// value 0, also with `decoupled`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::NtXentLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = NtXentLossConfig::new().with_temperature(1.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1, 1], &device));
/// assert!((value.into_scalar::<f32>() - (1.0 + 2.0 * (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.NTXentLoss`: the same.
/// - `optax.losses.ntxent`: the same formula; its temperature is 0.07, and a batch without a positive is NaN.
/// - `lightly.loss.DCLLoss`: with `decoupled`; it adds the logarithms of the sums over the negatives in each view, where the authors and
///   this loss have the logarithm of one sum.
/// - `lightly.loss.NTXentLoss`: it takes the two views as two arguments; for them the same formula, not compared by a test. It
///   can take negatives from a memory bank.
/// - `monai.losses.ContrastiveLoss`: it takes the two views as two arguments; for them the same formula, not compared by a test.
///
/// The temperature of pytorch-metric-learning is 0.07 by default. With several positives per anchor SimCLR's own code would have
/// the other positives in the denominator too; that is [`SupConLoss`](super::SupConLoss).
#[loss(metric, "nt_xent", "Normalized temperature-scaled cross-entropy (SimCLR): each positive against all negatives")]
pub struct NtXentLoss {
    config: NtXentLossConfig,
    memory: Option<Queue>,
}

/// Config of [`NtXentLoss`].
#[loss_config]
pub struct NtXentLossConfig {
    /// T: the smaller, the more the nearest negatives count.
    #[field(default = 0.5, range = ">= 0.001")]
    pub temperature: f64,
    /// Whether the positive is left out of the denominator.
    #[field(default = false)]
    pub decoupled: bool,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl NtXentLossConfig {
    fn build(&self, device: &Device) -> NtXentLoss {
        NtXentLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl MetricLoss for NtXentLoss {}

/// Below this a logarithm of a sum of exponentials is that of no negative.
const LEAST_EXPONENT: f64 = -1e20;

impl AnchorFormula for NtXentLoss {
    fn score(&self) -> Score {
        Score::Cosine
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, _: Partners, cosine: R) -> R {
        cosine * (1.0 / self.config.temperature)
    }

    #[inline(always)]
    fn term_with<R: Real>(&self, positives: Partners, cosine: R, negatives: R) -> R {
        let lead = negatives.clone() - self.exponent(positives, cosine);
        if !self.config.decoupled {
            return lead.softplus();
        }
        let nothing = is_below(&negatives, LEAST_EXPONENT);
        let zero = lead.lit(0.0);
        R::select(&nothing, zero, lead)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let negatives = anchor.log_sum_exp(Partners::Negatives);
        anchor.sum_with(Partners::Positives, negatives)
    }

    fn counts(&self) -> Counts {
        Counts::Positives
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}
