//! `burn-losses init`: a config file of a loss, every field commented.

use crate::catalog::{self, REGULARIZATION, full_name};
use crate::describe::{allowed, paragraph, plain, toml};
use crate::error::Error;
use burn_losses::LossInfo;
use burn_losses::config::{Field, Format, Table, Value};
use clap::{Args, ValueEnum};

/// The format of a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    Toml,
    Yaml,
    /// JSON, which has no comments
    Json,
}

impl FormatName {
    /// The format of this name.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Toml => Format::Toml,
            Self::Yaml => Format::Yaml,
            Self::Json => Format::Json,
        }
    }
}

/// Print a config file of a loss: every field with its default, range and meaning
///
/// A field without a default gets an example value, and its comment says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses init huber > loss.toml
  burn-losses init binary/focal --format yaml > loss.yaml
  burn-losses init torch.nn.CrossEntropyLoss")]
pub(crate) struct Init {
    /// A kind, `FAMILY/KIND` if several families have the kind, or a name in another library
    #[arg(value_name = "KIND")]
    name: String,
    /// The format of the config file
    #[arg(long, value_enum, default_value = "toml")]
    format: FormatName,
}

impl Init {
    /// The config file.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let loss = catalog::one(&self.name)?;
        Ok(match self.format {
            FormatName::Toml => text(loss, |key, value| format!("{key} = {}", toml(value))),
            FormatName::Yaml => text(loss, |key, value| format!("{key}: {}", yaml(value))),
            FormatName::Json => json(loss),
        })
    }
}

/// The config, with an entry for each key and a comment above each entry.
fn text(loss: &LossInfo, entry: impl Fn(&str, &Value) -> String) -> String {
    let tags = [entry("family", &loss.family.into()), entry("kind", &loss.kind.into())];
    let fields = loss.fields.iter().map(|field| format!("\n{}\n{}", comment(field), entry(field.name, &field.example)));
    [head(loss)].into_iter().chain(tags).chain(fields).collect::<Vec<_>>().join("\n")
}

fn head(loss: &LossInfo) -> String {
    let family = match loss.family {
        REGULARIZATION => "The key `family` is for the command and for the terms of a joint loss.",
        _ => "The key `family` is for files of any family: leave it out where the program reads one family.",
    };
    let title = format!("{}: {}", full_name(loss), loss.summary);
    let lines = [title.as_str(), &plain(loss.when_to_use), &catalog::documentation(loss), family];
    lines.iter().filter(|line| !line.is_empty()).map(|line| commented(line)).collect::<Vec<_>>().join("\n")
}

fn comment(field: &Field) -> String {
    let default = match &field.default {
        Some(default) => format!("Default: {}.", toml(default)),
        None => "Required: this value is an example.".to_owned(),
    };
    let lines = [paragraph(field.summary), format!("{} {default}", allowed(field))];
    lines.iter().map(|line| commented(line)).collect::<Vec<_>>().join("\n")
}

/// A text as lines of a comment.
fn commented(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last + 1 + word.chars().count() > 110 && last > 1 {
            lines.push(String::from("#"));
        }
        let line = lines.last_mut().expect("there is a line");
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n")
}

/// A value as it stands after a key in YAML; JSON is valid YAML.
fn yaml(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Text(word) if word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_') => word.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key}: {}", yaml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn json(loss: &LossInfo) -> String {
    let mut table = Table::from_iter([("family", loss.family), ("kind", loss.kind)]);
    loss.fields.iter().for_each(|field| table.insert(field.name, field.example.clone()));
    serde_json::to_string_pretty(&table).expect("plain values are JSON")
}
