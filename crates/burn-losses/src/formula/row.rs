//! Losses of a row of logits.

use super::Real;
use core::fmt::Debug;

/// A loss of a row of logits: a term for each class, and a term for the whole row.
///
/// The softmax is not part of the formula. For each class it is given the logarithm of the class's probability and the class's
/// share of the target. With labels the share is 1 for the label of the row and 0 for all other classes; with soft targets it is
/// one probability per class. The share is already smoothed, and multiplied by the factor of the class if the loss has class
/// factors.
///
/// A type with such a formula implements [`ClassificationLoss`](crate::classification::ClassificationLoss), for labels, and
/// [`SoftTargets`](crate::classification::SoftTargets), for probabilities.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::formula::{Real, RowFormula};
/// use burn_losses::{Loss, Reduction, classification::ClassificationLoss};
///
/// /// The mean absolute error of the probability of the label: 2 (1 - p).
/// #[derive(Debug, Clone)]
/// struct ProbabilityError;
///
/// impl RowFormula for ProbabilityError {
///     #[inline(always)]
///     fn eval<R: Real>(&self, log_p: R, share: R) -> R {
///         -log_p.exp_m1() * share * 2.0
///     }
/// }
///
/// impl Loss for ProbabilityError {
///     fn kind(&self) -> &'static str {
///         "probability_error"
///     }
///     fn reduction(&self) -> Reduction {
///         Reduction::Mean
///     }
/// }
///
/// impl ClassificationLoss for ProbabilityError {}
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0], [0.0, 0.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
/// let (value, paths) = burn_losses::watched(|| ProbabilityError.forward(logits, labels));
/// assert!((value.into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// assert_eq!(paths.fused, ["rows"]);
/// ```
pub trait RowFormula: Debug + Clone + Send + Sync + 'static {
    /// The term that a class adds to the value of its row; it is 0 where the share is 0, unless every class counts.
    fn eval<R: Real>(&self, log_p: R, share: R) -> R;

    /// Whether a class without a share of the target has a term too. With labels, the terms of all classes are then computed, and
    /// not that of the label alone.
    fn every_class_counts(&self) -> bool {
        false
    }

    /// A function of each logit, which is applied before the softmax and everything else.
    #[inline(always)]
    fn logit<R: Real>(&self, logit: R) -> Option<R> {
        let _ = logit;
        None
    }

    /// A penalty on ln(sum_c e^x_c), which is multiplied by the count of the row and added to its value.
    #[inline(always)]
    fn penalty<R: Real>(&self, log_total: R) -> Option<R> {
        let _ = log_total;
        None
    }

    /// The factor of each class's share; `None`: there are no factors.
    fn class_factors(&self) -> Option<&[f64]> {
        None
    }

    /// What is added to the logit of each class before the softmax, after the margin of a head; `None`: nothing.
    fn class_offsets(&self) -> Option<&[f64]> {
        None
    }

    /// Whether a row counts in a mean by the factor of its class; otherwise every row counts 1.
    fn factors_count(&self) -> bool {
        false
    }

    /// Label smoothing over `classes` classes, as the numbers (keep, floor): a share q becomes `keep q + floor`.
    fn smoothing(&self, classes: usize) -> (f64, f64) {
        let _ = classes;
        (1.0, 0.0)
    }

    /// The label of the rows that do not count.
    fn ignore_index(&self) -> Option<i64> {
        None
    }
}
