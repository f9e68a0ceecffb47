//! Losses of an anchor and all rows that it is compared with.

use super::Real;
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::Choice;
use core::fmt::Debug;

/// A loss of one row of a batch, the anchor, compared with all others.
///
/// The formula says what a single pair adds, as a function of the pair's score. [`eval`](Self::eval) says which pairs are added
/// up, and what is computed from the sums.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
/// use burn_losses::{Loss, Reduction, metric::MetricLoss};
///
/// /// How much nearer, in cosines, the farthest positive should be than the negatives are in the mean.
/// #[derive(Debug, Clone)]
/// struct Lead;
///
/// impl AnchorFormula for Lead {
///     fn score(&self) -> Score {
///         Score::Cosine
///     }
///     #[inline(always)]
///     fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
///         (anchor.mean(Partners::Negatives) - anchor.smallest(Partners::Positives)).softplus()
///     }
///     fn counts(&self) -> Counts {
///         Counts::WithBoth
///     }
/// }
///
/// impl Loss for Lead {
///     fn kind(&self) -> &'static str {
///         "lead"
///     }
///     fn reduction(&self) -> Reduction {
///         Reduction::Mean
///     }
/// }
///
/// impl MetricLoss for Lead {}
///
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], &Device::flex());
/// let labels = Tensor::<1, Int>::from_ints([0, 0, 1], &Device::flex());
/// let (value, paths) = burn_losses::watched(|| Lead.forward(embeddings, labels));
/// assert_eq!(paths.fused, ["pairs"]);
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
pub trait AnchorFormula: Debug + Clone + Send + Sync + 'static {
    /// How the score of a pair is computed.
    fn score(&self) -> Score;

    /// The exponent of a pair in [`Anchor::log_sum_exp`].
    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, score: R) -> R {
        let _ = partners;
        score
    }

    /// The term that a pair adds to [`Anchor::sum`].
    #[inline(always)]
    fn term<R: Real>(&self, partners: Partners, score: R) -> R {
        let _ = partners;
        score
    }

    /// The term that a pair adds to [`Anchor::sum_with`], and a triplet to [`Anchor::triplets`].
    #[inline(always)]
    fn term_with<R: Real>(&self, partners: Partners, score: R, other: R) -> R {
        let _ = other;
        self.term(partners, score)
    }

    /// The value of an anchor.
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number;

    /// How much an anchor counts in a mean.
    fn counts(&self) -> Counts;

    /// The rows of earlier batches that an anchor is compared with too; `None`: those of its batch alone.
    fn earlier(&self) -> Option<&dyn EarlierRows> {
        None
    }

    /// Whether a value is a sum over pairs, each pair adds the same to both of its rows, and every anchor has count 1. Then no pair of
    /// two views is computed twice.
    fn is_symmetric(&self) -> bool {
        false
    }
}

/// A memory of rows of earlier batches.
pub trait EarlierRows: Debug + Send + Sync {
    /// Checks the size of the embeddings; the error says what it must be.
    fn accepts(&self, size: usize) -> Result<(), String>;

    /// The rows that this batch is compared with, in its type and on its device.
    fn rows(&self, batch: &Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Earlier;

    /// Sees a batch whose values have been computed; it is a training step on a device with autodiff.
    fn after_step(&self, rows: &Tensor<2>, labels: &Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>);

    /// Adds rows, of which the first are the oldest.
    fn enqueue(&self, rows: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>);
}

/// Rows of earlier batches.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// The rows, without a gradient: `[M, E]`.
    pub rows: Tensor<2>,
    /// Their labels: `[M]`.
    pub labels: Tensor<1, Int>,
    /// False where there is no row: `[M]`.
    pub filled: Tensor<1, Bool>,
    /// Whether no row of the batch itself is a negative.
    pub are_all_negatives: bool,
}

/// An anchor and its pairs. The value of an anchor is computed from at most two of the numbers here.
pub trait Anchor {
    /// A number of the anchor.
    type Number: Real;

    /// The logarithm of the sum of e^[`exponent`](AnchorFormula::exponent) over the partners; far below 0 without a partner.
    fn log_sum_exp(&mut self, partners: Partners) -> Self::Number;
    /// The sum of the [`term`](AnchorFormula::term)s of the partners.
    fn sum(&mut self, partners: Partners) -> Self::Number;
    /// The mean of the [`term`](AnchorFormula::term)s of the partners; 0 without a partner.
    fn mean(&mut self, partners: Partners) -> Self::Number;
    /// The sum of the [`term_with`](AnchorFormula::term_with)s of the partners, each computed with `other`.
    fn sum_with(&mut self, partners: Partners, other: Self::Number) -> Self::Number;
    /// The largest score among the partners; far below 0 without a partner.
    fn largest(&mut self, partners: Partners) -> Self::Number;
    /// The smallest score among the partners; far above 0 without a partner.
    fn smallest(&mut self, partners: Partners) -> Self::Number;
    /// The sum over triplets of the [`term_with`](AnchorFormula::term_with) of the negative's score, with the positive's score as
    /// `other`.
    fn triplets(&mut self, chosen: Triplets) -> Self::Number;
}

/// Which triplets of an anchor, a positive and a negative are added up. No gradient flows through the choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Triplets {
    /// All triplets.
    All,
    /// The triplets whose negative has a greater score than the positive, by no more than this.
    Within(f64),
    /// One triplet per positive. Its negative is the one with the smallest score that is greater than the positive's; if no score
    /// is greater, the one with the greatest score.
    Nearest,
}

/// The rows that an anchor is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partners {
    /// The other rows with the anchor's label.
    Positives,
    /// The rows with another label.
    Negatives,
    /// Positives and negatives.
    All,
}

/// How far apart two embeddings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Distance {
    /// The length of the difference; its gradient at 0, where it has a kink, is 0.
    #[default]
    Euclidean,
    /// The square of the Euclidean distance.
    SquaredEuclidean,
    /// 1 - the cosine of the angle.
    Cosine,
}

/// How the score of a pair is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// The caller computes it: logits of a classifier, or a learned scale of cosines. A formula of embeddings and labels cannot have it.
    Precomputed,
    /// The cosine of the angle.
    Cosine,
    /// The distance between the embeddings. If the flag is true, they are brought to length 1 first.
    Distance(Distance, bool),
}

/// How much an anchor counts in a mean. An anchor that does not count has the value 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Every anchor counts 1.
    One,
    /// An anchor counts as often as it has pairs.
    Pairs,
    /// An anchor counts as often as it has positives.
    Positives,
    /// An anchor counts 1 if it has a positive.
    WithPositive,
    /// An anchor counts 1 if it has a positive and a negative.
    WithBoth,
    /// An anchor counts 1 if it has a positive, a negative, and a value that is not 0.
    Active,
    /// An anchor counts as often as it has [`Triplets`].
    Triplets,
    /// An anchor counts as often as it has [`Triplets`] whose term is not 0.
    ActiveTriplets,
}
