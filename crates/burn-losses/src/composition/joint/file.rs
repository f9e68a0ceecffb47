//! A joint loss in a config file: a term is a table with the keys of its loss and a `weight`.

use super::{JOINT, JointLossConfig, JointTerm, TermConfig};
use crate::composition::Weight;
use crate::config::{Table, Value, as_parser_error};
use crate::error::ConfigError;
use crate::registry::LossConfig;
use crate::regularization::RegularizerConfig;
use crate::terms::{add_once, name_of};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The family of a penalty: a term takes it besides those of losses.
pub(super) const REGULARIZATION: &str = "regularization";

impl Serialize for JointTerm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let mut table = match &self.term {
            TermConfig::Given => Table::new(),
            TermConfig::Loss(config) => table_of(config).map_err(S::Error::custom)?,
            TermConfig::Regularizer(config) => {
                let mut table = table_of(config).map_err(S::Error::custom)?;
                table.insert("family".into(), REGULARIZATION.into());
                table
            }
        };
        table.insert("weight".into(), serde_yaml_ng::to_value(self.weight).map_err(S::Error::custom)?);
        let mut map = serializer.serialize_map(None)?;
        // A field that is not given is not written: TOML has no null.
        for (key, value) in table.iter().filter(|(_, value)| !value.is_null()) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn table_of(config: &impl Serialize) -> Result<Table, serde_yaml_ng::Error> {
    serde_yaml_ng::from_value(serde_yaml_ng::to_value(config)?)
}

impl Serialize for JointLossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("balance", &self.balance)?;
        map.serialize_entry("terms", &self.terms)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for JointLossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = Self::from_value(Value::deserialize(deserializer)?).map_err(as_parser_error)?;
        config.validate().map_err(as_parser_error)?;
        Ok(config)
    }
}

fn wrong(field: String, value: &Value, allowed: String) -> ConfigError {
    let given = serde_json::to_string(value).unwrap_or_default();
    ConfigError::WrongType { loss: JOINT, field, problem: format!("{given}, allowed: {allowed}") }
}

impl JointLossConfig {
    fn from_value(value: Value) -> Result<Self, ConfigError> {
        let table = |field: String, value: Value| match value {
            Value::Mapping(table) => Ok(table),
            other => Err(wrong(field, &other, "a table".into())),
        };
        let mut config = Self::new();
        for (key, value) in table("(the whole)".into(), value)? {
            match key.as_str() {
                Some("balance") => {
                    let allowed = "a table whose `kind` is one of `fixed`, `uncertainty` (`initial`), `dwa` (`temperature`, `period`)";
                    config.balance = serde_yaml_ng::from_value(value.clone())
                        .map_err(|error| wrong("balance".into(), &value, format!("{allowed} ({error})")))?;
                }
                Some("terms") => {
                    for (name, value) in table("terms".into(), value)? {
                        let name = name_of(&name);
                        let field = format!("terms.{name}");
                        let term = JointTerm::from_table(&field, table(field.clone(), value)?)?;
                        add_once(&mut config.terms, JOINT, name, term)?;
                    }
                }
                _ => {
                    let field = key.as_str().unwrap_or_default().to_owned();
                    return Err(ConfigError::UnknownField { loss: JOINT, field, allowed: vec!["terms", "balance"] });
                }
            }
        }
        Ok(config)
    }
}

impl JointTerm {
    fn from_table(field: &str, mut table: Table) -> Result<Self, ConfigError> {
        let weight = match table.remove("weight") {
            None => Weight::Constant(1.0),
            Some(weight) => serde_yaml_ng::from_value(weight.clone())
                .map_err(|error| wrong(format!("{field}.weight"), &weight, format!("{} ({error})", Weight::ALLOWED)))?,
        };
        let term = if table.is_empty() {
            TermConfig::Given
        } else if table.get("family").and_then(Value::as_str) == Some(REGULARIZATION) {
            table.remove("family");
            TermConfig::Regularizer(RegularizerConfig::from_value(Value::Mapping(table))?)
        } else {
            TermConfig::Loss(LossConfig::from_value(Value::Mapping(table))?)
        };
        Ok(Self { weight, term })
    }
}
