//! Losses of a row of logits.

use super::Real;
use core::fmt::Debug;

/// A loss of a row of logits: what each class adds to it, and what the row adds.
///
/// The softmax is not part of it. Each class has the logarithm of its probability and its share of the target: 1 for the label of a row
/// and 0 for all other classes, one probability each for soft targets, smoothed and multiplied by the factor of the class where there
/// are such.
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
    /// What a class adds to the value of its row: 0 where its share is 0.
    fn eval<R: Real>(&self, log_p: R, share: R) -> R;

    /// What the row adds, times what it counts: a penalty of ln(sum_c e^x_c).
    #[inline(always)]
    fn penalty<R: Real>(&self, log_total: R) -> Option<R> {
        let _ = log_total;
        None
    }

    /// The factor of each class's share, where there are such.
    fn class_factors(&self) -> Option<&[f64]> {
        None
    }

    /// Whether the factor of its class is what a row counts in a mean; every row counts 1 otherwise.
    fn factors_count(&self) -> bool {
        false
    }

    /// Label smoothing over so many classes: (keep, floor), by which a share q becomes `keep q + floor`.
    fn smoothing(&self, classes: usize) -> (f64, f64) {
        let _ = classes;
        (1.0, 0.0)
    }

    /// The label of the rows that do not count.
    fn ignore_index(&self) -> Option<i64> {
        None
    }
}
