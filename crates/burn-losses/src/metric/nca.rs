//! Neighborhood component analysis.

use super::{Distance, MetricLoss};
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use burn_losses_derive::{loss, loss_config};

/// Neighborhood component analysis (Goldberger et al. 2004,
/// [NIPS 17](https://papers.nips.cc/paper/2004/hash/42fe880812925e520249e808937738d2-Abstract.html)).
///
/// # Formula
/// ```text
/// -ln(sum_p e^(-scale D(a, p)^2) / sum_(k != a) e^(-scale D(a, k)^2))
/// ```
/// for each anchor a with the positives p and the other rows k, where D is the Euclidean distance and scale is `softmax_scale`: minus
/// the logarithm of the probability that a random neighbor of the anchor has its label. An anchor without a positive or a negative
/// does not count.
///
/// # When to use
/// For embeddings that are classified by their nearest neighbors. One near positive is enough for an anchor, so a class may have several
/// clusters. [`SupConLoss`](super::SupConLoss) pulls all positives together.
///
/// # Numerics
/// The value is computed as the difference of two log-sum-exps, and is finite where
/// `softmax_scale` times the largest squared distance is below 1e30.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::NcaLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = NcaLossConfig::new().with_normalize(false).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[0.0], [0.0], [1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.NCALoss`: the same; an anchor without a positive or a negative counts there as 0.
#[loss(metric, "nca", "Neighborhood component analysis: a random near neighbor has the same label")]
pub struct NcaLoss {
    config: NcaLossConfig,
}

/// Config of [`NcaLoss`].
#[loss_config]
pub struct NcaLossConfig {
    /// The factor of the squared distances: the larger, the more the nearest rows count.
    #[field(default = 1.0, range = "(0, 1e12]")]
    pub softmax_scale: f64,
    /// Whether the embeddings are L2-normalized first.
    #[field(default = true)]
    pub normalize: bool,
}

impl MetricLoss for NcaLoss {}

impl AnchorFormula for NcaLoss {
    fn score(&self) -> Score {
        Score::Distance(Distance::SquaredEuclidean, self.config.normalize)
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, _: Partners, square: R) -> R {
        square * -self.config.softmax_scale
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.log_sum_exp(Partners::All) - anchor.log_sum_exp(Partners::Positives)
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }
}
