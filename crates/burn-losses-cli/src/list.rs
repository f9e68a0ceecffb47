//! `burn-losses list`: every loss, with its fields.

use crate::error::Error;
use crate::table::table;
use burn_losses::config::{Field, Value};
use burn_losses::{LossConfig, LossInfo, registry};
use clap::Args;
use serde::Serialize;

/// Lists the losses with their fields, defaults and allowed values
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this family
    family: Option<String>,
    /// Only this kind
    kind: Option<String>,
    /// One JSON array
    #[arg(long)]
    json: bool,
}

impl List {
    /// The list as text.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let losses: Vec<_> = registry().into_iter().filter(|loss| self.wants(loss)).collect();
        if losses.is_empty() {
            // The library says it best: which of the two is unknown, and what there is.
            let (family, kind) = (self.family.as_deref(), self.kind.as_deref());
            LossConfig::from_kind(family.unwrap_or_default(), kind.unwrap_or_default())?;
        }
        Ok(if self.json { json(&losses) } else { text(&losses) })
    }

    fn wants(&self, loss: &LossInfo) -> bool {
        let is_kind = |kind: &str| kind == loss.kind || loss.aliases.contains(&kind);
        self.family.as_deref().is_none_or(|family| family == loss.family) && self.kind.as_deref().is_none_or(is_kind)
    }
}

#[derive(Serialize)]
struct JsonLoss<'a> {
    family: &'a str,
    kind: &'a str,
    summary: &'a str,
    fields: Vec<JsonField<'a>>,
}

#[derive(Serialize)]
struct JsonField<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    /// `null` where the field has to be given, or where its default is nothing.
    default: Option<&'a Value>,
    required: bool,
    range: &'a str,
}

impl<'a> From<&'a LossInfo> for JsonLoss<'a> {
    fn from(loss: &'a LossInfo) -> Self {
        let LossInfo { family, kind, summary, fields, .. } = loss;
        Self { family, kind, summary, fields: fields.iter().map(JsonField::from).collect() }
    }
}

impl<'a> From<&'a Field> for JsonField<'a> {
    fn from(field: &'a Field) -> Self {
        let Field { name, kind, default, range, .. } = field;
        Self { name, kind, default: default.as_ref(), required: default.is_none(), range }
    }
}

fn json(losses: &[LossInfo]) -> String {
    let losses: Vec<_> = losses.iter().map(JsonLoss::from).collect();
    serde_json::to_string_pretty(&losses).expect("plain values are JSON")
}

fn text(losses: &[LossInfo]) -> String {
    let names = losses.iter().flat_map(|loss| &loss.fields).map(|field| field.name.len());
    // The columns are as wide for every loss.
    let longest = names.max().unwrap_or_default();
    let header = [" field", "type", "default", "allowed", "meaning"];
    let widths = [longest as u16 + 3, 11, 18, 26];
    let loss = |loss: &LossInfo| {
        let also = match loss.aliases {
            [] => String::new(),
            aliases => format!(" (or {})", aliases.join(", ")),
        };
        let table = table(header, &widths, loss.fields.iter().map(row));
        format!("{}/{}{also}\n  {}\n{table}", loss.family, loss.kind, loss.summary)
    };
    losses.iter().map(loss).collect::<Vec<_>>().join("\n\n")
}

fn row(field: &Field) -> [String; 5] {
    let name = format!(" {}", field.name);
    [
        name,
        field.kind.to_owned(),
        field.default.as_ref().map_or_else(|| "(required)".into(), plain),
        field.range.clone(),
        field.summary.to_owned(),
    ]
}

/// A default, with as few marks as it takes to read it.
fn plain(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(word) => word.clone(),
        Value::List(values) => format!("[{}]", list(values.iter().map(plain).collect())),
        Value::Table(table) => {
            let pair = |(key, value)| format!("{key}: {}", plain(value));
            format!("{{ {} }}", list(table.iter().map(pair).collect()))
        }
    }
}
