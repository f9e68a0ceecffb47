//! CLIP's loss.

use super::MetricLoss;
use super::views::{self, TwoViews};
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, NeededPartners};
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Score};
use crate::reduction::Unreduced;
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::module::Param;
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// CLIP's symmetric cross-entropy of two views (Radford et al. 2021, [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)).
///
/// # Formula
/// The first half of the rows is one view, the second half the other. For a row i, its partners P(i) are the rows of the other
/// half that have its label. The value of the row is
/// ```text
/// -1/|P(i)| sum_(p in P(i)) ln softmax_j(cos_ij / temperature)_p
/// ```
/// over all rows j of the other half. If each label occurs once per view, the mean is CLIP's loss. A row without a partner does
/// not count. With `learned`, the cosines are also multiplied by e^t, where t is a parameter that begins at 0; e^t / temperature
/// is at most 100.
///
/// The negatives are those of the batch on this device: nothing is gathered from other devices.
///
/// # When to use
/// To align two modalities, such as images and texts, or questions and documents: for retrieval across them, and for zero-shot
/// classification. It needs large batches, since the other rows are the negatives; [`SiglipLoss`](super::SiglipLoss) suffers less
/// from small ones. For two views of the same kind take [`NtXentLoss`](super::NtXentLoss), which has negatives in both, and where only
/// one direction is searched [`InfoNceLoss`](super::InfoNceLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::metric::ClipLossConfig;
///
/// let device = Device::flex();
/// let loss = ClipLossConfig::new().with_temperature(1.0).init(&device);
/// let images = Tensor::<2>::from_floats([[2.0, 0.0], [0.0, 3.0]], &device);
/// let texts = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let value: f32 = loss.forward_views(images, texts).into_scalar();
/// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `open_clip.ClipLoss`: for features that are already normalized, with `logit_scale` = e^t / temperature as an argument.
/// - `sentence_transformers.losses.MultipleNegativesSymmetricRankingLoss`: with `scale` = 1 / temperature, 20 by default, which
///   is not learned (`learned = false`).
#[loss(metric, "clip", "Symmetric InfoNCE between two views (CLIP): each row identifies its partner in the other view")]
pub struct ClipLoss {
    config: ClipLossConfig,
    /// The parameter t of the factor e^t; `None` if it is not learned.
    scale: Option<Param<Tensor<1>>>,
}

/// Config of [`ClipLoss`].
#[loss_config]
pub struct ClipLossConfig {
    /// The divisor of the cosines.
    #[field(default = 0.07, range = ">= 0.01")]
    pub temperature: f64,
    /// Whether a further factor of the cosines is learned.
    #[field(default = true)]
    pub learned: bool,
}

impl ClipLossConfig {
    fn build(&self, device: &Device) -> ClipLoss {
        ClipLoss { config: self.clone(), scale: self.learned.then(|| views::number(device)) }
    }
}

impl MetricLoss for ClipLoss {
    fn tuples(&self) -> Vec<Signature> {
        vec![views::signature()]
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        views::call(self, arguments, wanted)
    }
}

impl TwoViews for ClipLoss {}

/// The cross-entropy of the row's scores, averaged over its partners.
#[derive(Debug, Clone)]
struct CrossEntropy;

impl AnchorFormula for CrossEntropy {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.log_sum_exp(Partners::All) - anchor.mean(Partners::Positives)
    }

    fn counts(&self) -> Counts {
        Counts::WithPositive
    }
}

impl Anchors for ClipLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let factor = views::factor(self.scale.as_ref(), self.config.temperature, &embeddings);
        let nothing = views::constant(0.0, &embeddings);
        pairs::of_views(&CrossEntropy, embeddings, labels, [factor, nothing], mask)
    }

    fn accepts(&self, rows: usize, _: usize) -> Result<(), String> {
        views::accepts(rows)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::OtherView
    }

    fn compares_cosines(&self) -> bool {
        true
    }
}
