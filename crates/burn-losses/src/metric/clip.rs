//! CLIP's loss.

use super::{MetricLoss, views};
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, NeededPartners};
use crate::error::InputError;
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Score};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::module::Param;
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// CLIP's symmetric cross-entropy of two views (Radford et al. 2021, [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)).
///
/// # Formula
/// The first half of the rows is one view, the second half the other. For a row i with its partners P(i), the rows of the other half
/// that have its label,
/// ```text
/// -1/|P(i)| sum_(p in P(i)) ln softmax_j(cos_ij / temperature)_p
/// ```
/// over all rows j of the other half. With labels that occur once per view, the mean is CLIP's loss. A row without a partner does
/// not count. `learned`: the cosines get a further factor e^t, t a parameter that begins at 0; e^t / temperature is at most 100.
///
/// The negatives are those of the batch on this device: nothing is gathered from other devices.
///
/// # When to use
/// To align two modalities, such as pictures and texts, or questions and documents: retrieval across them, and classification
/// without examples (zero-shot). It needs large batches, since the other rows are the negatives;
/// [`SiglipLoss`](super::SiglipLoss) suffers less from small ones. For two views of the same kind take
/// [`NtXentLoss`](super::NtXentLoss), which has negatives in both.
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
/// - `open_clip.ClipLoss`: of features that are normalized already, with `logit_scale` = e^t / temperature as an argument.
/// - `sentence_transformers.losses.MultipleNegativesSymmetricRankingLoss`: with `scale` = 1 / temperature, 20 by default, which
///   is not learned (`learned = false`).
#[loss(metric, "clip", "Symmetric InfoNCE between two views (CLIP): each row identifies its partner in the other view")]
pub struct ClipLoss {
    config: ClipLossConfig,
    /// t of the factor e^t, where it is learned.
    scale: Option<Param<Tensor<1>>>,
}

/// Config of [`ClipLoss`].
#[loss_config]
pub struct ClipLossConfig {
    /// What divides the cosines.
    #[field(default = 0.07, range = ">= 0.01")]
    pub temperature: f64,
    /// Whether a further factor is learned.
    #[field(default = true)]
    pub learned: bool,
}

impl ClipLossConfig {
    fn build(&self, device: &Device) -> ClipLoss {
        ClipLoss { config: self.clone(), scale: self.learned.then(|| views::number(device)) }
    }
}

impl MetricLoss for ClipLoss {
    fn tuples(&self) -> Option<Signature> {
        Some(views::signature())
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let (first, second) = (arguments.float("first"), arguments.float("second"));
        self.check_views(&first, &second, &Extras::new())?;
        Ok(match wanted {
            Wanted::Values => self.forward_views_unreduced(first, second, Extras::new()).values.into(),
            Wanted::Loss => self.forward_views(first, second).into(),
        })
    }
}

impl ClipLoss {
    /// The value of two views of the same things, row by row, reduced as the config says.
    ///
    /// # Shapes
    /// - first, second: `[N, E]`
    ///
    /// # Panics
    /// With the message of [`check_views`](Self::check_views)'s error.
    #[track_caller]
    pub fn forward_views(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        views::forward(self, first, second, Extras::new())
    }

    /// Like [`forward_views`](Self::forward_views), with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[2 N]`, the rows of the first view before those of the second
    ///
    /// # Panics
    /// With the message of [`check_views`](Self::check_views)'s error.
    #[track_caller]
    pub fn forward_views_with(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        views::forward(self, first, second, extras.into())
    }

    /// One value per row of the two views, the rows of the first before those of the second, times its weight and divided by
    /// the divisor.
    ///
    /// # Panics
    /// With the message of [`check_views`](Self::check_views)'s error.
    #[track_caller]
    pub fn forward_views_unreduced(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        views::forward_unreduced(self, first, second, extras.into())
    }

    /// What is wrong with two views: their shapes, types and devices.
    pub fn check_views(&self, first: &Tensor<2>, second: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        views::check(self.kind(), first, second, extras)
    }
}

/// Cross-entropy of the row's scores, the mean over its partners.
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
