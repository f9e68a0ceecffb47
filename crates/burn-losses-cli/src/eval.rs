//! `burn-losses eval`: a loss on tensors from files.

use crate::batches::{Batches, json};
use crate::device::DtypeName;
use crate::error::Error;
use crate::report::{self, Json, Shown};
use crate::runnable::Evaluated;
use crate::tensors;
use burn::tensor::TensorData;
use burn_losses::{Curvature, SecondOrder, SecondOrderConfig};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Evaluate a loss on tensors and differentiate it
///
/// Prints the reduced value and its gradient with respect to every float tensor; large tensors are shown as statistics.
///
/// The tensors are named like the arguments of the loss, for instance `predictions` and `targets`, or `logits` and `labels`. Optional
/// tensors are `weights`, and a `mask` that is false where a value does not count. For a joint loss, the name of the term comes first,
/// as in `classes.logits`. For a penalty, every tensor is a parameter. Several --input are consecutive steps of the same loss, so a
/// loss with state keeps its state.
///
/// With --second-order, the output is JSON and has three more tensors: `values`, and their first and second derivatives with respect
/// to the prediction, `gradient` and `curvature`. They are not reduced, and weights multiply all three. The families `regression`,
/// `binary` and `classification` support this.
///
/// Exit code 2: a file cannot be read, or the tensors do not fit the loss.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses eval --config loss.toml --input batch.safetensors
  burn-losses eval --config loss.toml --input batch.npz --rename input=logits --rename target=labels
  burn-losses eval --config loss.toml --input logits=a.npy,labels=b.npy --json
  burn-losses eval --config loss.toml --input batch.safetensors --output gradients.safetensors
  burn-losses eval --config loss.toml --input batch.safetensors --second-order --curvature expected --floor 1e-16")]
pub(crate) struct Eval {
    #[command(flatten)]
    batches: Batches,
    /// The float type in which to compute [default: f64, on wgpu f32]
    #[arg(long, value_enum)]
    dtype: Option<DtypeName>,
    /// Print the unreduced values too (they are always part of the JSON and of files)
    #[arg(long)]
    unreduced: bool,
    /// Print all numbers of large tensors
    #[arg(long)]
    full: bool,
    /// Print JSON with all numbers: one object, or for several inputs an array with one object each
    #[arg(long)]
    json: bool,
    /// Compute second derivatives too, and print JSON
    #[arg(long)]
    second_order: bool,
    /// Which curvature to compute
    #[arg(long, value_enum, default_value = "exact", requires = "second_order")]
    curvature: CurvatureName,
    /// The minimum curvature of a value that counts; with 0, negative curvatures stay as they are
    #[arg(long, value_name = "NUMBER", default_value = "0", allow_negative_numbers = true, value_parser = floor, requires = "second_order")]
    floor: f64,
    /// Write all tensors to this .safetensors file: `loss`, `unreduced`, `gradient.NAME`, ..; for several inputs as `step1.loss`, ..
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The words of `--curvature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CurvatureName {
    /// The second derivative
    Exact,
    /// Its expected value under the predicted distribution of the targets
    Expected,
    /// An upper bound on it
    Majorizer,
}

fn floor(text: &str) -> Result<f64, String> {
    let floor = text.parse().ok().filter(|floor: &f64| floor.is_finite() && *floor >= 0.0);
    floor.ok_or_else(|| "expected a number >= 0".to_owned())
}

impl Eval {
    fn options(&self) -> SecondOrderConfig {
        let curvature = match self.curvature {
            CurvatureName::Exact => Curvature::Exact,
            CurvatureName::Expected => Curvature::Expected,
            CurvatureName::Majorizer => Curvature::Majorizer,
        };
        SecondOrderConfig::new().with_curvature(curvature).with_floor(self.floor)
    }

    /// Evaluates the loss on every input.
    pub(crate) fn run(&self) -> Result<String, Error> {
        if let Some(path) = self.output.as_ref().filter(|path| path.extension().is_none_or(|end| end != "safetensors"))
        {
            return Err(Error::file(path, "the format is not known, allowed extension: `.safetensors`"));
        }
        let opened = self.batches.open(self.dtype)?;
        let all = match self.second_order {
            true => self.batches.evaluate_twice(&opened, &self.options())?,
            false => self.batches.evaluate(&opened)?,
        };
        if let Some(path) = &self.output {
            tensors::write(path, &self.results(&all))?;
        }
        if self.json || self.second_order {
            return Ok(json(&all.iter().map(Json::from).collect::<Vec<_>>()));
        }
        let shown = Shown { dtype: opened.dtype, unreduced: self.unreduced, full: self.full };
        Ok(self.batches.sections(&all, |input, evaluated| {
            let text = report::text(evaluated, shown);
            if all.len() == 1 { text } else { format!("{input}\n{text}") }
        }))
    }

    /// All resulting tensors, by name.
    fn results(&self, all: &[Evaluated]) -> BTreeMap<String, TensorData> {
        let mut tensors = BTreeMap::new();
        for (step, evaluated) in (1..).zip(all) {
            let prefix = if all.len() == 1 { String::new() } else { format!("step{step}.") };
            tensors.extend(results(evaluated).into_iter().map(|(name, data)| (prefix.clone() + &name, data)));
        }
        tensors
    }
}

/// The results of an evaluation, by their names in a file.
pub(crate) fn results(evaluated: &Evaluated) -> BTreeMap<String, TensorData> {
    let mut tensors = BTreeMap::from([("loss".to_owned(), TensorData::from([evaluated.loss]))]);
    tensors.extend(evaluated.unreduced.iter().map(|data| ("unreduced".to_owned(), data.clone())));
    tensors.extend(evaluated.gradients.iter().map(|(name, data)| (format!("{GRADIENT}{name}"), data.clone())));
    if let Some(SecondOrder { values, gradient, curvature }) = &evaluated.second_order {
        let all = [("values", values), ("gradient", gradient), ("curvature", curvature)];
        tensors.extend(all.map(|(name, data)| (name.to_owned(), data.clone())));
    }
    tensors
}

/// The prefix of a gradient's name; the name of the argument follows.
pub(crate) const GRADIENT: &str = "gradient.";
