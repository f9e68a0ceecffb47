//! The results of a loss on a batch.

use super::inputs::plain;
use super::{Finding, Problem, Severity};
use crate::check::widen;
use crate::engine::held;
use crate::error::InputError;
use crate::eval::EvalError;
use crate::reduction::Extras;
use crate::signature::{Leaves, read};
use burn::tensor::{Bool, DType, Tensor, TensorData};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The results of a loss on a batch.
pub(crate) struct Computed {
    pub(super) values: TensorData,
    pub(super) total: f64,
    /// The gradients of the total, by argument.
    pub(super) gradients: Gradients,
    /// The gradients of inputs in half precision, computed in single precision; empty for other inputs.
    pub(super) in_single: Gradients,
    /// The values with a mask of the weights that are not 0, if some weights are 0 and others are not.
    pub(super) masked: Option<TensorData>,
}

/// Gradients by argument.
pub(crate) type Gradients = BTreeMap<String, TensorData>;

/// The results of a loss on a batch, or the finding that says why there are none.
pub(crate) type Outcome = Result<Computed, Box<Finding>>;

/// Runs a loss, if its check succeeds. It computes the unreduced values and the total, and then the gradient of the total with
/// respect to `first`, the argument `name`. The values are without weights; if `weights` look like a mask, they are computed with
/// that mask too.
pub(crate) fn attempt<const D: usize, const V: usize, const W: usize>(
    checked: Result<(), InputError>,
    (name, first): (&str, &Tensor<D>),
    weights: Option<&Tensor<W>>,
    values: impl Fn(Tensor<D>, Extras) -> Tensor<V>,
    reduce: impl Fn(Tensor<D>) -> Tensor<1>,
) -> Outcome {
    if let Err(error) = checked {
        return Err(refused(error.argument, error.to_string()));
    }
    without_panic(|| {
        let first = plain(first);
        let masked = weights.and_then(like_a_mask).map(|mask| read(values(first.clone(), mask.into())));
        let values = read(values(first.clone(), Extras::new()));
        let total = reduce(first.clone()).into_scalar();
        let differentiate = |first: Tensor<D>| {
            let mut leaves = Leaves::default();
            held(|| {
                let total = reduce(leaves.add(name, first));
                leaves.differentiate(&total)
            })
        };
        let in_single = match first.dtype() {
            DType::F16 | DType::BF16 => differentiate(widen(first.clone())),
            _ => Gradients::new(),
        };
        Ok(Computed { values, total, gradients: differentiate(first), in_single, masked })
    })
}

/// The mask that these weights may stand for: some are 0, others are not.
pub(crate) fn like_a_mask<const W: usize>(weights: &Tensor<W>) -> Option<Tensor<W, Bool>> {
    let weights = plain(weights);
    let data = weights.to_data();
    let zeros = data.iter::<f64>().filter(|weight| *weight == 0.0).count();
    (zeros > 0 && zeros < data.num_elements()).then(|| weights.not_equal_scalar(0.0))
}

/// Runs a loss on tensors by name.
pub(crate) fn attempt_named(run: impl FnOnce() -> Result<Computed, EvalError>) -> Outcome {
    without_panic(|| run().map_err(|error| refused(error.argument(), error.to_string())))
}

/// Turns a panic, for instance on a device that is out of memory, into a finding.
fn without_panic(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let message = match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => (*payload.downcast_ref::<&str>().unwrap_or(&"for no stated reason")).to_owned(),
        };
        Err(finding("values", Problem::Failed { message }))
    })
}

fn refused(argument: &str, message: String) -> Box<Finding> {
    finding(argument, Problem::Refused { message })
}

fn finding(argument: &str, problem: Problem) -> Box<Finding> {
    let (argument, advice) = (argument.to_owned(), String::new());
    Box::new(Finding { severity: Severity::Error, argument, index: None, count: 1, of: 0, problem, advice })
}
