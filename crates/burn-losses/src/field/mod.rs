//! The fields of configs: what types there are, what is allowed, how each is described, read and written.

mod choice;
mod class_counts;
mod class_weights;
mod keys;
mod lists;
mod numbers;
mod range;
mod record;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod serde;
mod value;
mod word_or_number;

use crate::error::ConfigError;
use core::fmt;

pub(crate) use self::serde::{deserialize, take_error};
pub(crate) use choice::Choice;
pub use class_counts::{ClassCounts, ClassLabel};
pub use class_weights::{CountedWeights, Counts, WeightNormalize, WeightScheme};
pub(crate) use keys::{Keys, table};
pub(crate) use lists::list_of_numbers;
pub use range::Range;
pub use record::{AnyField, FieldInfo, Record, Visit, VisitMut};
pub(crate) use record::{check, read, to_table, to_value, value_of};
pub use value::{Table, Value};
#[cfg(feature = "schema")]
pub(crate) use word_or_number::narrow_forms;
pub use word_or_number::{Alpha, BatchAlpha, ClassFactor, ClassWeights, Limit, PosWeight};
pub(crate) use word_or_number::{CountsOf, Forms, Loose};

/// The description of a field, for `burn-losses list`, schemas, and the laws.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The meaning.
    pub summary: &'static str,
    /// The type, in words.
    pub kind: &'static str,
    /// The default; none if the field has to be given.
    pub default: Option<Value>,
    /// The default, or an example if there is none.
    pub example: Value,
    /// The allowed values, in words.
    pub range: String,
    /// Some allowed values besides the default: the laws try whether each of them matters.
    pub samples: Vec<Value>,
    /// Some values that are not allowed: the laws try whether each of them is refused.
    pub refused: Vec<Value>,
}

/// The descriptions of the fields of an example.
pub(crate) fn fields(example: &dyn Record) -> Vec<Field> {
    let mut fields = Vec::new();
    example.visit(&mut |info, field| {
        let ([samples, refused], example) = (field.samples(info.range), field.get());
        fields.push(Field {
            name: info.name,
            summary: info.summary,
            kind: field.kind(),
            default: (!info.is_required).then(|| example.clone()),
            example,
            range: field.allowed(info.range),
            samples,
            refused,
        });
    });
    fields
}

/// Why a value is not allowed for a field, whatever the range.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The value has the wrong type.
    Type,
    /// The value has the right type, but is out of the range of every such field, as a negative count.
    OutOfRange,
    /// An entry of a list cannot be read.
    Entry {
        /// The index of the entry.
        at: usize,
        /// The entry.
        value: Value,
    },
    /// A value in a table cannot be read.
    Key {
        /// The key.
        key: String,
        /// The value under it.
        value: Value,
        /// What is allowed there.
        allowed: String,
        /// Why it cannot be read.
        problem: Box<Unreadable>,
    },
    /// The value is an integer that the type of the field cannot hold.
    Beyond {
        /// The integers of that type.
        allowed: &'static str,
    },
    /// The value is a word that is not known.
    Word {
        /// The word that was meant perhaps, or what to write instead.
        hint: Option<String>,
    },
    /// The error of a loss inside the field.
    Config(Box<ConfigError>),
}

impl From<ConfigError> for Unreadable {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl Unreadable {
    /// The error of a field.
    pub(crate) fn into_error(self, loss: &'static str, field: &str, value: &Value, allowed: String) -> ConfigError {
        let field = field.to_owned();
        match self {
            Self::Type => ConfigError::WrongType { loss, field, problem: format!("{value}, allowed: {allowed}") },
            Self::OutOfRange => ConfigError::InvalidValue { loss, field, value: value.to_string(), allowed },
            Self::Beyond { allowed } => {
                ConfigError::InvalidValue { loss, field, value: value.to_string(), allowed: allowed.to_owned() }
            }
            Self::Key { key, value, allowed, problem } => {
                problem.into_error(loss, &format!("{field}.{key}"), &value, allowed)
            }
            // An integer is the right type, so it is out of range.
            Self::Entry { at, value: value @ Value::Integer(_) } => {
                Self::OutOfRange.into_error(loss, &format!("{field}[{at}]"), &value, allowed)
            }
            Self::Entry { at, value } => {
                let (field, problem) = (format!("{field}[{at}]"), format!("{value}, allowed: {allowed}"));
                ConfigError::WrongType { loss, field, problem }
            }
            Self::Word { hint } => {
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                ConfigError::InvalidValue { loss, field, value: format!("{value}{hint}"), allowed }
            }
            Self::Config(error) => *error,
        }
    }
}

/// A field by itself, outside of any config.
pub(crate) fn field_from_value<T: FieldType>(value: Value) -> Result<T, ConfigError> {
    T::from_value(&value).map_err(|problem| match problem {
        Unreadable::Config(error) => *error,
        Unreadable::Word { hint } => ConfigError::Syntax(format!(
            "{value} is not allowed{}",
            hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
        )),
        Unreadable::Beyond { allowed } => ConfigError::Syntax(format!("{value} is not allowed, expected {allowed}")),
        Unreadable::Key { key, value, allowed, .. } => {
            ConfigError::Syntax(format!("`{key}` is {value}, which is not allowed, expected {allowed}"))
        }
        Unreadable::Type | Unreadable::OutOfRange | Unreadable::Entry { .. } => {
            ConfigError::Syntax(format!("{value} is not allowed, expected {}", T::allowed(Range::Finite)))
        }
    })
}

/// The bound of a field type with the feature `schema`.
#[cfg(feature = "schema")]
#[doc(hidden)]
pub trait MaybeSchema: schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> MaybeSchema for T {}
/// The bound of a field type without the feature `schema`.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
pub trait MaybeSchema {}
#[cfg(not(feature = "schema"))]
impl<T> MaybeSchema for T {}

/// A type that a field of a config can have.
pub trait FieldType: Clone + PartialEq + fmt::Debug + MaybeSchema + 'static {
    /// The type, in words.
    const KIND: &'static str;

    /// The value, as a config file holds it.
    fn to_value(&self) -> Value;

    /// Reads a value, without a check of its range.
    fn from_value(value: &Value) -> Result<Self, Unreadable>;

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

/// The argument of a `with_..` method for a field of type `T`: the type itself, or a simpler spelling of it.
///
/// | Field | Also taken |
/// |---|---|
/// | `f64` | an `i32`, an `f32` |
/// | an `Option` of an integer, of a list or of a memory | the value without `Some` |
/// | a list | an array, a slice, a `Vec` |
/// | a word, a number or a list, such as `Alpha` or `Smooth` | the number or the list alone |
/// | a loss of a family | the config of one loss |
#[diagnostic::on_unimplemented(
    message = "a config field of type `{T}` does not take a `{Self}`",
    label = "not a value of the field",
    note = "the page of `IntoField` lists what the methods `with_..` take"
)]
pub trait IntoField<T> {
    /// The value of the field.
    fn into_field(self) -> T;
}

impl<T: FieldType> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

fn invalid(loss: &'static str, field: &str, value: impl fmt::Display, allowed: String) -> Result<(), ConfigError> {
    Err(ConfigError::InvalidValue { loss, field: field.to_owned(), value: value.to_string(), allowed })
}
