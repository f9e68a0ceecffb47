//! The unit of information.

use crate::config::{FieldType, Range, Unreadable, Value};
use crate::error::ConfigError;
use crate::formula::Real;
use burn_losses_derive::ByValue;

/// The base of the logarithms: `"e"` or `2` in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ByValue)]
pub enum Base {
    /// The value is in nats.
    #[default]
    E,
    /// The value is in bits.
    Two,
}

impl Base {
    /// Converts a value in nats to this unit.
    #[inline(always)]
    pub(crate) fn of_nats<R: Real>(self, nats: R) -> R {
        match self {
            Self::E => nats,
            Self::Two => nats * core::f64::consts::LOG2_E,
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

    fn to_value(&self) -> Value {
        match self {
            Self::E => "e".into(),
            Self::Two => 2.into(),
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        match (value.as_f64(), value.as_str()) {
            (Some(2.0), _) | (_, Some("2")) => Ok(Self::Two),
            (_, Some("e")) => Ok(Self::E),
            _ => Err(Unreadable::Type),
        }
    }
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
