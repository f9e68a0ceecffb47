//! Log-probabilities and target probabilities in, one value per row out.

use super::keep_graph;
use super::rows::as_rows;
use crate::check::{Reference, widen};
use crate::distribution::{DistributionInput, TargetForm};
use crate::error::InputError;
use burn::tensor::{Int, Tensor, activation::log_softmax};

/// How a loss of the family `distribution` computes its values: row by row, the class axis last.
pub trait Distributions: Sized {
    /// The `[M]` values of `[M, C]` log-probabilities and targets.
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;

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
    let (predictions, targets) = (as_rows(widen(predictions)), as_rows(widen(targets)));
    if predictions.dims()[0] == 0 {
        return predictions.reshape(shape);
    }
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

/// Probabilities below this, the smallest normal `f32` or about, count as 0: their logarithms have no gradient to speak of.
pub(crate) const LEAST: f64 = 1e-37;

/// Target probabilities and their logarithms. The logarithm of a probability of 0 is 0 here, so that their product is 0 and has
/// no gradient.
pub(crate) fn target(targets: Tensor<2>, form: TargetForm) -> (Tensor<2>, Tensor<2>) {
    match form {
        TargetForm::Probabilities => {
            let none = targets.clone().lower_scalar(LEAST);
            (targets.clone().mask_fill(none.clone(), 0.0), targets.mask_fill(none, 1.0).log())
        }
        TargetForm::LogProbabilities => probabilities(targets),
    }
}

/// Probabilities of logarithms, and those logarithms, 0 where the probability is 0: minus infinity too is a logarithm.
pub(crate) fn probabilities(log_p: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let none = log_p.clone().lower_scalar(LEAST.ln());
    let safe = log_p.mask_fill(none.clone(), 0.0);
    (safe.clone().exp().mask_fill(none, 0.0), safe)
}

/// `weights * values`, 0 with no gradient where the weight is 0, whatever the value is.
pub(crate) fn weighted(weights: Tensor<2>, values: Tensor<2>) -> Tensor<2> {
    let none = weights.clone().equal_scalar(0.0);
    weights * values.mask_fill(none, 0.0)
}

/// The sum of each row: `[M]`.
pub(crate) fn row_sums(values: Tensor<2>) -> Tensor<1> {
    values.sum_dim(1).squeeze_dim(1)
}
