//! `burn-losses list`: every loss in one line, or with its fields.

use crate::catalog::{self, full_name, has_kind};
use crate::describe::fields;
use crate::error::Error;
use crate::style::{bold, cut, faint, width, wrap};
use burn_losses::LossInfo;
use burn_losses::config::{Field, Twin, Value};
use clap::Args;
use serde::Serialize;

/// List the losses, one per line
///
/// Lines are cut to the width of the terminal. Penalties on parameters are the family `regularization`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses list
  burn-losses list boxes
  burn-losses list focal --long
  burn-losses list binary --json")]
pub(crate) struct List {
    /// A family, a kind, or both
    #[arg(num_args = 0..=2, value_name = "FAMILY|KIND")]
    names: Vec<String>,
    /// Show the fields too, with defaults and allowed values
    #[arg(long, conflicts_with = "json")]
    long: bool,
    /// Print a JSON array with everything that is known about each loss
    #[arg(long)]
    json: bool,
}

impl List {
    /// The list as text.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let losses: Vec<_> = catalog::all().iter().filter(|loss| self.wants(loss)).collect();
        if losses.is_empty() {
            return Err(self.unknown());
        }
        Ok(match self {
            Self { json: true, .. } => json(&losses),
            Self { long: true, .. } => losses.iter().map(|loss| long(loss)).collect::<Vec<_>>().join("\n\n"),
            _ => short(&losses),
        })
    }

    fn wants(&self, loss: &LossInfo) -> bool {
        match self.names.as_slice() {
            [] => true,
            [name] => *name == loss.family || has_kind(loss, name) || *name == full_name(loss),
            [family, kind, ..] => *family == loss.family && has_kind(loss, kind),
        }
    }

    fn unknown(&self) -> Error {
        if let [family, kind] = self.names.as_slice()
            && let Some(error) = catalog::unknown(family, kind)
        {
            // The library's error says which of the two is unknown, and what exists.
            return error.into();
        }
        let name = self.names.join(" ");
        let families = catalog::families().into_iter().filter(|family| family.starts_with(&name));
        let suggestions = families.map(str::to_owned).chain(catalog::near(None, &name)).collect();
        Error::UnknownName { name, suggestions }
    }
}

fn short(losses: &[&LossInfo]) -> String {
    let longest = losses.iter().map(|loss| full_name(loss).len()).max().unwrap_or_default();
    let line = |loss: &&LossInfo| {
        let name = format!("{:longest$}", full_name(loss));
        // In a pipe, lines are not cut, so that `grep` sees all of them.
        let space = width().map_or(usize::MAX, |width| width.saturating_sub(longest + 2));
        format!("{}  {}", bold(&name), cut(loss.summary, space))
    };
    losses.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The loss with its fields.
fn long(loss: &LossInfo) -> String {
    let also = match loss.aliases {
        [] => String::new(),
        aliases => faint(&format!(" (or {})", aliases.join(", "))),
    };
    format!("{}{also}\n{}\n{}", bold(&full_name(loss)), wrap(loss.summary, 2), fields(loss, 2))
}

#[derive(Serialize)]
struct JsonLoss<'a> {
    family: &'a str,
    kind: &'a str,
    aliases: &'a [&'a str],
    summary: &'a str,
    when_to_use: &'a str,
    formula: &'a str,
    fields: Vec<JsonField<'a>>,
    twins: Vec<JsonTwin<'a>>,
    documentation: String,
}

#[derive(Serialize)]
struct JsonField<'a> {
    name: &'a str,
    meaning: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    /// `null` if the field has no default, or if its default is null.
    default: Option<&'a Value>,
    required: bool,
    range: &'a str,
}

#[derive(Serialize)]
struct JsonTwin<'a> {
    path: &'a str,
    /// `null` if the twin computes the same.
    differs: Option<&'a str>,
}

impl<'a> From<&'a LossInfo> for JsonLoss<'a> {
    fn from(loss: &'a LossInfo) -> Self {
        let LossInfo { family, kind, aliases, summary, when_to_use, formula, fields, twins } = loss;
        Self {
            family,
            kind,
            aliases,
            summary,
            when_to_use,
            formula,
            fields: fields.iter().map(JsonField::from).collect(),
            twins: twins.iter().map(|Twin { path, differs }| JsonTwin { path, differs: *differs }).collect(),
            documentation: catalog::documentation(loss),
        }
    }
}

impl<'a> From<&'a Field> for JsonField<'a> {
    fn from(field: &'a Field) -> Self {
        let Field { name, summary, kind, default, range, .. } = field;
        Self { name, meaning: summary, kind, default: default.as_ref(), required: default.is_none(), range }
    }
}

fn json(losses: &[&LossInfo]) -> String {
    let losses: Vec<_> = losses.iter().map(|loss| JsonLoss::from(*loss)).collect();
    serde_json::to_string_pretty(&losses).expect("plain values are JSON")
}
