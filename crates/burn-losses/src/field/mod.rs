//! The fields of configs: what types there are, what is allowed, how each is described.

mod range;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod word_or_number;

use crate::error::ConfigError;
use core::fmt;
use serde::Serialize;

pub use range::Range;
pub use word_or_number::{Alpha, BatchAlpha, ClassFactor};

/// A tree of plain values: the common form of the three formats. (The YAML one, since JSON's has no NaN and TOML's no null.)
pub type Value = serde_yaml_ng::Value;
/// A table of such values.
pub type Table = serde_yaml_ng::Mapping;

/// What a field is, for `burn-losses list`, schemas, and the laws.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The meaning.
    pub summary: String,
    /// The type, in words.
    pub kind: &'static str,
    /// The default.
    pub default: Value,
    /// The allowed values, in words.
    pub range: String,
    /// Some allowed values besides the default: the laws try whether each of them matters.
    pub samples: Vec<Value>,
    /// Some values that are not allowed: the laws try whether each of them is refused.
    pub refused: Vec<Value>,
}

/// A type that a field of a config can have.
pub trait FieldType: Serialize {
    /// The type, in words.
    const KIND: &'static str;

    /// The allowed values, in words.
    fn allowed(range: Range) -> String;

    /// Some allowed values.
    fn samples(range: Range) -> Vec<Value>;

    /// Some values that are not allowed.
    fn refused(range: Range) -> Vec<Value>;

    /// Whether this value is allowed.
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError>;

    /// Narrows the JSON Schema of the type to the allowed values: by default, every number in it to the range.
    #[cfg(feature = "schema")]
    fn narrow(schema: &mut schemars::Schema, range: Range) {
        schemars::transform::Transform::transform(&mut schema::within(range), schema);
    }
}

/// What a `with_..` method takes for a field of type `T`: the type itself, or a simpler spelling of it.
pub trait IntoField<T> {
    /// The value of the field.
    fn into_field(self) -> T;
}

impl<T: FieldType> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

impl IntoField<Option<i64>> for i64 {
    fn into_field(self) -> Option<i64> {
        Some(self)
    }
}

impl IntoField<Option<usize>> for usize {
    fn into_field(self) -> Option<usize> {
        Some(self)
    }
}

impl IntoField<Option<Vec<f64>>> for Vec<f64> {
    fn into_field(self) -> Option<Vec<f64>> {
        Some(self)
    }
}

fn invalid(loss: &'static str, field: &str, value: impl fmt::Display, allowed: String) -> Result<(), ConfigError> {
    Err(ConfigError::InvalidValue { loss, field: field.to_owned(), value: value.to_string(), allowed })
}

fn numbers(numbers: impl IntoIterator<Item = f64>) -> Vec<Value> {
    numbers.into_iter().map(Value::from).collect()
}

impl FieldType for f64 {
    const KIND: &'static str = "number";

    fn allowed(range: Range) -> String {
        range.to_string()
    }
    fn samples(range: Range) -> Vec<Value> {
        numbers(range.samples())
    }
    fn refused(range: Range) -> Vec<Value> {
        numbers(range.refused())
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        if range.contains(*self) {
            return Ok(());
        }
        invalid(loss, field, self, Self::allowed(range))
    }
}

impl FieldType for usize {
    const KIND: &'static str = "integer";

    fn allowed(range: Range) -> String {
        range.to_string().replacen("a number", "an integer", 1)
    }
    fn samples(range: Range) -> Vec<Value> {
        let few = (1..5_u64).filter(|count| range.contains(*count as f64));
        few.map(Value::from).collect()
    }
    fn refused(range: Range) -> Vec<Value> {
        numbers(range.refused())
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        if range.contains(*self as f64) {
            return Ok(());
        }
        invalid(loss, field, self, Self::allowed(range))
    }
}

impl FieldType for bool {
    const KIND: &'static str = "boolean";

    fn allowed(_: Range) -> String {
        "true or false".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![true.into(), false.into()]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec![1.into()]
    }
    fn check(&self, _: &'static str, _: &str, _: Range) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl FieldType for Option<i64> {
    const KIND: &'static str = "integer, optional";

    fn allowed(_: Range) -> String {
        "any integer".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![1.into(), 0.into()]
    }
    fn refused(_: Range) -> Vec<Value> {
        numbers([f64::NAN, f64::INFINITY, 0.5])
    }
    fn check(&self, _: &'static str, _: &str, _: Range) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl FieldType for Option<usize> {
    const KIND: &'static str = "integer, optional";

    fn allowed(range: Range) -> String {
        usize::allowed(range)
    }
    fn samples(range: Range) -> Vec<Value> {
        usize::samples(range)
    }
    fn refused(range: Range) -> Vec<Value> {
        usize::refused(range)
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        self.map_or(Ok(()), |number| number.check(loss, field, range))
    }
}

impl FieldType for Option<Vec<f64>> {
    const KIND: &'static str = "list of numbers, optional";

    fn allowed(range: Range) -> String {
        format!("one number per class, each {range}")
    }
    fn samples(range: Range) -> Vec<Value> {
        let [a, b] = range.samples();
        vec![Value::Sequence(numbers([a, b, 1.0]))]
    }
    fn refused(range: Range) -> Vec<Value> {
        let list = |x| Value::Sequence(numbers([1.0, x, 1.0]));
        let empty = Value::Sequence(Vec::new());
        range.refused().into_iter().map(list).chain([empty]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        self.as_deref().map_or(Ok(()), |list| check_list(list, loss, field, range))
    }
}

fn check_list(list: &[f64], loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
    if list.is_empty() {
        return invalid(loss, field, "an empty list", format!("one number per class, each {range}"));
    }
    list.iter().enumerate().try_for_each(|(index, number)| number.check(loss, &format!("{field}[{index}]"), range))
}

/// Declares an enum of words: a choice among named behaviours in a config.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, ::serde::Serialize, ::serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(::schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant),+
        }

        impl $crate::field::FieldType for $name {
            const KIND: &'static str = "word";

            fn allowed(_: $crate::field::Range) -> String {
                [$(concat!("`", $word, "`")),+].join(", ")
            }
            fn samples(_: $crate::field::Range) -> Vec<$crate::field::Value> {
                vec![$($word.into()),+]
            }
            fn refused(_: $crate::field::Range) -> Vec<$crate::field::Value> {
                vec!["no such word".into(), 1.into()]
            }
            fn check(
                &self,
                _: &'static str,
                _: &str,
                _: $crate::field::Range,
            ) -> Result<(), $crate::ConfigError> {
                Ok(())
            }
        }
    };
}
pub(crate) use choice;
