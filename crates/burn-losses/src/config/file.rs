//! Configs and their files.

use crate::error::ConfigError;
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

pub use crate::field::{Alpha, BatchAlpha, ClassFactor, Field, FieldType, IntoField, Range, Table, Value};

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
    /// The format that the extension of a file says.
    pub fn of(path: &Path) -> Result<Self, ConfigError> {
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

/// What one loss's config says of itself: the source of `burn-losses list`, of validation and of the laws.
pub trait Describe: Default + Serialize + DeserializeOwned {
    /// The family, which is the name of the folder.
    const FAMILY: &'static str;
    /// The slug: the file, the `kind` in a config file, the key of the golden file.
    const KIND: &'static str;
    /// The meaning in one line.
    const SUMMARY: &'static str;

    /// The fields, in the order of the struct.
    fn fields() -> Vec<Field>;

    /// The first field whose value is not allowed, as an error that names it.
    fn validate(&self) -> Result<(), ConfigError>;
}

/// What there is to know of one loss.
#[derive(Debug, Clone, PartialEq)]
pub struct LossInfo {
    /// The family.
    pub family: &'static str,
    /// The slug: the name in a config file.
    pub kind: &'static str,
    /// Other names that a config file may use; never written.
    pub aliases: &'static [&'static str],
    /// The meaning in one line.
    pub summary: &'static str,
    /// The fields of the config.
    pub fields: Vec<Field>,
}

impl LossInfo {
    pub(crate) fn of<C: Describe>(aliases: &'static [&'static str]) -> Self {
        Self { family: C::FAMILY, kind: C::KIND, aliases, summary: C::SUMMARY, fields: C::fields() }
    }
}

/// Reads a config, or a struct of yours with configs inside, from a file; its extension says the format.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T, ConfigError> {
    let path = path.as_ref();
    let format = Format::of(path)?;
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
    take_error();
    // Some editors begin a file with a byte order mark, which says nothing of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (line, message) = match format {
        Format::Json => match serde_json::from_str(text).or_else(|error| without_schema(text).unwrap_or(Err(error))) {
            Ok(config) => return Ok(config),
            Err(error) => (Some(error.line()), error.to_string()),
        },
        Format::Toml => match toml::from_str::<T>(text) {
            Ok(config) => return Ok(config),
            Err(error) => {
                let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
                (line, error.message().to_owned())
            }
        },
        Format::Yaml => match from_yaml(text) {
            Ok(config) => return Ok(config),
            Err(error) => (error.location().map(|at| at.line()), error.to_string()),
        },
    };
    let (line, error) = match take_error() {
        // The parser only knows where the table of the loss stands; the key that is wrong says it better.
        Some(error) => (line_of(text, &error), error),
        None => {
            // The line is said already.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            (line_of_second(text, message).or(line).filter(|line| *line > 0), ConfigError::Syntax(message.to_owned()))
        }
    };
    Err(ConfigError::At { path: PathBuf::new(), line, source: Box::new(error) })
}

/// Reads a YAML text, with the keys of `<<: *anchor` in the place of that.
fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml_ng::Error> {
    if !text.contains("<<") {
        return serde_yaml_ng::from_str(text);
    }
    let mut value: Value = serde_yaml_ng::from_str(text)?;
    value.apply_merge()?;
    serde_yaml_ng::from_value(value)
}

/// The line of the second of two equal keys, which a parser names but not where it is.
fn line_of_second(text: &str, message: &str) -> Option<usize> {
    let key = message.split_once("duplicate entry with key ")?.1.trim_matches('"');
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim_start().trim_start_matches(['{', ',', ' ', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']))
    });
    match (lines.next(), lines.next(), lines.next()) {
        (Some(_), Some((second, _)), None) => Some(second),
        _ => None,
    }
}

/// Reads a JSON text without its key `$schema`, where it has one: that is for the editor.
fn without_schema<T: DeserializeOwned>(text: &str) -> Option<serde_json::Result<T>> {
    // Not JSON's own tree of values, which keeps the last of two equal keys without a word.
    let mut value: Value = serde_json::from_str(text).ok()?;
    value.as_mapping_mut()?.remove("$schema")?.as_str()?;
    take_error();
    Some(serde_yaml_ng::from_value(value).map_err(serde::de::Error::custom))
}

/// Writes a config as text.
pub fn to_string<T: Serialize>(config: &T, format: Format) -> Result<String, ConfigError> {
    match format {
        Format::Json => serde_json::to_string_pretty(config).map_err(|error| error.to_string()),
        Format::Toml => toml::to_string(config).map_err(|error| error.to_string()),
        Format::Yaml => serde_yaml_ng::to_string(config).map_err(|error| error.to_string()),
    }
    .map_err(ConfigError::Syntax)
}

/// Writes a config to a file; its extension says the format.
pub fn save<T: Serialize>(config: &T, path: impl AsRef<Path>) -> Result<(), ConfigError> {
    let path = path.as_ref();
    let text = to_string(config, Format::of(path)?)?;
    std::fs::write(path, text).map_err(|error| ConfigError::File(format!("{}: {error}", path.display())))
}

thread_local! {
    /// The typed error behind the message that serde carries through a parser: a parser can only pass on text.
    static ERROR: RefCell<Option<ConfigError>> = const { RefCell::new(None) };
}

/// Turns a typed error into the error of a parser, keeping the typed one for [`take_error`].
pub(crate) fn as_parser_error<E: serde::de::Error>(error: ConfigError) -> E {
    let message = error.to_string();
    ERROR.with(|slot| slot.replace(Some(error)));
    E::custom(message)
}

fn take_error() -> Option<ConfigError> {
    ERROR.with(RefCell::take)
}

/// The line of the key that an error is about, where only one line has that key.
fn line_of(text: &str, error: &ConfigError) -> Option<usize> {
    let key = match error {
        ConfigError::InvalidValue { field, .. }
        | ConfigError::WrongType { field, .. }
        | ConfigError::UnknownField { field, .. } => field.split(['.', '[']).next().unwrap_or(field),
        ConfigError::UnknownKind { given, .. } => given,
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

/// Splits a table into the name under `tag` and the rest.
pub(crate) fn split_tag(
    value: Value,
    tag: &'static str,
    family: &'static str,
    allowed: &[&'static str],
) -> Result<(String, Table), ConfigError> {
    let missing = || ConfigError::MissingKind { tag, family, allowed: allowed.to_vec() };
    let Value::Mapping(mut table) = value else {
        return Err(missing());
    };
    match table.remove(tag) {
        Some(Value::String(name)) => Ok((name, table)),
        _ => Err(missing()),
    }
}

/// Reads one loss's config from a table: unknown keys first, then the type of each field, then their values.
pub(crate) fn read<C: Describe>(table: Table) -> Result<C, ConfigError> {
    let (mut config, fields) = (None, C::fields());
    let table = with_absent(&fields, table);
    // What is compiled for each config is no more than this.
    read_with(C::KIND, &fields, table, &mut |value| {
        config = Some(serde_yaml_ng::from_value::<C>(value)?);
        Ok(())
    })?;
    let config = config.expect("it was read");
    config.validate()?;
    Ok(config)
}

/// `none` and null say the same, wherever one of them is allowed.
fn with_absent(fields: &[Field], table: Table) -> Table {
    let same = |(key, value): (Value, Value)| {
        let field = fields.iter().find(|field| Some(field.name) == key.as_str());
        let value = match field {
            Some(field) if value.as_str() == Some("none") && field.kind.ends_with("optional") => Value::Null,
            Some(field) if value.is_null() && field.range.contains("`none`") => "none".into(),
            _ => value,
        };
        (key, value)
    };
    table.into_iter().map(same).collect()
}

/// What reads one loss's config from a table of its fields, and keeps it.
type Parse<'a> = dyn FnMut(Value) -> Result<(), serde_yaml_ng::Error> + 'a;

fn read_with(loss: &'static str, fields: &[Field], table: Table, parse: &mut Parse<'_>) -> Result<(), ConfigError> {
    for key in table.keys() {
        let key = key.as_str().unwrap_or_default();
        if !fields.iter().any(|field| field.name == key) {
            return Err(ConfigError::UnknownField {
                loss,
                field: key.to_owned(),
                allowed: fields.iter().map(|field| field.name).collect(),
            });
        }
    }
    take_error();
    parse(Value::Mapping(table.clone())).map_err(|error| {
        // A loss inside this one says itself what is wrong.
        take_error().unwrap_or_else(|| wrong_field(loss, fields, &table, parse, &error.to_string()))
    })
}

/// Which field cannot be read: each is tried alone.
fn wrong_field(
    loss: &'static str,
    fields: &[Field],
    table: &Table,
    parse: &mut Parse<'_>,
    message: &str,
) -> ConfigError {
    let mut is_wrong = |(key, value): &(&Value, &Value)| {
        parse(Value::Mapping(Table::from_iter([((*key).clone(), (*value).clone())]))).is_err()
    };
    let named = |(key, value): (&Value, &Value)| {
        let field = fields.iter().find(|field| Some(field.name) == key.as_str())?;
        let given = serde_json::to_string(value).ok()?;
        let (name, allowed) = (field.name.to_owned(), field.range.clone());
        if let Some((at, entry)) = wrong_entry(field, value) {
            let problem = format!("{}, allowed: {allowed}", serde_json::to_string(entry).ok()?);
            return Some(ConfigError::WrongType { loss, field: format!("{name}[{at}]"), problem });
        }
        Some(if field.kind == "word" && value.is_string() {
            ConfigError::InvalidValue { loss, field: name, value: given, allowed }
        } else {
            ConfigError::WrongType { loss, field: name, problem: format!("{given}, allowed: {allowed}") }
        })
    };
    table.iter().find(&mut is_wrong).and_then(named).unwrap_or_else(|| ConfigError::Syntax(message.to_owned()))
}

/// The first entry of a list of numbers that is none.
fn wrong_entry<'a>(field: &Field, value: &'a Value) -> Option<(usize, &'a Value)> {
    let list = value.as_sequence().filter(|_| field.kind.starts_with("list of numbers"))?;
    list.iter().enumerate().find(|(_, entry)| !entry.is_number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_only_when_it_is_certain() {
        let error = |field: &str| ConfigError::UnknownField { loss: "focal", field: field.into(), allowed: vec![] };
        let text = "kind = 'focal'\ngamma_2 = 1\ngamma = 2\nx = 1\n[b]\nx = 1\n";
        assert_eq!(line_of(text, &error("gamma")), Some(3));
        assert_eq!(line_of(text, &error("x")), None);
        assert_eq!(line_of(text, &error("absent")), None);
    }
}
