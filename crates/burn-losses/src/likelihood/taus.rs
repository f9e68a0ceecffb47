//! Several quantile levels.

use crate::error::ConfigError;
use crate::field::{FieldType, IntoField, Range, Unreadable, Value, list_of_numbers};
use burn_losses_derive::ByValue;

/// Quantile levels, each larger than the one before: in a config file `[0.1, 0.5, 0.9]`.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub struct Taus(Vec<f64>);

impl Taus {
    /// Some levels.
    pub fn new(levels: impl Into<Vec<f64>>) -> Self {
        Self(levels.into())
    }

    /// The levels.
    pub fn levels(&self) -> &[f64] {
        &self.0
    }
}

impl IntoField<Taus> for Vec<f64> {
    fn into_field(self) -> Taus {
        Taus(self)
    }
}

impl IntoField<Taus> for &[f64] {
    fn into_field(self) -> Taus {
        Taus(self.to_vec())
    }
}

impl<const K: usize> IntoField<Taus> for [f64; K] {
    fn into_field(self) -> Taus {
        Taus(self.to_vec())
    }
}

fn list(levels: &[f64]) -> Value {
    levels.to_vec().into()
}

impl FieldType for Taus {
    const KIND: &'static str = "list of numbers";

    fn to_value(&self) -> Value {
        list(&self.0)
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        list_of_numbers(value).map(Self)
    }
    fn allowed(range: Range) -> String {
        format!("at least one level, each {range} and larger than the one before")
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![list(&[0.25, 0.5, 0.75]), list(&[0.05, 0.5, 0.95])]
    }
    fn refused(_: Range) -> Vec<Value> {
        let lists: [&[f64]; 5] =
            [&[], &[0.0, 0.5, 0.9], &[0.1, 0.5, 1.0], &[0.1, 0.5, f64::NAN], &[0.1, 0.5, f64::INFINITY]];
        lists.into_iter().map(list).collect()
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        let refused = |field: String, value: String| {
            Err(ConfigError::InvalidValue { loss, field, value, allowed: Self::allowed(range) })
        };
        if self.0.is_empty() {
            return refused(field.to_owned(), "an empty list".to_owned());
        }
        for (at, level) in self.0.iter().enumerate() {
            level.check(loss, &format!("{field}[{at}]"), range)?;
            if at > 0 && *level <= self.0[at - 1] {
                return refused(format!("{field}[{at}]"), level.to_string());
            }
        }
        Ok(())
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::Taus;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for Taus {
        fn schema_name() -> Cow<'static, str> {
            "Taus".into()
        }
        fn inline_schema() -> bool {
            true
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "array", "items": { "type": "number" }, "minItems": 1 })
        }
    }
}
