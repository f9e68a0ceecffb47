//! Circle loss.

use super::MetricLoss;
use crate::engine::pairs::queue::Queue;
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Partners, Real, Score};
use crate::options::Memory;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Circle loss (Sun et al. 2020, [arXiv 2002.10857](https://arxiv.org/abs/2002.10857)).
///
/// # Formula
/// ```text
/// softplus(LSE_n(gamma a_n (s_n - m)) + LSE_p(-gamma a_p (s_p - 1 + m)))
/// a_p = max(0, 1 + m - s_p)    a_n = max(0, s_n + m)
/// ```
/// s is the cosine, m the margin, and LSE the logarithm of the sum of exponentials. The paces a_p and a_n have no gradient, as in the
/// paper. Only anchors with a positive and a negative count.
///
/// # When to use
/// For face recognition, person re-identification and fine-grained retrieval with class labels: pairs far from their optimum get
/// most of the gradient, so nothing is mined. The paper has a margin of 0.25 and gamma = 256 for faces, 0.25 and 128 for persons,
/// 0.4 and 80 for retrieval. [`MultiSimilarityLoss`](super::MultiSimilarityLoss) is a milder weighting of the pairs.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::CircleLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = CircleLossConfig::new().with_gamma(1.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// // s_p = 1 and s_n = 0: a_n (0 - m) - a_p m = -1/16 - 1/16.
/// assert!((value.into_scalar::<f32>() - (1.0 + (-0.125f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.CircleLoss`: the same formula; its defaults are m = 0.4 and gamma = 80.
/// - `keras.losses.Circle`: it takes embeddings that already have length 1; the gradient also flows through the paces, and its
///   defaults are margin = 0.4 and gamma = 80.
#[loss(metric, "circle", "Re-weights each pair by its distance from its optimum (adaptive pace)")]
pub struct CircleLoss {
    config: CircleLossConfig,
    memory: Option<Queue>,
}

/// Config of [`CircleLoss`].
#[loss_config]
pub struct CircleLossConfig {
    /// The margin m: how far from 1 and 0 the similarities may stay.
    #[field(default = 0.25, range = "(0, 1)")]
    pub margin: f64,
    /// The scale of the similarities.
    #[field(default = 256.0, range = "> 0")]
    pub gamma: f64,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl CircleLossConfig {
    fn build(&self, device: &Device) -> CircleLoss {
        CircleLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl MetricLoss for CircleLoss {}

impl AnchorFormula for CircleLoss {
    fn score(&self) -> Score {
        Score::Cosine
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, cosine: R) -> R {
        let CircleLossConfig { margin, gamma, .. } = self.config;
        let known = cosine.clone().stop();
        if partners == Partners::Positives {
            (-known + (1.0 + margin)).relu() * -gamma * (cosine - (1.0 - margin))
        } else {
            (known + margin).relu() * gamma * (cosine - margin)
        }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        // Without partners, both logarithms are far below 0, and their sum stays finite.
        (anchor.log_sum_exp(Partners::Positives) + anchor.log_sum_exp(Partners::Negatives)).softplus()
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}
