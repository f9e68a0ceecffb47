//! What is fuzzed: for each entry point, how inputs are made, and what has to hold for each.

use super::random::Random;
use super::{batches, configs, mutate};
use crate::config::{Document, Place};
use crate::runnable::{Problem, Runnable};
use crate::{Cli, Command, hints, plot, tensors};
use burn::tensor::Device;
use burn_losses::ConfigError;
use burn_losses::config::{Format, Table, Value, from_str, to_string};
use burn_losses::diagnose::{Finding, Problem as Found};
use burn_losses::eval::Inputs;
use clap::{Parser, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;

/// An entry point that takes input from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// A config file of a loss or a penalty, in JSON.
    Json,
    /// The same in TOML.
    Toml,
    /// The same in YAML.
    Yaml,
    /// A config file of a joint loss, in any format.
    Joint,
    /// A file of tensors: safetensors, npy or npz.
    Tensors,
    /// A config with tensors, for `diagnose`.
    Diagnose,
    /// The arguments of `plot`: a kind, and settings.
    Plot,
}

/// What became of an input: whether it was accepted, or, as an error, what is wrong with the answer.
pub(super) type Checked = Result<bool, String>;

/// Separates the parts of an input, as no text does.
const SEPARATOR: u8 = 0xff;

/// The first letters of the formats.
const INITIALS: &[u8; 3] = b"jty";

/// How an entry point is fuzzed.
pub(super) struct Entry {
    /// Makes an input.
    pub(super) input: fn(&mut Random) -> Vec<u8>,
    /// Gives an input to the entry point.
    pub(super) check: fn(&[u8]) -> Checked,
    /// How many inputs the tests try: a few seconds of each.
    pub(super) runs_in_tests: u64,
    /// The bytes of memory that an input may take for each of its own, beside [`FREE_MEMORY`](super::faults::FREE_MEMORY).
    pub(super) memory_per_byte: usize,
    /// How long an input may take.
    pub(super) most_time: Duration,
}

impl Target {
    pub(super) fn entry(self) -> Entry {
        match self {
            Self::Json => {
                of_text(|random| text(random, Format::Json, configs::any), |input| config(input, Format::Json))
            }
            Self::Toml => {
                of_text(|random| text(random, Format::Toml, configs::any), |input| config(input, Format::Toml))
            }
            Self::Yaml => {
                of_text(|random| text(random, Format::Yaml, configs::any), |input| config(input, Format::Yaml))
            }
            Self::Joint => of_text(joint, config_in_any_format),
            // Packed arrays are up to a thousand times as long as what holds them, and are copied while they are read.
            Self::Tensors => Entry { runs_in_tests: 10_000, memory_per_byte: 8000, ..of_text(file, read_again) },
            Self::Diagnose => Entry { runs_in_tests: 600, ..of_text(batch, diagnosis) },
            // A map takes thousands of evaluations.
            Self::Plot => Entry { runs_in_tests: 15, most_time: Duration::from_secs(30), ..of_text(settings, picture) },
        }
    }
}

fn of_text(input: fn(&mut Random) -> Vec<u8>, check: fn(&[u8]) -> Checked) -> Entry {
    Entry { input, check, runs_in_tests: 3000, memory_per_byte: 1000, most_time: Duration::from_secs(1) }
}

/// A config in a format; half of the texts are changed afterwards.
fn text(random: &mut Random, format: Format, table: fn(&mut Random) -> Table) -> Vec<u8> {
    let [mut text, other] = [(); 2].map(|()| configs::text(&table(random), format).into_bytes());
    if random.one_in(2) {
        mutate::text(random, &mut text, &other);
    }
    text
}

/// A joint loss in any format; the first letter says in which.
fn joint(random: &mut Random) -> Vec<u8> {
    let at = random.below(configs::FORMATS.len());
    [vec![INITIALS[at]], text(random, configs::FORMATS[at], configs::joint)].concat()
}

/// A file of tensors; most files are changed afterwards.
fn file(random: &mut Random) -> Vec<u8> {
    let mut write = || {
        let inputs = batches::any(random);
        match random.below(3) {
            0 => batches::safetensors(&inputs),
            1 => batches::npz(random, &inputs),
            _ => batches::npy(random, inputs.values().next().expect("a tensor")),
        }
    };
    let [mut file, other] = [write(), write()];
    match random.below(4) {
        0 => {}
        // The headers are texts.
        1 => mutate::text(random, &mut file, &other),
        _ => mutate::bytes(random, &mut file, &other),
    }
    file
}

/// A config with tensors that belong to it.
fn batch(random: &mut Random) -> Vec<u8> {
    loop {
        let table = if random.one_in(6) { configs::joint(random) } else { configs::any(random) };
        let text = configs::text(&table, Format::Json);
        let Ok(document) = Place::WHOLE.read(&text, Format::Json) else { continue };
        let Some(Ok(runnable)) = runnable(&document) else { continue };
        let inputs = inputs_of(random, &document, &runnable);
        let mut file = batches::safetensors(&inputs);
        if random.one_in(10) {
            mutate::bytes(random, &mut file, &[]);
        }
        return [text.as_bytes(), &[SEPARATOR], &file].concat();
    }
}

fn inputs_of(random: &mut Random, document: &Document, runnable: &Runnable) -> Inputs {
    match (document, runnable) {
        (_, Runnable::Loss(loss)) => batches::of_loss(random, loss),
        (Document::Joint(config), Runnable::Joint(joint)) => {
            let mut all = Inputs::new();
            for name in config.terms.keys() {
                let own = match joint.loss(name) {
                    Some(loss) => batches::of_loss(random, loss),
                    None => batches::any(random),
                };
                all.extend(own.into_iter().map(|(argument, data)| (format!("{name}.{argument}"), data)));
            }
            all
        }
        _ => batches::any(random),
    }
}

/// A kind and settings, one a line.
fn settings(random: &mut Random) -> Vec<u8> {
    let mut table = configs::any(random);
    let mut tag = |key: &str| table.remove(key).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let mut text = format!("{}/{}", tag("family"), tag("kind"));
    for (key, value) in table {
        // A word stands without quotes.
        let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut values = vec![written(&value)];
        if random.one_in(3) {
            values.push(written(&configs::number(random)));
        }
        text += &format!("\n{key}={}", values.join(","));
    }
    let mut text = text.into_bytes();
    if random.one_in(4) {
        mutate::text(random, &mut text, b"binary/focal\ngamma=0,1,2,5\nalpha=none");
    }
    text
}

/// A text that is no config is refused by an error that can be printed. A config survives a round trip, and becomes a loss.
fn config(text: &[u8], format: Format) -> Checked {
    match Place::WHOLE.read(&String::from_utf8_lossy(text), format) {
        Ok(document) => is_usable(&document).map(|()| true),
        Err(error) => is_printed(&error).map(|()| false),
    }
}

fn config_in_any_format(input: &[u8]) -> Checked {
    let Some((initial, text)) = input.split_first() else { return Ok(false) };
    let at = INITIALS.iter().position(|own| own == initial).unwrap_or(0);
    config(text, configs::FORMATS[at])
}

fn is_printed(error: &ConfigError) -> Result<(), String> {
    let length = error.to_string().len() + hints::of_config(error).map_or(0, |hint| hint.len());
    if length < 20_000 { Ok(()) } else { Err(format!("a message of {length} bytes")) }
}

fn is_usable(document: &Document) -> Result<(), String> {
    match document {
        Document::Loss(config) => {
            survives(config)?;
            config.validate().map_err(|error| format!("it was read, but is not valid: {error}"))?;
        }
        Document::Joint(config) => {
            survives(config)?;
            config.validate().map_err(|error| format!("it was read, but is not valid: {error}"))?;
        }
        Document::Penalty(config) => {
            survives(config)?;
            config.validate().map_err(|error| format!("it was read, but is not valid: {error}"))?;
        }
    }
    match runnable(document) {
        Some(Err(error)) => Err(format!("it is valid, but is not made into a loss: {error}")),
        _ => Ok(()),
    }
}

/// Checks that a config is the same after a round trip through each format.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(config: &T) -> Result<(), String> {
    for format in configs::FORMATS {
        let text = to_string(config, format).map_err(|error| format!("it cannot be written as {format:?}: {error}"))?;
        match from_str::<T>(&text, format) {
            Ok(again) if again == *config => {}
            Ok(again) => return Err(format!("as {format:?} it is another one: {again:?}, not {config:?}")),
            Err(error) => return Err(format!("as {format:?} it is refused: {error} in\n{text}")),
        }
    }
    Ok(())
}

/// The loss of a config that is not too large.
fn runnable(document: &Document) -> Option<Result<Runnable, ConfigError>> {
    is_small(document).then(|| Runnable::new(document, &Device::flex()))
}

fn is_small(document: &Document) -> bool {
    let value = match document {
        Document::Loss(config) => config.to_value(),
        Document::Penalty(config) => config.to_value(),
        Document::Joint(config) => {
            let text = to_string(config, Format::Json).expect("a config can be written");
            from_str(&text, Format::Json).expect("plain values can be read")
        }
    };
    configs::is_small(&value)
}

/// Tensors that were read are the same after they are written and read again.
fn read_again(bytes: &[u8]) -> Checked {
    let Ok(inputs) = tensors::of_bytes(bytes, None, Some("array")) else { return Ok(false) };
    let again = tensors::of_bytes(&batches::safetensors(&inputs), None, None);
    match again {
        Ok(again) if again == inputs => Ok(true),
        Ok(again) => Err(format!("{again:?}, not {inputs:?}")),
        Err(problem) => Err(problem),
    }
}

/// A diagnosis has findings, whatever the tensors are; that the computation failed is none.
fn diagnosis(input: &[u8]) -> Checked {
    let Some(at) = input.iter().position(|byte| *byte == SEPARATOR) else { return Ok(false) };
    let text = String::from_utf8_lossy(&input[..at]);
    let Ok(document) = Place::WHOLE.read(&text, Format::Json) else { return Ok(false) };
    let Some(Ok(runnable)) = runnable(&document) else { return Ok(false) };
    let Ok(inputs) = tensors::of_bytes(&input[at + 1..], None, None) else { return Ok(false) };
    let diagnoses = match runnable.diagnose(&inputs, &Device::flex()) {
        Ok(diagnoses) => diagnoses,
        Err(Problem::Other(problem)) => return has_words(&problem),
        Err(Problem::Eval(term, error)) => return Err(format!("{term}: {error} is no finding")),
    };
    for (_, diagnosis) in &diagnoses {
        let failed = |finding: &&Finding| matches!(finding.problem, Found::Failed { .. });
        if let Some(finding) = diagnosis.findings.iter().find(failed) {
            return Err(format!("{}: {}", diagnosis.loss, finding.problem));
        }
        let _ = diagnosis.to_string();
    }
    let is_refused = |finding: &Finding| matches!(finding.problem, Found::Refused { .. });
    Ok(!diagnoses.iter().flat_map(|(_, diagnosis)| &diagnosis.findings).any(is_refused))
}

/// A picture is drawn, or there is an error that says why not.
fn picture(input: &[u8]) -> Checked {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let mut arguments = vec!["burn-losses", "plot", lines.next().unwrap_or_default()];
    arguments.extend(lines.flat_map(|line| ["--set", line]));
    let Ok(Cli { command: Command::Plot(plot), .. }) = Cli::try_parse_from(arguments) else { return Ok(false) };
    let Ok(drawn) = plot.drawn() else { return Ok(false) };
    if !drawn.iter().all(is_small) {
        return Ok(false);
    }
    match plot::picture(&drawn) {
        Ok(picture) if picture.svg(None).ends_with("</svg>\n") => Ok(true),
        Ok(_) => Err("the picture has no end".into()),
        Err(error) => has_words(&error.to_string()),
    }
}

/// Checks that a refusal says why.
fn has_words(message: &str) -> Checked {
    if message.is_empty() { Err("an empty message".into()) } else { Ok(false) }
}
