//! What a loss makes of a batch.

use super::{Finding, Problem, Severity};
use crate::error::InputError;
use burn::tensor::{Tensor, TensorData};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a loss makes of a batch.
pub(crate) struct Computed {
    pub(super) values: TensorData,
    pub(super) total: f64,
}

/// What a loss makes of a batch, or why it makes nothing.
pub(crate) type Outcome = Result<Computed, Box<Finding>>;

/// Runs a loss, if its check lets it: the unreduced values, and the reduced one.
pub(crate) fn attempt<const V: usize>(
    checked: Result<(), InputError>,
    run: impl FnOnce() -> (Tensor<V>, Tensor<1>),
) -> Outcome {
    if let Err(error) = checked {
        return Err(refused(error.argument, error.to_string()));
    }
    without_panic(|| {
        let (values, total) = run();
        let data = values.into_data();
        let values = TensorData::new(data.iter::<f64>().collect::<Vec<_>>(), data.shape().clone());
        Ok(Computed { values, total: total.into_scalar() })
    })
}

/// Runs a loss on tensors by name.
pub(crate) fn attempt_named(run: impl FnOnce() -> Result<crate::eval::Evaluation, crate::eval::EvalError>) -> Outcome {
    without_panic(|| match run() {
        Ok(evaluation) => Ok(Computed { values: evaluation.unreduced, total: evaluation.loss }),
        Err(error) => Err(refused(error.argument(), error.to_string())),
    })
}

/// A panic, as of a device without memory, is a finding too.
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
