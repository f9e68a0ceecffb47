//! Config files.

use super::format::{self, Format};
use crate::error::ConfigError;
use crate::field::{Value, take_error};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};

/// Reads a config, or a struct of yours with configs inside, from a file; its extension says the format.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T, ConfigError> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::File(format!("{}: {error}", path.display())))?;
    from_str(&text, format).map_err(|error| match error {
        ConfigError::At { line, source, .. } => ConfigError::At { path: path.to_owned(), line, source },
        other => ConfigError::At { path: path.to_owned(), line: None, source: Box::new(other) },
    })
}

/// Reads a config, or a struct of yours with configs inside, from a text.
///
/// The key `$schema` of a JSON file is for editors: it is left out where `T` has no such key.
pub fn from_str<T: DeserializeOwned>(text: &str, format: Format) -> Result<T, ConfigError> {
    // Some editors begin a file with a byte order mark, which says nothing of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = format::parse(text, format)?;
    take_error();
    let mut result = T::deserialize(value.clone());
    if let (Err(_), Some(value)) = (&result, without_schema(value, format)) {
        take_error();
        result = T::deserialize(value);
    }
    result.map_err(|error| in_text(text, &error.to_string()))
}

/// A JSON text without its key `$schema`, if it has one: the key is for the editor.
fn without_schema(value: Value, format: Format) -> Option<Value> {
    let Value::Table(mut table) = value else { return None };
    let is_named = format == Format::Json && table.remove("$schema")?.as_str().is_some();
    is_named.then_some(Value::Table(table))
}

/// The error in a text, with its line if that is certain.
fn in_text(text: &str, message: &str) -> ConfigError {
    let error = take_error().unwrap_or_else(|| ConfigError::Syntax(message.to_owned()));
    ConfigError::At { path: PathBuf::new(), line: line_of(text, &error), source: Box::new(error) }
}

/// Writes a config as text.
pub fn to_string<T: Serialize>(config: &T, format: Format) -> Result<String, ConfigError> {
    format::write(config, format)
}

/// Writes a config to a file; its extension says the format.
pub fn save<T: Serialize>(config: &T, path: impl AsRef<Path>) -> Result<(), ConfigError> {
    let path = path.as_ref();
    let text = to_string(config, Format::from_path(path)?)?;
    std::fs::write(path, text).map_err(|error| ConfigError::File(format!("{}: {error}", path.display())))
}

/// The line of the key that an error is about, if only one line has that key.
fn line_of(text: &str, error: &ConfigError) -> Option<usize> {
    let key = match error {
        ConfigError::InvalidValue { field, .. }
        | ConfigError::WrongType { field, .. }
        | ConfigError::UnknownField { field, .. } => field.split(['.', '[']).next().unwrap_or(field),
        ConfigError::UnknownKind { given, .. } => given,
        // A struct of the caller names the key that it does not have.
        ConfigError::Syntax(message) => message.strip_prefix("unknown field `")?.split('`').next()?,
        _ => return None,
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has_key = |line: &str| {
        line.match_indices(key)
            .any(|(at, _)| !line[..at].ends_with(is_word) && !line[at + key.len()..].starts_with(is_word))
    };
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| has_key(line));
    match (lines.next(), lines.next()) {
        (Some((number, _)), None) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_only_when_it_is_certain() {
        let error = |field: &str| ConfigError::UnknownField {
            loss: "focal",
            field: field.into(),
            allowed: vec![],
            suggestion: None,
        };
        let text = "kind = 'focal'\ngamma_2 = 1\ngamma = 2\nx = 1\n[b]\nx = 1\n";
        assert_eq!(line_of(text, &error("gamma")), Some(3));
        assert_eq!(line_of(text, &error("x")), None);
        assert_eq!(line_of(text, &error("absent")), None);
    }
}
