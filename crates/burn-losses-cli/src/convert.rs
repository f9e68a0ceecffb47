//! `burn-losses convert`: a config file in another format.

use crate::config::{Place, from_stdin, is_stdin, stdin};
use crate::error::Error;
use crate::init::FormatName;
use burn_losses::config::{Format, Table, Value, load, to_string};
use clap::Args;
use std::path::{Path, PathBuf};

/// Write a config file in another format
///
/// The file contains a loss, a joint loss or a penalty. Keys are kept, comments are lost. The result is read back, and must be the
/// same config.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses convert loss.toml loss.yaml
  burn-losses convert loss.json --format toml")]
pub(crate) struct Convert {
    /// The config file (.json, .toml, .yaml); `-` is stdin
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The file to write; its extension determines the format [default: stdout]
    #[arg(value_name = "TO", required_unless_present = "format")]
    to: Option<PathBuf>,
    /// The format of the output on stdout
    #[arg(long, value_enum, conflicts_with = "to")]
    format: Option<FormatName>,
}

impl Convert {
    /// Converts the config, and returns its text or where it was written.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let format = match (&self.to, self.format) {
            (Some(to), _) => Format::from_path(to)?,
            (None, format) => format.map_or(Format::Toml, FormatName::format),
        };
        let text = converted(&self.from, format)?;
        let Some(to) = &self.to else { return Ok(text.trim_end().to_owned()) };
        crate::write(to, text)?;
        Ok(to.display().to_string())
    }
}

fn converted(from: &Path, format: Format) -> Result<String, Error> {
    let (document, mut value) = if is_stdin(from) {
        let text = stdin()?;
        (Place::WHOLE.load_text(&text)?, from_stdin::<Value>(&text)?)
    } else {
        (Place::WHOLE.load(from)?, load::<Value>(from)?)
    };
    if let Value::Table(table) = &mut value {
        // The key `$schema` is for editors, and names the schema file of one format.
        table.remove("$schema");
    }
    if format == Format::Toml {
        value = without_null(value);
    }
    let text = to_string(&value, format)?;
    match Place::WHOLE.read(&text, format) {
        Ok(again) if again == document => Ok(text),
        _ => Err(Error::file(from, "the format cannot hold this config: write it by hand")),
    }
}

/// Replaces null by the word `none`, since TOML has no null.
fn without_null(value: Value) -> Value {
    match value {
        Value::Null => "none".into(),
        Value::List(items) => Value::List(items.into_iter().map(without_null).collect()),
        Value::Table(table) => {
            Table::from_iter(table.into_iter().map(|(key, value)| (key, without_null(value)))).into()
        }
        other => other,
    }
}
