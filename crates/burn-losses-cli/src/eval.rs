//! `burn-losses eval`: a loss on tensors from files.

use crate::batches::{Batches, json};
use crate::device::DtypeName;
use crate::error::Error;
use crate::report::{self, Json};
use crate::tensors;
use burn::tensor::{Device, FloatDType};
use burn_losses::AnyLoss;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::signature::{Kind, Valid};
use clap::Args;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;

/// What several inputs are here, where the loss remembers.
const STEPS: &str =
    "Tensors (.safetensors). Several files are several steps of the same loss, in order: a loss with state keeps it";

/// Evaluates a loss on tensors and differentiates it
///
/// Prints the reduced value and its gradient with respect to every float tensor. The tensors have the names of the
/// loss's arguments, for instance `predictions` and `targets`, or `logits` and `labels`, and `weights` and a
/// `mask` (false where a value does not count) where there are any. An error goes to stderr, with exit code 2.
#[derive(Debug, Args)]
#[command(mut_arg("input", |input| input.help(STEPS)))]
pub(crate) struct Eval {
    #[command(flatten)]
    batches: Batches,
    /// The float type in which to compute [default: f64, on wgpu f32]
    #[arg(long, value_enum)]
    dtype: Option<DtypeName>,
    /// Prints the unreduced values too (they are always part of the JSON)
    #[arg(long)]
    unreduced: bool,
    /// JSON: one object, or an array of one object per input where there are several
    #[arg(long)]
    json: bool,
}

impl Eval {
    /// Evaluates the loss on every input.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let (loss, device, dtype) = self.batches.open(self.dtype)?;
        let evaluations = self.batches.each(|path| evaluate(&loss, path, &device, dtype))?;
        Ok(if self.json {
            json(&evaluations.iter().map(Json::from).collect::<Vec<_>>())
        } else {
            self.text(&evaluations, dtype)
        })
    }

    fn text(&self, evaluations: &[Evaluation], dtype: FloatDType) -> String {
        self.batches.sections(evaluations, |path, evaluation| {
            let text = report::text(evaluation, dtype, self.unreduced);
            if evaluations.len() == 1 { text } else { format!("{}\n{text}", path.display()) }
        })
    }
}

fn evaluate(loss: &AnyLoss, path: &Path, device: &Device, dtype: FloatDType) -> Result<Evaluation, Error> {
    let inputs = tensors::read(path)?;
    let path = path.to_owned();
    let result = without_panic(|| match check_labels(loss, &inputs) {
        Err(problem) => Err(Error::File { path: path.clone(), problem }),
        Ok(()) => {
            let error = |source| Error::Eval { path: path.clone(), source };
            loss.evaluate(&inputs, device, dtype).map_err(error)
        }
    });
    result.unwrap_or_else(|message| Err(Error::Failed { path, message }))
}

/// Every label is a class, or the one that is ignored. A loss does not read its labels to find out, and a device may
/// read anything where an index is out of bounds; here nothing is in a hurry. What else may be wrong the loss says
/// itself.
fn check_labels(loss: &AnyLoss, inputs: &Inputs) -> Result<(), String> {
    let signature = loss.signature(inputs);
    let Some(first) = inputs.get(signature[0].name) else { return Ok(()) };
    let prediction = first.shape().to_vec();
    for argument in &signature {
        let (Kind::Labels { classes, ignored }, Some(labels)) = (argument.kind, inputs.get(argument.name)) else {
            continue;
        };
        let (shape, dtype) = (labels.shape().to_vec(), labels.dtype());
        let fits = argument.shape.of(&prediction).is_none_or(|expected| expected == shape);
        let Some(classes) = classes.number(&prediction).filter(|_| fits && (dtype.is_int() || dtype.is_uint())) else {
            continue;
        };
        let is_allowed = |label: i64| Some(label) == ignored || (0..classes as i64).contains(&label);
        let valid = Valid::new(inputs, &shape);
        let is_wrong = |(at, label): &(usize, i64)| !is_allowed(*label) && valid.contains(*at);
        if let Some((at, label)) = labels.iter::<i64>().enumerate().find(is_wrong) {
            let (kind, name, at) = (loss.kind(), argument.name, place(at, &shape));
            let ignored = ignored.map(|index| format!(", or {index} (ignored)")).unwrap_or_default();
            return Err(format!("{kind}: `{name}` is {label} at {at:?}, allowed: 0 <= label < {classes}{ignored}"));
        }
    }
    Ok(())
}

/// The index on every axis of the value at a flat index.
fn place(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for (index, size) in place.iter_mut().zip(shape).rev() {
        (*index, flat) = (flat % size, flat / size);
    }
    place
}

/// Runs what may panic inside Burn (a device without memory, say): the message without a backtrace.
fn without_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("for no stated reason").to_owned(),
    })
}
