//! The description of a loss by its config.

use crate::error::ConfigError;
use crate::field::{self, Field, Record, Value};

/// The description of a loss, without the fields of its config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The family, which is the name of the folder.
    pub family: &'static str,
    /// The slug: the file, the `kind` in a config file, the key of the golden file.
    pub kind: &'static str,
    /// The meaning in one line.
    pub summary: &'static str,
    /// The formula of the values, as text.
    pub formula: &'static str,
    /// For which data, and where another loss is the better choice.
    pub when_to_use: &'static str,
    /// The counterparts in other libraries.
    pub twins: &'static [Twin],
}

/// The counterpart of a loss in another library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin {
    /// The full path, such as `torch.nn.HuberLoss`.
    pub path: &'static str,
    /// In what it differs; `None` where it computes the same.
    pub differs: Option<&'static str>,
}

impl Twin {
    /// Whether this name means the twin: it is the twin's path or the last name of the path.
    pub fn is_called(&self, name: &str) -> bool {
        let last = self.path.rsplit('.').next();
        [Some(self.path), last].into_iter().flatten().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A config that is complete: with its defaults, and with examples for fields without a default.
pub trait Example: Sized {
    /// The config.
    fn example() -> Self;
}

/// A check of several fields together.
pub trait Check {
    /// An error that names one of the fields.
    fn check_together(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// The description of one loss by its config: the source of `burn-losses list`, of validation and of the laws.
pub trait Describe: Record + Check {
    /// The loss's names, its meaning, and what other libraries have.
    fn about(&self) -> &'static About;
}

/// Everything there is to know of one loss.
#[derive(Debug, Clone, PartialEq)]
pub struct LossInfo {
    /// The family.
    pub family: &'static str,
    /// The slug: the name in a config file.
    pub kind: &'static str,
    /// Other names that a config file may use; they are never written.
    pub aliases: &'static [&'static str],
    /// The meaning in one line.
    pub summary: &'static str,
    /// The formula of the values, as text.
    pub formula: &'static str,
    /// For which data, and where another loss is the better choice.
    pub when_to_use: &'static str,
    /// The counterparts in other libraries.
    pub twins: &'static [Twin],
    /// The fields of the config.
    pub fields: Vec<Field>,
}

impl LossInfo {
    pub(crate) fn from_example(example: &dyn Describe, aliases: &'static [&'static str]) -> Self {
        let About { family, kind, summary, formula, when_to_use, twins } = *example.about();
        let mut fields = field::fields(example);
        of_family(&mut fields, family);
        Self { family, kind, aliases, summary, formula, when_to_use, twins, fields }
    }

    /// The smallest table from which a loss is read: its tags, and an example of each field that has no default.
    pub fn example(&self) -> field::Table {
        let mut table = field::Table::from_iter([("family", self.family), ("kind", self.kind)]);
        for field in self.fields.iter().filter(|field| field.default.is_none()) {
            table.insert(field.name, field.example.clone());
        }
        table
    }
}

/// The reduction `positives` has a meaning only in the family `binary`.
const POSITIVES: &str = "positives";

fn of_family(fields: &mut [Field], family: &str) {
    for field in fields.iter_mut().filter(|field| field.name == "reduction" && family != "binary") {
        let positives = Value::from(POSITIVES);
        field.samples.retain(|sample| *sample != positives);
        field.range = field.range.replace(", `positives`", "");
        field.refused.push(positives);
    }
}

/// The first field whose value is not allowed, as an error that names it.
pub(crate) fn validate(config: &dyn Describe) -> Result<(), ConfigError> {
    let About { family, kind, .. } = *config.about();
    field::check(kind, config)?;
    config.check_together()?;
    if family == "binary" || field::value_of(config, "reduction") != Some(POSITIVES.into()) {
        return Ok(());
    }
    let mut fields = field::fields(config);
    of_family(&mut fields, family);
    let allowed =
        fields.into_iter().find(|field| field.name == "reduction").map(|field| field.range).unwrap_or_default();
    let value = format!("`{POSITIVES}`");
    Err(ConfigError::InvalidValue { loss: kind, field: "reduction".into(), value, allowed })
}

/// Reads the config of one loss.
pub(crate) fn from_value<C: Describe + Example>(value: Value) -> Result<C, ConfigError> {
    let mut config = C::example();
    match value {
        Value::Table(table) => read(&mut config, &table)?,
        other => {
            return Err(ConfigError::Syntax(format!("{}: expected a table, got {other}", config.about().kind)));
        }
    }
    Ok(config)
}

/// Reads the fields of a config, and checks their values.
pub(crate) fn read(config: &mut dyn Describe, table: &field::Table) -> Result<(), ConfigError> {
    let kind = config.about().kind;
    // A reduction that a family does not have is not offered.
    let result = field::read(kind, config, table).map_err(|error| without_positives(error, config));
    result?;
    validate(config)
}

fn without_positives(error: ConfigError, config: &dyn Describe) -> ConfigError {
    match error {
        ConfigError::InvalidValue { loss, field, value, allowed }
            if field == "reduction" && config.about().family != "binary" =>
        {
            ConfigError::InvalidValue { loss, field, value, allowed: allowed.replace(", `positives`", "") }
        }
        other => other,
    }
}
