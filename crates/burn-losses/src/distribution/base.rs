//! The unit of information.

use crate::config::{FieldType, Range, Value};
use crate::error::ConfigError;
use crate::formula::Real;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The base of the logarithms: `"e"` or `2` in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// The value is in nats.
    #[default]
    E,
    /// The value is in bits.
    Two,
}

impl Base {
    /// A value in nats, in this unit.
    #[inline(always)]
    pub(crate) fn of_nats<R: Real>(self, nats: R) -> R {
        match self {
            Self::E => nats,
            Self::Two => nats * core::f64::consts::LOG2_E,
        }
    }
}

impl Serialize for Base {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::E => serializer.serialize_str("e"),
            Self::Two => serializer.serialize_u64(2),
        }
    }
}

impl<'de> Deserialize<'de> for Base {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_f64() {
            Some(2.0) => Ok(Self::Two),
            None if value.as_str() == Some("e") => Ok(Self::E),
            None if value.as_str() == Some("2") => Ok(Self::Two),
            _ => Err(serde::de::Error::custom(Self::allowed(Range::Finite))),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Base {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Base".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": Self::allowed(Range::Finite), "enum": ["e", 2, "2"] })
    }
}

impl FieldType for Base {
    const KIND: &'static str = "word or number";

    fn allowed(_: Range) -> String {
        "`e` (nats) or 2 (bits)".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec!["e".into(), 2.into()]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec!["ten".into(), 10.into(), f64::NAN.into()]
    }
    fn check(&self, _: &'static str, _: &str, _: Range) -> Result<(), ConfigError> {
        Ok(())
    }
}
