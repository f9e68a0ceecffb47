//! `burn-losses diagnose`: what is wrong with tensors from files.

use crate::config::Place;
use crate::device::DeviceName;
use crate::error::Error;
use crate::{print, tensors};
use burn_losses::diagnose::{Diagnosis, Finding};
use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};
use serde::Serialize;
use std::panic::set_hook;
use std::path::PathBuf;
use std::process::ExitCode;

const WIDTH: u16 = 100;

/// Says what is wrong with the tensors of a loss
///
/// Labels that are no classes, targets outside [0, 1], NaN and infinity, inverted boxes, empty masks, batches without a
/// pair, probabilities where logits are expected: one line for each, with the first place and how many there are. The
/// exit code is 1 if there is an error, 0 if there are only warnings, and 2 if a file cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// The config of the loss (.json, .toml, .yaml)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Tensors (.safetensors), by the names of the loss's arguments; several files are several batches
    #[arg(long, value_name = "FILE", required = true)]
    input: Vec<PathBuf>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
    /// JSON: one object, or an array of one object per input where there are several
    #[arg(long)]
    json: bool,
}

impl Diagnose {
    /// Prints what is wrong with every input.
    pub(crate) fn run(&self) -> ExitCode {
        match self.diagnoses() {
            Ok(diagnoses) => {
                print(&if self.json { json(&diagnoses) } else { self.text(&diagnoses) });
                ExitCode::from(u8::from(diagnoses.iter().any(Diagnosis::has_errors)))
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }

    fn diagnoses(&self) -> Result<Vec<Diagnosis>, Error> {
        let config = self.place.load(&self.config)?;
        let (device, _) = self.device.open(None)?;
        let loss = config.try_init(&device)?;
        // A panic inside Burn is a finding.
        set_hook(Box::new(|_| {}));
        self.input.iter().map(|path| Ok(loss.diagnose(&tensors::read(path)?, &device))).collect()
    }

    fn text(&self, diagnoses: &[Diagnosis]) -> String {
        let section = |(path, diagnosis): (&PathBuf, &Diagnosis)| {
            let title = format!("{}: {}: {}", path.display(), diagnosis.loss, diagnosis.summary());
            if diagnosis.is_clean() { title } else { format!("{title}\n{}", table(diagnosis).trim_fmt()) }
        };
        self.input.iter().zip(diagnoses).map(section).collect::<Vec<_>>().join("\n\n")
    }
}

fn table(diagnosis: &Diagnosis) -> Table {
    let widths = [10, 18, 12, 14];
    let rest = WIDTH - widths.iter().sum::<u16>();
    let constraint = |width| ColumnConstraint::Absolute(Width::Fixed(width));
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header([" severity", "argument", "first at", "how many", "what"])
        .add_rows(diagnosis.findings.iter().map(row))
        .set_constraints(widths.into_iter().chain([rest]).map(constraint));
    table
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

fn json(diagnoses: &[Diagnosis]) -> String {
    let all: Vec<Json> = diagnoses.iter().map(Json::from).collect();
    match all.as_slice() {
        [one] => serde_json::to_string(one),
        all => serde_json::to_string(all),
    }
    .expect("numbers and strings are JSON")
}
