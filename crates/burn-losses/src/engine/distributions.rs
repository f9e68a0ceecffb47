//! The losses of distributions: they take log-probabilities and target probabilities, and give one value per row.

use super::any_tensor::AnyTensor;
use super::outlined;
use super::pointwise::{PointKernel, Reduce};
use super::rows::{as_rows, rows_per_sample, valid_rows};
use super::{nothing, tracked_targets, with_zero_gradient, without_weightless};
use crate::check::{Reference, widen};
use crate::engine::primitives::softmax::log_softmax;
use crate::error::InputError;
use crate::formula::safe::is_below;
pub(crate) use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use crate::options::{DistributionInput, TargetForm};
use crate::reduction::{Divisor, Extras, Reduction, Unreduced};
use burn::tensor::{Bool, Int, Tensor};

/// How a loss of the family `distribution` computes its values: row by row, the class axis last.
pub trait Distributions: Sized {
    /// The `[M]` values of `[M, C]` log-probabilities and targets.
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;

    /// The formula of every class of a row, if the loss has one: (log-probability, target) -> its contribution to the row's
    /// value.
    fn kernel(&self) -> Option<PointKernel> {
        None
    }

    /// These values plus the contributions of labels in 0..C, for a loss that takes labels.
    fn labeled_rows(&self, values: Tensor<1>, log_p: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let _ = (log_p, labels);
        values
    }

    /// Whether the config asks for labels.
    fn needs_labels(&self) -> bool {
        false
    }
}

/// Checks the arguments of a loss; every forward method does this first.
pub(crate) fn check<const D: usize>(
    predictions: Reference<'_, D>,
    targets: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    const { assert!(D >= 2, "distributions need the axes [N, C, ..]") };
    let dims = predictions.tensor.dims();
    if dims[1] == 0 {
        return Err(predictions.shape_error(predictions.name, &dims, "at least one class on axis 1".into()));
    }
    if dims[1] == 1 && predictions.name == DistributionInput::Logits.name() {
        let why = "at least 2 classes on axis 1: the softmax of one is always 1";
        return Err(predictions.shape_error(predictions.name, &dims, why.into()));
    }
    predictions.same("targets", targets)?;
    let mut values = dims.to_vec();
    values.remove(1);
    predictions.extras(&values, extras)
}

/// The unreduced values `[N, d1 d2 ..]`, computed in at least single precision; a masked value is 0 and does not count.
pub(crate) fn values<L: Distributions, const D: usize>(
    loss: &L,
    input: DistributionInput,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    labels: Option<Tensor<1, Int>>,
    mask: Option<&Tensor<2, Bool>>,
) -> Unreduced<2> {
    let shape = rows_per_sample(predictions.dims());
    let of_rows = mask.map(|mask| mask.clone().reshape([shape[0] * shape[1]]));
    let [predictions, targets] = [predictions, targets].map(|rows| valid_rows(as_rows(rows), of_rows.as_ref()));
    if predictions.dims()[0] == 0 {
        return nothing(shape, widen(predictions)).into();
    }
    if input == DistributionInput::LogProbabilities
        && labels.is_none()
        && let Some(values) = loss.kernel().and_then(|kernel| kernel.row_sums(&predictions, &targets))
    {
        return Unreduced::from(values.reshape(shape)).masked(mask);
    }
    let (predictions, targets) = (widen(predictions), widen(targets));
    let log_p = match input {
        DistributionInput::LogProbabilities => predictions.clone(),
        DistributionInput::Logits => log_softmax(predictions.clone()),
    };
    let rows = |log_p, targets| Unreduced::from(loss.rows(log_p, targets));
    let values = tracked_targets::values(log_p.clone(), targets, rows).values;
    let values = match labels {
        None => values,
        Some(labels) => loss.labeled_rows(values, log_p, labels),
    };
    Unreduced::from(with_zero_gradient(values, predictions).reshape(shape)).masked(mask)
}

/// The reduced value of the batch.
pub(crate) fn reduce<L: Distributions, const D: usize>(
    loss: &L,
    (input, reduction): (DistributionInput, Reduction),
    predictions: Tensor<D>,
    targets: Tensor<D>,
    labels: Option<Tensor<1, Int>>,
    extras: Extras,
) -> Tensor<1> {
    let dims = predictions.dims();
    let extras = extras.for_shape(rows_per_sample(dims));
    if input == DistributionInput::LogProbabilities
        && labels.is_none()
        && !dims.contains(&0)
        && let Some((in_kernel, divisor)) = extras.in_kernel(reduction)
        && let Some(kernel) = loss.kernel()
    {
        let weights = extras.weights.as_ref().map(AnyTensor::from);
        let reduce = Reduce { reduction: in_kernel, width: dims[1], samples: dims[0], weights };
        if let Some(value) = kernel.reduced(&reduce, &as_rows(predictions.clone()), &as_rows(targets.clone())) {
            return Divisor::divide_by(divisor, value);
        }
    }
    let [predictions, targets] = [predictions, targets].map(|rows| without_weightless(rows, &extras));
    let values = values(loss, input, predictions, targets, labels, extras.mask.as_ref());
    extras.reduce(reduction, values)
}

/// Probabilities below this number, about the smallest normal `f32`, count as 0: the gradients of their logarithms are
/// negligible.
pub(crate) const LEAST: f64 = 1e-37;

/// A target probability and its logarithm. The logarithm of a probability of 0 counts as 0 here, so that their product is 0 and
/// has no gradient.
#[inline(always)]
pub(crate) fn target<R: Real>(target: R, form: TargetForm) -> (R, R) {
    match form {
        TargetForm::Probabilities => {
            let none = is_below(&target, LEAST);
            let (zero, one) = (target.lit(0.0), target.lit(1.0));
            (R::select(&none, zero, target.clone()), R::select(&none, one, target).ln())
        }
        TargetForm::LogProbabilities => probability(target),
    }
}

/// The probability that belongs to a logarithm, and the logarithm itself, or 0 where the probability is 0. The logarithm may be
/// minus infinity.
#[inline(always)]
pub(crate) fn probability<R: Real>(log_p: R) -> (R, R) {
    let none = is_below(&log_p, LEAST.ln());
    let zero = log_p.lit(0.0);
    let safe = R::select(&none, zero.clone(), log_p);
    (R::select(&none, zero, safe.clone().exp()), safe)
}

/// The sum of a formula over each row, as tensor operations: `[M]`.
pub(crate) fn row_sums(formula: &impl Formula, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    outlined::eval(formula, log_p, targets).sum_dim(1).squeeze_dim(1)
}
