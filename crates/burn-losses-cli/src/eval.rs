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
    let result = without_panic(|| {
        let evaluation = loss.check_labels(&inputs).and_then(|()| loss.evaluate(&inputs, device, dtype));
        evaluation.map_err(|source| Error::Eval { path: path.clone(), source })
    });
    result.unwrap_or_else(|message| Err(Error::Failed { path, message }))
}

/// Runs what may panic inside Burn (a device without memory, say): the message without a backtrace.
fn without_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("for no stated reason").to_owned(),
    })
}
