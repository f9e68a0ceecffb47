//! Losses of an anchor and all rows that it is compared with.

use super::Real;
use burn_losses_derive::Choice;
use core::fmt::Debug;

/// A loss of one row of a batch, the anchor, compared with all others.
///
/// What it does with a single pair is a formula of its score; [`eval`](Self::eval) says which pairs are added up, and what becomes of
/// the sums.
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
    /// What the score of a pair is.
    fn score(&self) -> Score;

    /// The x of [`Anchor::log_sum_exp`].
    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, score: R) -> R {
        let _ = partners;
        score
    }

    /// What [`Anchor::sum`] adds up.
    #[inline(always)]
    fn term<R: Real>(&self, partners: Partners, score: R) -> R {
        let _ = partners;
        score
    }

    /// What [`Anchor::sum_with`] and [`Anchor::triplets`] add up.
    #[inline(always)]
    fn term_with<R: Real>(&self, partners: Partners, score: R, other: R) -> R {
        let _ = other;
        self.term(partners, score)
    }

    /// The value of an anchor.
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number;

    /// What an anchor counts in a mean.
    fn counts(&self) -> Counts;

    /// Whether a value is a sum over pairs, each pair adds the same to both of its rows, and every anchor has count 1. Then no pair of
    /// two views is computed twice.
    fn is_symmetric(&self) -> bool {
        false
    }
}

/// An anchor and its pairs: at most two of the numbers here make its value.
pub trait Anchor {
    /// A number of the anchor.
    type Number: Real;

    /// ln of the sum of e^[`exponent`](AnchorFormula::exponent), far below 0 without a partner.
    fn log_sum_exp(&mut self, partners: Partners) -> Self::Number;
    /// The sum of the [`term`](AnchorFormula::term)s.
    fn sum(&mut self, partners: Partners) -> Self::Number;
    /// Their mean, 0 without a partner.
    fn mean(&mut self, partners: Partners) -> Self::Number;
    /// The sum of the [`term_with`](AnchorFormula::term_with)s.
    fn sum_with(&mut self, partners: Partners, other: Self::Number) -> Self::Number;
    /// The largest score, far below 0 without a partner.
    fn largest(&mut self, partners: Partners) -> Self::Number;
    /// The smallest score, far above 0 without a partner.
    fn smallest(&mut self, partners: Partners) -> Self::Number;
    /// The sum over triplets of the [`term_with`](AnchorFormula::term_with) of the negative's score, given the positive's.
    fn triplets(&mut self, chosen: Triplets) -> Self::Number;
}

/// Which triplets of an anchor, a positive and a negative are added up. The choice is a constant for the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Triplets {
    /// All.
    All,
    /// Those whose negative has a greater score than the positive, by no more than this.
    Within(f64),
    /// One per positive: the negative with the smallest score that is greater than the positive's, else the one with the greatest.
    Nearest,
}

/// Rows that an anchor is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partners {
    /// The same label, another row.
    Positives,
    /// Another label.
    Negatives,
    /// Both.
    All,
}

/// How far apart two embeddings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Distance {
    /// The length of the difference; its gradient at 0, where it has a kink, is 0.
    #[default]
    Euclidean,
    /// The square of that.
    SquaredEuclidean,
    /// 1 - the cosine of the angle.
    Cosine,
}

/// What the score of a pair is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// The caller computes it: logits of a classifier, or a learned scale of cosines. A formula of embeddings and labels cannot have it.
    Precomputed,
    /// The cosine of the angle.
    Cosine,
    /// The distance of the embeddings, brought to length 1 first if wanted.
    Distance(Distance, bool),
}

/// What an anchor counts in a mean; one that does not count has the value 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// 1.
    One,
    /// As many as it has pairs.
    Pairs,
    /// As many as it has positives.
    Positives,
    /// 1 with a positive.
    WithPositive,
    /// 1 with a positive and a negative.
    WithBoth,
    /// 1 with a positive, a negative, and a value that is not 0.
    Active,
    /// As many as it has [`Triplets`].
    Triplets,
    /// As many as it has [`Triplets`] whose term is not 0.
    ActiveTriplets,
}
