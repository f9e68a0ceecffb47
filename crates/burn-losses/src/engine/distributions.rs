//! Log-probabilities and target probabilities in, one value per row out.

use super::any_tensor::AnyTensor;
use super::keep_graph;
use super::pointwise::{PointKernel, Reduce};
use super::rows::as_rows;
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::Real;
use crate::formula::safe::is_below;
pub(crate) use crate::formula::safe::weighted;
use crate::options::{DistributionInput, TargetForm};
use crate::reduction::Reduction;
use burn::tensor::{Int, Tensor, activation::log_softmax};

/// How a loss of the family `distribution` computes its values: row by row, the class axis last.
pub trait Distributions: Sized {
    /// The `[M]` values of `[M, C]` log-probabilities and targets.
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;

    /// The formula of every class of a row, (log-probability, target) -> what it adds to the row's value, where there is one.
    fn kernel(&self) -> Option<PointKernel> {
        None
    }

    /// What labels in 0..C add to these values, where the loss takes any.
    fn labelled_rows(&self, values: Tensor<1>, log_p: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let _ = (log_p, labels);
        values
    }

    /// Whether the config asks for labels.
    fn needs_labels(&self) -> bool {
        false
    }
}

/// Checks the arguments of a loss: what the forward methods do first.
pub(crate) fn check<const D: usize>(predictions: Reference<'_, D>, targets: &Tensor<D>) -> Result<(), InputError> {
    const { assert!(D >= 2, "distributions need the axes [N, C, ..]") };
    let dims = predictions.tensor.dims();
    if dims[1] == 0 {
        return Err(predictions.shape_error(predictions.name, &dims, "at least one class on axis 1".into()));
    }
    if dims[1] == 1 && predictions.name == DistributionInput::Logits.name() {
        let why = "at least 2 classes on axis 1: the softmax of one is always 1";
        return Err(predictions.shape_error(predictions.name, &dims, why.into()));
    }
    predictions.same("targets", targets)
}

/// The unreduced values `[N, d1 d2 ..]`, computed in at least single precision.
pub(crate) fn values<L: Distributions, const D: usize>(
    loss: &L,
    input: DistributionInput,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    labels: Option<Tensor<1, Int>>,
) -> Tensor<2> {
    let dims = predictions.dims();
    let shape = [dims[0], dims[2..].iter().product()];
    let (predictions, targets) = (as_rows(predictions), as_rows(targets));
    if predictions.dims()[0] == 0 {
        return widen(predictions).reshape(shape);
    }
    if input == DistributionInput::LogProbabilities
        && labels.is_none()
        && let Some(values) = loss.kernel().and_then(|kernel| kernel.row_sums(&predictions, &targets))
    {
        return values.reshape(shape);
    }
    let (predictions, targets) = (widen(predictions), widen(targets));
    let log_p = match input {
        DistributionInput::LogProbabilities => predictions.clone(),
        DistributionInput::Logits => log_softmax(predictions.clone(), 1),
    };
    let values = loss.rows(log_p.clone(), targets);
    let values = match labels {
        None => values,
        Some(labels) => loss.labelled_rows(values, log_p, labels),
    };
    keep_graph(values, predictions).reshape(shape)
}

/// The value of the batch, of losses without labels.
pub(crate) fn reduce<L: Distributions, const D: usize, const W: usize>(
    loss: &L,
    input: DistributionInput,
    reduction: Reduction,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    weights: Option<Tensor<W>>,
) -> Tensor<1> {
    let dims = predictions.dims();
    if input == DistributionInput::LogProbabilities
        && !dims.contains(&0)
        && let Some(kernel) = loss.kernel()
    {
        let (predictions, targets) = (as_rows(predictions.clone()), as_rows(targets.clone()));
        let weights = weights.as_ref().map(AnyTensor::from);
        let reduce = Reduce { reduction, width: dims[1], samples: dims[0], normalizer: None, weights };
        if let Some(value) = kernel.reduced(&reduce, &predictions, &targets) {
            return value;
        }
    }
    let values = values(loss, input, predictions, targets, None);
    match weights {
        None => reduction.apply(values, None, None),
        Some(weights) => {
            let shape: [usize; W] = core::array::from_fn(|axis| if axis == 0 { dims[0] } else { dims[axis + 1] });
            reduction.apply(values.reshape(shape), Some(weights), None)
        }
    }
}

/// Probabilities below this, the smallest normal `f32` or about, count as 0: their logarithms have no gradient to speak of.
pub(crate) const LEAST: f64 = 1e-37;

/// A target probability and its logarithm. The logarithm of a probability of 0 is 0 here, so that their product is 0 and has
/// no gradient.
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

/// The probability of a logarithm, and that logarithm, 0 where the probability is 0: minus infinity too is a logarithm.
#[inline(always)]
pub(crate) fn probability<R: Real>(log_p: R) -> (R, R) {
    let none = is_below(&log_p, LEAST.ln());
    let zero = log_p.lit(0.0);
    let safe = R::select(&none, zero.clone(), log_p);
    (R::select(&none, zero, safe.clone().exp()), safe)
}

/// The sum of each row: `[M]`.
pub(crate) fn row_sums(values: Tensor<2>) -> Tensor<1> {
    values.sum_dim(1).squeeze_dim(1)
}
