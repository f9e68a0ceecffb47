//! A joint loss in a config file: a term is a table with the keys of its loss and a `weight`.

use super::{JOINT, JointLossConfig, JointTerm, TermConfig};
use crate::composition::Weight;
use crate::config::{FieldType, Range, Table, Unreadable, Value};
use crate::error::{ConfigError, nearest};
use crate::field::table;
use crate::registry::LossConfig;
use crate::regularization::RegularizerConfig;
use crate::terms::with_weight;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The family of a penalty: a term may have it as well as the families of losses.
pub(super) const REGULARIZATION: &str = "regularization";

impl JointTerm {
    fn to_table(&self) -> Table {
        let loss = match &self.term {
            TermConfig::Given => Value::Null,
            TermConfig::Loss(config) => config.to_value(),
            TermConfig::Regularizer(config) => config.to_value(),
        };
        let mut table = if let Value::Table(table) = loss { table } else { Table::new() };
        if matches!(self.term, TermConfig::Regularizer(_)) {
            table.insert("family", REGULARIZATION);
        }
        table.insert("weight", self.weight.to_value());
        table
    }
}

impl Serialize for JointLossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let terms = Table::from_iter(self.terms.iter().map(|(name, term)| (name.as_str(), term.to_table())));
        table([("balance", self.balance.to_value()), ("terms", terms.into())]).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JointLossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::field::deserialize(deserializer, Self::from_value)
    }
}

fn table_of(field: &str, value: &Value) -> Result<Table, ConfigError> {
    let wrong = || Unreadable::Type.into_error(JOINT, field, value, "a table".into());
    value.as_table().cloned().ok_or_else(wrong)
}

fn read<T: FieldType>(field: &str, value: &Value) -> Result<T, ConfigError> {
    T::from_value(value).map_err(|problem| problem.into_error(JOINT, field, value, T::allowed(Range::Finite)))
}

impl JointLossConfig {
    fn from_value(value: Value) -> Result<Self, ConfigError> {
        let mut config = Self::new();
        for (key, value) in table_of("(the whole)", &value)? {
            match key.as_str() {
                "balance" => config.balance = read("balance", &value)?,
                "terms" => {
                    for (name, value) in table_of("terms", &value)? {
                        let field = format!("terms.{name}");
                        let term = JointTerm::from_table(&field, table_of(&field, &value)?)?;
                        config.terms.insert(name, term);
                    }
                }
                _ => {
                    let (allowed, suggestion) = (vec!["terms", "balance"], nearest(&key, ["terms", "balance"]));
                    return Err(ConfigError::UnknownField { loss: JOINT, field: key, allowed, suggestion });
                }
            }
        }
        config.validate()?;
        Ok(config)
    }
}

impl JointTerm {
    fn from_table(field: &str, mut table: Table) -> Result<Self, ConfigError> {
        let weight = match table.remove("weight") {
            None => Weight::Constant(1.0),
            Some(weight) => read(&format!("{field}.weight"), &weight)?,
        };
        let kind = table.get("kind").and_then(Value::as_str).map(str::to_owned);
        let with_weight = |error| with_weight(error, kind.as_deref());
        let term = if table.is_empty() {
            TermConfig::Given
        } else if table.get("family").and_then(Value::as_str) == Some(REGULARIZATION) {
            table.remove("family");
            TermConfig::Regularizer(RegularizerConfig::from_value(table.into()).map_err(with_weight)?)
        } else {
            TermConfig::Loss(LossConfig::from_value(table.into()).map_err(with_weight)?)
        };
        Ok(Self { weight, term })
    }
}
