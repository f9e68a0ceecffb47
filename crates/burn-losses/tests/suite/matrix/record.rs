//! The figures of a run, and the file that keeps them.

use super::cells::{Form, Path, Reason, word};
use super::run::Errors;
use crate::repository::repository;
use burn_losses::LossInfo;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// The figures of every device, by its name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) devices: BTreeMap<String, OnDevice>,
}

/// The figures of a device.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OnDevice {
    /// What the device is.
    pub(super) machine: String,
    /// The types and paths that the device does not have.
    pub(super) absent: BTreeMap<String, Reason>,
    /// The figures of each loss, as `family/kind`.
    pub(super) losses: BTreeMap<String, Figures>,
}

/// The figures of a loss on a device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    /// How many cells ran.
    pub(super) ran: usize,
    /// The largest errors of each type and path: of reduced values, of unreduced values and of gradients, with the form that has
    /// the largest of them.
    pub(super) cells: BTreeMap<String, (f64, f64, f64, Form)>,
    /// The largest error of each form.
    pub(super) forms: BTreeMap<Form, f64>,
    /// The cells that did not run: a form, or a type with a path, or all three.
    pub(super) not_run: BTreeMap<Reason, BTreeSet<String>>,
}

/// The name of a type with a path.
pub(super) fn column(dtype: &str, path: Path) -> String {
    format!("{dtype} {}", path.name())
}

/// The cells of a loss on a device, one after the other.
#[derive(Default)]
pub(super) struct Cells(Vec<(String, Form, Result<Errors, Reason>)>);

impl Cells {
    pub(super) fn push(&mut self, column: String, form: Form, outcome: Result<Errors, Reason>) {
        self.0.push((column, form, outcome));
    }

    /// The largest figures of all cells.
    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        for (column, form, outcome) in &self.0 {
            let Ok(Errors { value, unreduced, gradient }) = outcome else { continue };
            figures.ran += 1;
            let own = [*value, *unreduced, *gradient].map(rounded);
            let most = own.into_iter().fold(0.0, f64::max);
            let all = figures.cells.entry(column.clone()).or_insert((0.0, 0.0, 0.0, *form));
            let at = if most > all.0.max(all.1).max(all.2) { *form } else { all.3 };
            *all = (all.0.max(own[0]), all.1.max(own[1]), all.2.max(own[2]), at);
            let of_form = figures.forms.entry(*form).or_default();
            *of_form = of_form.max(most);
        }
        for (column, form, outcome) in &self.0 {
            let Err(reason) = outcome else { continue };
            let name = if self.whole_form(*form) == Some(*reason) {
                word(form)
            } else if self.is_whole_column(column, *reason) {
                column.clone()
            } else {
                format!("{column} {form}")
            };
            figures.not_run.entry(*reason).or_default().insert(name);
        }
        figures
    }

    /// Why a form did not run in any column.
    fn whole_form(&self, form: Form) -> Option<Reason> {
        let mut outcomes = self.0.iter().filter(|cell| cell.1 == form).map(|cell| cell.2.as_ref().err());
        let first = *outcomes.next()??;
        outcomes.all(|reason| reason == Some(&first)).then_some(first)
    }

    /// Whether a column did not run for this reason in any form that other columns have.
    fn is_whole_column(&self, column: &str, reason: Reason) -> bool {
        let cells = self.0.iter().filter(|cell| cell.0 == column && self.whole_form(cell.1).is_none());
        cells.map(|cell| cell.2.as_ref().err()).all(|other| other == Some(&reason))
    }
}

/// Two digits are enough, rounded up.
fn rounded(error: f64) -> f64 {
    if error == 0.0 || !error.is_finite() {
        return error;
    }
    let digit = 10_f64.powi(error.log10().floor() as i32 - 1);
    // A division gives the shortest decimal number.
    ((error / digit).ceil() * digit * 1e6).round() / 1e6
}

impl Record {
    fn path() -> Option<PathBuf> {
        Some(repository()?.join("docs/src/trust.json"))
    }

    /// The record of the repository; nothing if there is none.
    pub(super) fn read() -> Self {
        let text = Self::path().and_then(|path| fs::read_to_string(path).ok());
        text.map(|text| serde_json::from_str(&text).unwrap_or_else(|error| panic!("docs/src/trust.json: {error}")))
            .unwrap_or_default()
    }

    /// Writes the record, one loss per line.
    pub(super) fn write(&self) {
        let devices = self.devices.iter().map(|(name, device)| {
            let losses = device.losses.iter().map(|(name, figures)| (name, json(figures)));
            let [machine, absent] = [json(&device.machine), json(&device.absent)];
            (name, format!("{{\"machine\": {machine}, \"absent\": {absent}, \"losses\": {}}}", lines(losses)))
        });
        let text = format!("{{\"devices\": {}}}\n", lines(devices));
        if let Some(path) = Self::path() {
            fs::write(path, text).expect("docs/src/trust.json is writable");
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("finite numbers, and words as keys")
}

/// An object with one entry per line.
fn lines<'a>(entries: impl Iterator<Item = (&'a String, String)>) -> String {
    let entries: Vec<_> = entries.map(|(key, value)| format!("\n{}: {value}", json(key))).collect();
    format!("{{{}\n}}", entries.join(","))
}

/// The name of a loss in the record.
pub(super) fn name(info: &LossInfo) -> String {
    format!("{}/{}", info.family, info.kind)
}
