//! The parts of a loss as text, for the terminal and for config files.

use crate::catalog;
use crate::style::{bold, faint, wrap};
use burn_losses::LossInfo;
use burn_losses::config::{Field, Twin, Value};

/// Every field: its default, its meaning, and what is allowed.
pub(crate) fn fields(loss: &LossInfo, indent: usize) -> String {
    let field = |field: &Field| {
        let head = match &field.default {
            Some(default) => format!("{} = {}", bold(field.name), toml(default)),
            None => format!("{} {}", bold(field.name), faint("(required)")),
        };
        let (meaning, allowed) = (wrap(&paragraph(field.summary), indent + 4), wrap(&allowed(field), indent + 4));
        format!("{:indent$}{head}\n{meaning}\n{}", "", faint(&allowed))
    };
    loss.fields.iter().map(field).collect::<Vec<_>>().join("\n")
}

/// The type of a field and its values.
pub(crate) fn allowed(field: &Field) -> String {
    let Field { kind, range, .. } = field;
    if range.contains(kind) { format!("Allowed: {range}.") } else { format!("Allowed: {range} ({kind}).") }
}

/// What another library has, and in what it differs.
pub(crate) fn twin(Twin { path, differs }: &Twin) -> String {
    format!("{path}: {}", differs.unwrap_or("the same."))
}

/// A text whose types are the kinds of a config file: `` `HuberLoss` `` is `` `huber` ``.
pub(crate) fn names_as_kinds(text: &str) -> String {
    let name = |(at, part): (usize, &'_ str)| -> String {
        let known = catalog::of_type(part).filter(|_| at % 2 == 1);
        known.map_or(part, |loss| loss.kind).to_owned()
    };
    text.split('`').enumerate().map(name).collect::<Vec<_>>().join("`")
}

/// The least that a config file needs: the tags, and an example of what has no default.
pub(crate) fn smallest(loss: &LossInfo) -> String {
    let table = loss.example();
    table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect::<Vec<_>>().join("\n")
}

/// A documentation comment as one line of text.
pub(crate) fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as TOML writes it behind a key.
pub(crate) fn toml(value: &Value) -> String {
    match value {
        // TOML has no null; the library reads the word.
        Value::Null => "\"none\"".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
