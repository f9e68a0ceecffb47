//! `burn-losses diagnose`: looks for mistakes in tensors from files.

use crate::batches::{Batches, json, of_problem};
use crate::error::Error;
use crate::print;
use crate::style::{bad, good};
use crate::table::table;
use burn_losses::diagnose::{Diagnosis, Finding};
use clap::Args;
use serde::Serialize;
use std::panic::set_hook;
use std::process::ExitCode;

/// Report problems in the tensors of a loss
///
/// Finds labels out of range, targets outside [0, 1], NaN and infinity, inverted boxes, empty masks, batches without a pair,
/// probabilities where logits are expected, and more. Prints one line per problem, with the first position and the count.
///
/// Exit code 0: no problem, or only warnings. 1: an error in the tensors. 2: a file cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses diagnose --config loss.toml --input batch.safetensors
  burn-losses diagnose --config loss.toml --input batch.npz --rename input=logits --rename target=labels
  burn-losses diagnose --config joint.toml --input step.safetensors --json")]
pub(crate) struct Diagnose {
    #[command(flatten)]
    batches: Batches,
    /// Print JSON: one object, or for several inputs an array with one object each
    #[arg(long)]
    json: bool,
}

impl Diagnose {
    /// Prints the findings for every input.
    pub(crate) fn run(&self) -> Result<ExitCode, Error> {
        let all = self.diagnoses()?;
        let text = match self.json {
            true => json(&all.iter().flatten().map(Json::from).collect::<Vec<_>>()),
            false => self.batches.sections(&all, |input, diagnoses| {
                diagnoses.iter().map(|diagnosis| section(input, diagnosis)).collect::<Vec<_>>().join("\n\n")
            }),
        };
        print(&text)?;
        Ok(ExitCode::from(u8::from(all.iter().flatten().any(|(_, diagnosis)| diagnosis.has_errors()))))
    }

    fn diagnoses(&self) -> Result<Vec<Vec<Named>>, Error> {
        let opened = self.batches.open(None)?;
        // A panic inside Burn is reported as a finding.
        set_hook(Box::new(|_| {}));
        let diagnose = |input: &String| {
            let diagnoses = opened.loss.diagnose(&self.batches.read(input)?, &opened.device);
            diagnoses.map_err(|problem| of_problem(input, problem))
        };
        self.batches.input.iter().map(diagnose).collect()
    }
}

/// The diagnosis of a named term, or of a loss, whose name is empty.
type Named = (String, Diagnosis);

fn section(input: &str, (term, diagnosis): &Named) -> String {
    let term = if term.is_empty() { String::new() } else { format!("{term}: ") };
    let summary = if diagnosis.has_errors() { bad(&diagnosis.summary()) } else { good(&diagnosis.summary()) };
    let title = format!("{input}: {term}{}: {summary}", diagnosis.loss);
    if diagnosis.is_clean() {
        return title;
    }
    let header = [" severity", "argument", "first at", "how many", "what"];
    format!("{title}\n{}", table(header, &[10, 18, 12, 14], diagnosis.findings.iter().map(row)))
}

fn row(finding: &Finding) -> [String; 5] {
    let (first, how_many) = match &finding.index {
        Some(index) => (format!("{index:?}"), format!("{} of {}", finding.count, finding.of)),
        None => Default::default(),
    };
    let advice = if finding.advice.is_empty() { String::new() } else { format!("; {}", finding.advice) };
    let what = format!("{}{advice}", finding.problem);
    [finding.severity.to_string(), finding.argument.clone(), first, how_many, what]
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    term: &'a str,
    loss: &'a str,
    findings: Vec<JsonFinding<'a>>,
}

/// A finding, and its message.
#[derive(Serialize)]
struct JsonFinding<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    message: String,
}

impl<'a> From<&'a Named> for Json<'a> {
    fn from((term, diagnosis): &'a Named) -> Self {
        let finding = |finding: &'a Finding| JsonFinding { finding, message: finding.problem.to_string() };
        Self { term, loss: diagnosis.loss, findings: diagnosis.findings.iter().map(finding).collect() }
    }
}
