//! The formats of config files: each text is read once, into plain values.

use crate::error::ConfigError;
use crate::field::{Table, Value};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The format of a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.toml`
    Toml,
    /// `.yaml`, `.yml`
    Yaml,
}

impl Format {
    /// The format that the extension of a file stands for.
    pub fn from_path(path: &Path) -> Result<Self, ConfigError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Ok(Self::Json),
            Some("toml") => Ok(Self::Toml),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            _ => Err(ConfigError::File(format!(
                "{}: the format is not known, allowed extensions: `.json`, `.toml`, `.yaml`, `.yml`",
                path.display()
            ))),
        }
    }
}

/// Reads a text, or says in which line it is wrong.
pub(super) fn parse(text: &str, format: Format) -> Result<Value, ConfigError> {
    let read = match format {
        Format::Json => json(text),
        Format::Toml => toml(text),
        Format::Yaml => yaml(text),
    };
    read.map_err(|(line, message)| {
        // The line is said already.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let line = line_of_second(text, message).or(line).filter(|line| *line > 0);
        let source = Box::new(ConfigError::Syntax(message.to_owned()));
        ConfigError::At { path: PathBuf::new(), line, source }
    })
}

/// The line of the second of two equal keys: a parser names the key, but not the line.
fn line_of_second(text: &str, message: &str) -> Option<usize> {
    let key = message.split_once("the key `")?.1.strip_suffix("` stands there twice")?;
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim_start().trim_start_matches(['{', ',', ' ', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']))
    });
    match (lines.next(), lines.next(), lines.next()) {
        (Some(_), Some((second, _)), None) => Some(second),
        _ => None,
    }
}

/// A value, or the line and the message of an error.
type Read = Result<Value, (Option<usize>, String)>;

fn json(text: &str) -> Read {
    let value: Value = serde_json::from_str(text).map_err(|error| (Some(error.line()), error.to_string()))?;
    let numbers = json_numbers(text);
    let is_beyond = |number: i128| i64::try_from(number).is_err() && u64::try_from(number).is_err();
    let is_rounded = numbers.iter().filter_map(|number| number.parse().ok()).any(is_beyond);
    Ok(if is_rounded { as_written(value, &mut numbers.into_iter()) } else { value })
}

/// The value with its integers as they are written: the parser rounds those beyond 64 bits to floats.
fn as_written<'a>(value: Value, numbers: &mut impl Iterator<Item = &'a str>) -> Value {
    match value {
        Value::Integer(_) | Value::Float(_) => {
            let written = numbers.next().and_then(|number| number.parse().ok());
            written.map_or(value, Value::Integer)
        }
        Value::List(items) => Value::List(items.into_iter().map(|item| as_written(item, numbers)).collect()),
        Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| (key, as_written(value, numbers)));
            entries.collect::<Table>().into()
        }
        other => other,
    }
}

/// The numbers of a valid JSON text, in order, as they are written.
fn json_numbers(text: &str) -> Vec<&str> {
    let (mut numbers, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find(|letter: char| letter == '"' || letter == '-' || letter.is_ascii_digit()) {
        rest = &rest[start..];
        let end = if let Some(string) = rest.strip_prefix('"') {
            let mut is_escaped = false;
            let is_end = |letter: char| {
                let ends = letter == '"' && !is_escaped;
                is_escaped = letter == '\\' && !is_escaped;
                ends
            };
            string.find(is_end).map_or(rest.len(), |length| length + 2)
        } else {
            let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            numbers.push(&rest[..end]);
            end
        };
        rest = &rest[end..];
    }
    numbers
}

#[cfg(feature = "toml")]
fn toml(text: &str) -> Read {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count());
        let hint = line.and_then(|line| text.lines().nth(line)).and_then(bare_word);
        let hint = hint.map(|word| format!(" (a word stands in quotes: \"{word}\")")).unwrap_or_default();
        (line.map(|line| line + 1), format!("{}{hint}", error.message()))
    })
}

/// The value of a line, if it is a word without quotes.
#[cfg(feature = "toml")]
fn bare_word(line: &str) -> Option<&str> {
    let (_, value) = line.split_once('=')?;
    let word = value.split('#').next()?.trim();
    let is_word = word.starts_with(char::is_alphabetic) && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_word && !["true", "false", "nan", "inf"].contains(&word)).then_some(word)
}

#[cfg(not(feature = "toml"))]
fn toml(_: &str) -> Read {
    Err((None, missing_feature("toml")))
}

#[cfg(feature = "yaml")]
fn yaml(text: &str) -> Read {
    let value = serde_yaml_ng::from_str(text);
    let value: Value = value.map_err(|error| (error.location().map(|at| at.line()), error.to_string()))?;
    if !text.contains("<<") {
        return Ok(value);
    }
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains("<<")).map(|(number, _)| number);
    let line = lines.next().filter(|_| lines.next().is_none());
    merged(value).map_err(|message| (line, message.to_owned()))
}

/// Replaces `<<: *anchor` by the keys of the anchor. Keys that are in the table already keep their values.
#[cfg(feature = "yaml")]
fn merged(value: Value) -> Result<Value, &'static str> {
    Ok(match value {
        Value::List(items) => Value::List(items.into_iter().map(merged).collect::<Result<_, _>>()?),
        Value::Table(mut table) => {
            let others = match table.remove("<<") {
                Some(Value::List(items)) => items,
                other => other.into_iter().collect(),
            };
            for other in others {
                let other = merged(other)?.into_table().ok_or("`<<` takes a table or a list of tables")?;
                for (key, value) in other {
                    if table.get(&key).is_none() {
                        table.insert(key, value);
                    }
                }
            }
            let mut all = Table::new();
            for (key, value) in table {
                all.insert(key, merged(value)?);
            }
            all.into()
        }
        other => other,
    })
}

#[cfg(not(feature = "yaml"))]
fn yaml(_: &str) -> Read {
    Err((None, missing_feature("yaml")))
}

#[cfg(not(all(feature = "toml", feature = "yaml")))]
fn missing_feature(feature: &str) -> String {
    format!("burn-losses was built without its feature `{feature}`")
}

/// Writes a config as text.
pub(super) fn write<T: Serialize>(config: &T, format: Format) -> Result<String, ConfigError> {
    match format {
        Format::Json => serde_json::to_string_pretty(config).map_err(|error| error.to_string()),
        #[cfg(feature = "toml")]
        Format::Toml => toml::to_string(config).map_err(|error| error.to_string()),
        #[cfg(feature = "yaml")]
        Format::Yaml => serde_yaml_ng::to_string(config).map_err(|error| error.to_string()),
        #[cfg(not(feature = "toml"))]
        Format::Toml => Err(missing_feature("toml")),
        #[cfg(not(feature = "yaml"))]
        Format::Yaml => Err(missing_feature("yaml")),
    }
    .map_err(ConfigError::Syntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_json_text_are_those_outside_of_strings() {
        let text = r#"{"a 1": [1, -2.5e+3, "3", "\\", "\"4"], "b": {"5": 18446744073709551616}, "c": true}"#;
        assert_eq!(json_numbers(text), ["1", "-2.5e+3", "18446744073709551616"]);
        let value = json(text).expect("a value");
        assert_eq!(value.get("b").and_then(|b| b.get("5")), Some(&Value::Integer(1 << 64)));
        assert_eq!(value.get("a 1").and_then(|a| a.as_list()?.get(1)), Some(&Value::Float(-2.5e3)));
    }
}
