//! The parts of a loss as text, for the terminal and for config files.

use crate::catalog;
use crate::style::{bold, faint, text_width, wrap};
use burn_losses::LossInfo;
use burn_losses::config::{Field, Twin, Value};

/// Describes every field: its default, its meaning, and its allowed values.
pub(crate) fn fields(loss: &LossInfo, indent: usize) -> String {
    let field = |field: &Field| {
        let head = match field.default.as_ref().map(toml) {
            None => format!("{} {}", bold(field.name), faint("(required)")),
            Some(default) if indent + field.name.len() + 3 + default.chars().count() <= text_width() => {
                format!("{} = {default}", bold(field.name))
            }
            Some(default) => format!("{} =\n{}", bold(field.name), wrap(&default, indent + 4)),
        };
        let (meaning, allowed) = (wrap(&plain(field.summary), indent + 4), wrap(&allowed(field), indent + 4));
        format!("{:indent$}{head}\n{meaning}\n{}", "", faint(&allowed))
    };
    loss.fields.iter().map(field).collect::<Vec<_>>().join("\n")
}

/// The allowed values of a field.
pub(crate) fn allowed(field: &Field) -> String {
    format!("Allowed: {}.", field.range)
}

/// The name of a twin in another library, and how it differs.
pub(crate) fn twin(Twin { path, differs }: &Twin) -> String {
    format!("{path}: {}", plain(differs.unwrap_or("the same.")))
}

/// A text of the documentation as plain text: types become the kinds of a config file (`` `HuberLoss` `` is `` `huber` ``), and
/// a link becomes its text.
pub(crate) fn plain(text: &str) -> String {
    let name = |(at, part): (usize, &'_ str)| -> String {
        let known = catalog::of_type(part).filter(|_| at % 2 == 1);
        known.map_or(part, |loss| loss.kind).to_owned()
    };
    without_links(&text.split('`').enumerate().map(name).collect::<Vec<_>>().join("`"))
}

fn without_links(text: &str) -> String {
    let Some((before, after)) = text.split_once("](http") else { return text.to_owned() };
    match (before.rsplit_once('['), after.split_once(')')) {
        (Some((start, name)), Some((_, rest))) => format!("{start}{name}{}", without_links(rest)),
        _ => text.to_owned(),
    }
}

/// The smallest config file: the tags, and examples for the fields that have no default.
pub(crate) fn smallest(loss: &LossInfo) -> String {
    let table = loss.example();
    table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect::<Vec<_>>().join("\n")
}

/// A documentation comment as one line of text.
pub(crate) fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as it stands after a key in TOML.
pub(crate) fn toml(value: &Value) -> String {
    match value {
        // TOML has no null; the library reads the word `none` in its place.
        Value::Null => "\"none\"".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
