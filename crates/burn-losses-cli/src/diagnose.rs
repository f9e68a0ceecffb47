//! `burn-losses diagnose`: what is wrong with tensors from files.

use crate::batches::{Batches, json};
use crate::error::Error;
use crate::table::table;
use crate::{print, tensors};
use burn_losses::diagnose::{Diagnosis, Finding};
use clap::Args;
use serde::Serialize;
use std::panic::set_hook;
use std::process::ExitCode;

/// Says what is wrong with the tensors of a loss
///
/// Labels that are out of range, targets outside [0, 1], NaN and infinity, inverted boxes, empty masks, batches without a
/// pair, probabilities where logits are expected: one line for each, with the first place and how many there are. The
/// exit code is 1 if there is an error, 0 if there are only warnings, and 2 if a file cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    #[command(flatten)]
    batches: Batches,
    /// JSON: one object, or an array of one object per input where there are several
    #[arg(long)]
    json: bool,
}

impl Diagnose {
    /// Prints what is wrong with every input.
    pub(crate) fn run(&self) -> ExitCode {
        match self.diagnoses() {
            Ok(diagnoses) => {
                let text = match self.json {
                    true => json(&diagnoses.iter().map(Json::from).collect::<Vec<_>>()),
                    false => self.text(&diagnoses),
                };
                print(&text);
                ExitCode::from(u8::from(diagnoses.iter().any(Diagnosis::has_errors)))
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }

    fn diagnoses(&self) -> Result<Vec<Diagnosis>, Error> {
        let (loss, device, _) = self.batches.open(None)?;
        // A panic inside Burn is a finding.
        set_hook(Box::new(|_| {}));
        self.batches.each(|path| Ok(loss.diagnose(&tensors::read(path)?, &device)))
    }

    fn text(&self, diagnoses: &[Diagnosis]) -> String {
        self.batches.sections(diagnoses, |path, diagnosis| {
            let title = format!("{}: {}: {}", path.display(), diagnosis.loss, diagnosis.summary());
            if diagnosis.is_clean() {
                return title;
            }
            let header = [" severity", "argument", "first at", "how many", "what"];
            format!("{title}\n{}", table(header, &[10, 18, 12, 14], diagnosis.findings.iter().map(row)))
        })
    }
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
    loss: &'a str,
    findings: Vec<JsonFinding<'a>>,
}

/// A finding, and what it says.
#[derive(Serialize)]
struct JsonFinding<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    message: String,
}

impl<'a> From<&'a Diagnosis> for Json<'a> {
    fn from(diagnosis: &'a Diagnosis) -> Self {
        let finding = |finding: &'a Finding| JsonFinding { finding, message: finding.problem.to_string() };
        Self { loss: diagnosis.loss, findings: diagnosis.findings.iter().map(finding).collect() }
    }
}
