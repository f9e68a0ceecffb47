//! Multi-similarity loss.

use super::MetricLoss;
use crate::engine::pairs::queue::Queue;
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Partners, Real, Score};
use crate::options::Memory;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Multi-similarity loss (Wang et al. 2019, [arXiv 1904.06627](https://arxiv.org/abs/1904.06627)), without the paper's mining.
///
/// # Formula
/// `1/alpha ln(1 + sum_p e^(-alpha (s_ap - base))) + 1/beta ln(1 + sum_n e^(beta (s_an - base)))`, where s is the cosine. Only
/// anchors with a positive and a negative count.
///
/// # When to use
/// For retrieval and fine-grained recognition with class labels, in batches with several rows of each class: hard pairs weigh
/// more by themselves, so no mining is needed. Where batches are small, [`ProxyAnchorLoss`](super::ProxyAnchorLoss) compares with
/// proxies instead; [`TripletLoss`](super::TripletLoss) is the simpler loss.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::MultiSimilarityLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = MultiSimilarityLossConfig::new().with_beta(2.0).with_base(0.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// assert!((value.into_scalar::<f32>() - ((1.0 + (-2f32).exp()).ln() + 2f32.ln()) / 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.MultiSimilarityLoss`: it counts anchors without a partner too.
#[loss(metric, "multi_similarity", "Weights each pair by its similarity and by the other pairs of its anchor")]
pub struct MultiSimilarityLoss {
    config: MultiSimilarityLossConfig,
    memory: Option<Queue>,
}

/// Config of [`MultiSimilarityLoss`].
#[loss_config]
pub struct MultiSimilarityLossConfig {
    /// How strongly distant positives are emphasized.
    #[field(default = 2.0, range = ">= 0.001")]
    pub alpha: f64,
    /// How strongly near negatives are emphasized.
    #[field(default = 50.0, range = ">= 0.001")]
    pub beta: f64,
    /// The similarity that positives exceed and negatives stay below: the paper's lambda.
    #[field(default = 0.5, range = "[-1, 1]")]
    pub base: f64,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl MultiSimilarityLossConfig {
    fn build(&self, device: &Device) -> MultiSimilarityLoss {
        MultiSimilarityLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl MetricLoss for MultiSimilarityLoss {}

impl AnchorFormula for MultiSimilarityLoss {
    fn score(&self) -> Score {
        Score::Cosine
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, cosine: R) -> R {
        let MultiSimilarityLossConfig { alpha, beta, base, .. } = self.config;
        (cosine - base) * if partners == Partners::Positives { -alpha } else { beta }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let MultiSimilarityLossConfig { alpha, beta, .. } = self.config;
        let positives = anchor.log_sum_exp(Partners::Positives).softplus() * (1.0 / alpha);
        positives + anchor.log_sum_exp(Partners::Negatives).softplus() * (1.0 / beta)
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}
