//! Losses with other arguments than a prediction and a target: rows of logits, vectors per row, and pairs of a batch.

use burn::tensor::{Device, Int, Tensor};
use burn_losses::classification::ClassificationLoss;
use burn_losses::formula::{Anchor, AnchorFormula, Counts, Partners, Real, RowFormula, Score, VectorFormula};
use burn_losses::metric::MetricLoss;
use burn_losses::vectors::VectorLoss;
use burn_losses::{Loss, Reduction, watched};

/// The mean absolute error of the probabilities: 2 (1 - p of the label), on which a wrong label has little influence.
#[derive(Debug, Clone)]
struct ProbabilityError;

impl RowFormula for ProbabilityError {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        -log_p.exp_m1() * share * 2.0
    }
}

impl Loss for ProbabilityError {
    fn kind(&self) -> &'static str {
        "probability_error"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl ClassificationLoss for ProbabilityError {}

/// The value for rows of logits and their labels.
pub(crate) fn of_rows(device: &Device) -> f32 {
    let labels = Tensor::<1, Int>::from_ints([0, 1], device);
    let (value, paths) = watched(|| ProbabilityError.forward(Tensor::<2>::zeros([2, 4], device), labels));
    assert_eq!(paths.fused, ["rows"]);
    value.into_scalar()
}

/// The negative log-likelihood of a target, up to a constant, where the mean and the logarithm of the variance are predicted.
#[derive(Debug, Clone)]
struct GaussianNll;

impl VectorFormula<2, 1> for GaussianNll {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, log_variance]: [R; 2], [target]: [R; 1]) -> R {
        ((mean - target).square() * (-log_variance.clone()).exp() + log_variance) * 0.5
    }
}

impl Loss for GaussianNll {
    fn kind(&self) -> &'static str {
        "gaussian_nll"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl VectorLoss<2, 1> for GaussianNll {}

/// The value for two predicted numbers per row and one target.
pub(crate) fn of_vectors(device: &Device) -> f32 {
    let targets = Tensor::from_floats([[1.0], [-3.0]], device);
    let (value, paths) = watched(|| GaussianNll.forward(Tensor::zeros([2, 2], device), targets));
    assert_eq!(paths.fused, ["vectors"]);
    value.into_scalar()
}

/// Requires the cosine of the farthest positive to exceed the mean cosine of the negatives.
#[derive(Debug, Clone)]
struct Lead;

impl AnchorFormula for Lead {
    fn score(&self) -> Score {
        Score::Cosine
    }
    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        (anchor.mean(Partners::Negatives) - anchor.smallest(Partners::Positives)).softplus()
    }
    fn counts(&self) -> Counts {
        Counts::WithBoth
    }
}

impl Loss for Lead {
    fn kind(&self) -> &'static str {
        "lead"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl MetricLoss for Lead {}

/// The value for embeddings and their labels, comparing each row with all others.
pub(crate) fn of_pairs(device: &Device) -> f32 {
    let embeddings = Tensor::from_floats([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], device);
    let (value, paths) = watched(|| Lead.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], device)));
    assert_eq!(paths.fused, ["pairs"]);
    value.into_scalar()
}
