//! The loss and the tensors that `eval`, `compare` and `diagnose` run it on.

use crate::config::Place;
use crate::device::{DeviceName, DtypeName};
use crate::error::Error;
use crate::runnable::{Evaluated, Problem, Runnable};
use crate::tensors;
use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::{SecondOrder, SecondOrderConfig};
use clap::Args;
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::PathBuf;

/// The options that say which loss to run, on which tensors, and on which device.
#[derive(Debug, Args)]
pub(crate) struct Batches {
    /// The config of the loss (.json, .toml, .yaml); `-` is stdin
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_name = "FILE", required = true, help = tensors::HELP)]
    pub(crate) input: Vec<String>,
    /// Rename a tensor to the argument of the loss, as `input=logits`
    #[arg(long, value_name = "OLD=NEW", value_parser = renaming)]
    rename: Vec<(String, String)>,
    /// The device to compute on
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
}

fn renaming(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once('=').ok_or("expected OLD=NEW")?;
    Ok((old.to_owned(), new.to_owned()))
}

/// A loss on its device.
pub(crate) struct Opened {
    pub(crate) loss: Runnable,
    pub(crate) device: Device,
    /// The type to compute in.
    pub(crate) dtype: FloatDType,
}

impl Batches {
    /// The loss on its device, and the type to compute in.
    pub(crate) fn open(&self, dtype: Option<DtypeName>) -> Result<Opened, Error> {
        if self.config.as_os_str() == "-" && self.input.iter().any(|input| input.ends_with('-')) {
            return Err(Error::Option("stdin is either the config or the tensors".to_owned()));
        }
        let config = self.place.load(&self.config)?;
        let (device, dtype) = self.device.open(dtype)?;
        Ok(Opened { loss: Runnable::new(&config, &device)?, device, dtype })
    }

    /// Reads the tensors of an input, renamed as `--rename` asks.
    pub(crate) fn read(&self, input: &str) -> Result<Inputs, Error> {
        let inputs = tensors::read(input)?;
        if let Some((old, _)) = self.rename.iter().find(|(old, _)| !inputs.contains_key(old)) {
            let names: Vec<_> = inputs.keys().collect();
            let problem = format!("there is no tensor `{old}` to rename, only {}", crate::error::quoted(&names));
            return Err(Error::file(input, problem));
        }
        Ok(inputs.into_iter().map(|(name, data)| (self.name(&name), data)).collect())
    }

    /// The name of a tensor after `--rename`.
    pub(crate) fn name(&self, name: &str) -> String {
        let new = self.rename.iter().find(|(old, _)| old == name).map(|(_, new)| new);
        new.cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Evaluates the loss on each input, in order: a loss with state takes a step per input.
    pub(crate) fn evaluate(&self, opened: &Opened) -> Result<Vec<Evaluated>, Error> {
        self.input.iter().map(|input| opened.evaluate(input, &self.read(input)?)).collect()
    }

    /// Does what [`evaluate`](Self::evaluate) does, with second derivatives.
    pub(crate) fn evaluate_twice(&self, opened: &Opened, options: &SecondOrderConfig) -> Result<Vec<Evaluated>, Error> {
        let evaluate = |input: &String| {
            let inputs = self.read(input)?;
            // The step of a loss with state comes after it.
            let second_order = opened.second_order(input, &inputs, options)?;
            Ok(Evaluated { second_order: Some(second_order), ..opened.evaluate(input, &inputs)? })
        };
        self.input.iter().map(evaluate).collect()
    }

    /// The text of all results: a section for each input, separated by empty lines.
    pub(crate) fn sections<T>(&self, results: &[T], section: impl Fn(&str, &T) -> String) -> String {
        self.input.iter().zip(results).map(|(input, result)| section(input, result)).collect::<Vec<_>>().join("\n\n")
    }
}

impl Opened {
    /// Evaluates the loss on the tensors of an input.
    pub(crate) fn evaluate(&self, input: &str, inputs: &Inputs) -> Result<Evaluated, Error> {
        self.of_result(input, without_panic(|| self.loss.evaluate(inputs, &self.device, self.dtype)))
    }

    /// Differentiates the loss twice on the tensors of an input.
    fn second_order(
        &self,
        input: &str,
        inputs: &Inputs,
        options: &SecondOrderConfig,
    ) -> Result<SecondOrder<TensorData>, Error> {
        self.of_result(input, without_panic(|| self.loss.second_order(inputs, &self.device, self.dtype, options)))
    }

    /// Turns what became of an input into a result that names the input and the loss.
    fn of_result<T>(&self, input: &str, result: Result<Result<T, Problem>, String>) -> Result<T, Error> {
        match result {
            Ok(result) => result.map_err(|problem| of_problem(input, problem)),
            Err(message) => Err(Error::Failed { input: input.to_owned(), loss: self.loss.name(), message }),
        }
    }
}

/// Turns a problem with an input into an error that names the input.
pub(crate) fn of_problem(input: &str, problem: Problem) -> Error {
    match problem {
        Problem::Eval(term, source) => Error::Eval { input: input.to_owned(), term, source },
        Problem::Other(problem) => Error::file(input, problem),
    }
}

/// Runs code that may panic inside Burn (on a device without memory, say); the error is the panic's message, without a backtrace.
fn without_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("for no stated reason").to_owned(),
    });
    // From here on, panics are printed again.
    drop(std::panic::take_hook());
    result
}

/// The JSON of one object as it is, and of several objects as an array.
pub(crate) fn json(all: &[impl Serialize]) -> String {
    match all {
        [one] => serde_json::to_string(one),
        all => serde_json::to_string(all),
    }
    .expect("finite numbers and strings are JSON")
}
