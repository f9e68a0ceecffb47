//! `burn-losses compare`: compares a loss with what another library computed.

use crate::batches::{Batches, json};
use crate::device::DtypeName;
use crate::error::{Error, quoted};
use crate::eval::{GRADIENT, results};
use crate::report::{number, short};
use crate::runnable::Evaluated;
use crate::style::{bad, good};
use crate::{print, tensors};
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

/// Compare a loss with values and gradients that another library computed
///
/// The expected tensors are named `loss`, `unreduced` and `gradient.NAME`, such as `gradient.logits`. They are in files of their own,
/// or in the input files. Those that exist are compared. Two numbers agree if |computed - expected| <= atol + rtol |expected|; NaN
/// agrees with NaN.
///
/// Exit code 0: all values agree. 1: values differ. 2: a file cannot be read, or the tensors do not fit the loss.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses compare --config loss.toml --input batch.safetensors --expect torch.safetensors
  burn-losses compare --config loss.toml --input both.npz --rename input=logits --rename target=labels
  burn-losses compare --config loss.toml --input batch.npz --expect ref.npz --rtol 1e-6 --atol 0

In Python:
  value = loss(input, target); value.backward()
  save_file({\"loss\": value.detach().reshape(1), \"gradient.input\": input.grad}, \"torch.safetensors\")")]
pub(crate) struct Compare {
    #[command(flatten)]
    batches: Batches,
    /// The expected tensors, one file per input (.safetensors, .npz) [default: the input files]
    #[arg(long, value_name = "FILE")]
    expect: Vec<String>,
    /// The relative tolerance
    #[arg(long, default_value = "1e-5", allow_negative_numbers = true, value_parser = tolerance)]
    rtol: f64,
    /// The absolute tolerance
    #[arg(long, default_value = "1e-8", allow_negative_numbers = true, value_parser = tolerance)]
    atol: f64,
    /// The float type in which to compute [default: f64, on wgpu f32]
    #[arg(long, value_enum)]
    dtype: Option<DtypeName>,
    /// Print JSON: one object per input, with the differences of each tensor
    #[arg(long)]
    json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or("expected a number >= 0".to_owned())
}

impl Compare {
    /// Prints the differences.
    pub(crate) fn run(&self) -> Result<ExitCode, Error> {
        if !self.expect.is_empty() && self.expect.len() != self.batches.input.len() {
            let (expected, inputs) = (self.expect.len(), self.batches.input.len());
            return Err(Error::Option(format!("{expected} --expect beside {inputs} --input: one for each is needed")));
        }
        let opened = self.batches.open(self.dtype)?;
        let mut all = Vec::new();
        for (at, input) in self.batches.input.iter().enumerate() {
            let tensors = self.batches.read(input)?;
            let (expected, inputs) = match self.expect.get(at) {
                Some(file) => (tensors::read(file)?, tensors),
                None => tensors.into_iter().partition(|(name, _)| is_result(name)),
            };
            let source = self.expect.get(at).unwrap_or(input);
            all.push(self.differences(&opened.evaluate(input, &inputs)?, expected, source)?);
        }
        print(&match self.json {
            true => json(&all),
            false => self.batches.sections(&all, |input, differences| self.section(input, differences)),
        })?;
        let agrees = all.iter().flatten().all(|difference| difference.agrees);
        Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// How the expected tensors differ from the computed ones.
    fn differences(&self, here: &Evaluated, there: Inputs, source: &str) -> Result<Vec<Difference>, Error> {
        let here = results(here);
        let there = there.into_iter().filter(|(name, _)| is_result(name)).map(|(name, data)| {
            match name.strip_prefix(GRADIENT) {
                Some(argument) => (format!("{GRADIENT}{}", self.batches.name(argument)), data),
                None => (name, data),
            }
        });
        let there: Vec<_> = there.collect();
        let names: Vec<_> = here.keys().collect();
        if there.is_empty() {
            return Err(Error::file(source, format!("there is nothing to compare with, expected: {}", quoted(&names))));
        }
        let difference = |(name, there): &(String, TensorData)| match here.get(name) {
            Some(here) => Ok(Difference::new(name, here, there, [self.rtol, self.atol])),
            None => Err(Error::file(source, format!("the loss has no `{name}`, but: {}", quoted(&names)))),
        };
        there.iter().map(difference).collect()
    }

    fn section(&self, input: &str, differences: &[Difference]) -> String {
        let longest = differences.iter().map(|difference| difference.name.len()).max().unwrap_or_default();
        let line = |difference: &Difference| {
            let verdict = if difference.agrees { good("agrees ") } else { bad("differs") };
            format!("{:longest$}  {verdict}  {}", difference.name, difference.words)
        };
        let lines = differences.iter().map(line).collect::<Vec<_>>().join("\n");
        if self.batches.input.len() == 1 { lines } else { format!("{input}\n{lines}") }
    }
}

fn is_result(name: &str) -> bool {
    ["loss", "unreduced"].contains(&name) || name.starts_with(GRADIENT)
}

/// How two tensors differ.
#[derive(Serialize)]
struct Difference {
    name: String,
    agrees: bool,
    /// How many numbers differ, and out of how many.
    differing: usize,
    of: usize,
    /// The largest absolute and relative difference.
    absolute: serde_json::Value,
    relative: serde_json::Value,
    /// The index where the numbers are farthest apart, and the two numbers there.
    index: Vec<usize>,
    here: serde_json::Value,
    there: serde_json::Value,
    #[serde(skip)]
    words: String,
}

impl Difference {
    fn new(name: &str, here: &TensorData, there: &TensorData, [rtol, atol]: [f64; 2]) -> Self {
        // A scalar may have the shape [] or [1].
        let shape = |data: &TensorData| data.shape().iter().copied().filter(|size| *size != 1).collect::<Vec<_>>();
        let (numbers, expected): (Vec<f64>, Vec<f64>) = (here.iter().collect(), there.iter().collect());
        let has_shape = shape(here) == shape(there);
        let is_same = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan();
        let bound = |b: f64| if b.is_finite() { atol + rtol * b.abs() } else { 0.0 };
        let gap = |a: f64, b: f64| match (a - b).abs() {
            _ if is_same(a, b) => 0.0,
            // At least one of the two is not finite.
            gap if gap.is_nan() => f64::INFINITY,
            gap => gap,
        };
        let pairs: Vec<_> = numbers.iter().copied().zip(expected.iter().copied()).collect();
        let differing = pairs.iter().filter(|(a, b)| gap(*a, *b) > bound(*b)).count();
        let relative = |(a, b): &(f64, f64)| if is_same(*a, *b) { 0.0 } else { gap(*a, *b) / b.abs() };
        let most = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(0.0, f64::max);
        let farthest = (0..pairs.len()).max_by(|a, b| {
            let over = |(a, b): (f64, f64)| gap(a, b) / bound(b).max(f64::MIN_POSITIVE);
            over(pairs[*a]).total_cmp(&over(pairs[*b]))
        });
        let (a, b) = farthest.map_or((0.0, 0.0), |at| pairs[at]);
        let mut difference = Self {
            name: name.to_owned(),
            agrees: has_shape && differing == 0,
            differing,
            of: pairs.len(),
            absolute: number(most(&mut pairs.iter().map(|(a, b)| gap(*a, *b)))),
            relative: number(most(&mut pairs.iter().map(relative))),
            index: farthest.map(|flat| place(flat, &here.shape().to_vec())).unwrap_or_default(),
            here: number(a),
            there: number(b),
            words: String::new(),
        };
        difference.words = match has_shape {
            true => difference.in_words(a, b),
            false => format!("shape {:?} here, {:?} there", here.shape().to_vec(), there.shape().to_vec()),
        };
        difference
    }

    fn in_words(&self, here: f64, there: f64) -> String {
        let [absolute, relative] = [&self.absolute, &self.relative].map(|x| x.as_f64().map_or("inf".to_owned(), short));
        let largest = format!("largest difference {absolute}, relative {relative}");
        if self.agrees {
            return largest;
        }
        let Self { differing, of, index, .. } = self;
        format!(
            "{largest}; {differing} of {of} differ, most at {index:?}: {} here, {} there",
            short(here),
            short(there)
        )
    }
}

/// The index on every axis of the number at a flat index.
fn place(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for (index, size) in place.iter_mut().zip(shape).rev() {
        (*index, flat) = (flat % size, flat / size);
    }
    place
}
