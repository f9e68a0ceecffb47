//! The fields of configs: what types there are, what is allowed, how each is described.

use crate::error::ConfigError;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Value;

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

/// The allowed numbers of a field. NaN and infinities are never allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// Greater than a bound.
    Greater(f64),
    /// At least a bound.
    AtLeast(f64),
    /// Less than a bound.
    Less(f64),
    /// Between two bounds, both excluded.
    Open(f64, f64),
    /// Between two bounds, both included.
    Closed(f64, f64),
    /// Between two bounds, the first excluded.
    HalfOpenLow(f64, f64),
    /// Between two bounds, the second excluded.
    HalfOpen(f64, f64),
}

impl Range {
    /// Whether a number is allowed.
    pub fn contains(&self, x: f64) -> bool {
        x.is_finite()
            && match *self {
                Self::Finite => true,
                Self::Greater(low) => x > low,
                Self::AtLeast(low) => x >= low,
                Self::Less(high) => x < high,
                Self::Open(low, high) => low < x && x < high,
                Self::Closed(low, high) => low <= x && x <= high,
                Self::HalfOpenLow(low, high) => low < x && x <= high,
                Self::HalfOpen(low, high) => low <= x && x < high,
            }
    }

    fn samples(&self) -> [f64; 2] {
        match *self {
            Self::Finite => [0.25, -0.75],
            Self::Greater(low) | Self::AtLeast(low) => [low + 0.37, low + 3.1],
            Self::Less(high) => [high - 0.63, high - 3.1],
            Self::Open(low, high)
            | Self::Closed(low, high)
            | Self::HalfOpenLow(low, high)
            | Self::HalfOpen(low, high) => [low + 0.13 * (high - low), low + 0.88 * (high - low)],
        }
    }

    fn refused(&self) -> Vec<f64> {
        let outside: &[f64] = match *self {
            Self::Finite => &[],
            Self::Greater(low) => &[low, low - 1.5],
            Self::AtLeast(low) => &[low - 1.5],
            Self::Less(high) => &[high, high + 1.5],
            Self::Open(low, high) => &[low, high, low - 1.5, high + 1.5],
            Self::Closed(low, high) => &[low - 1.5, high + 1.5],
            Self::HalfOpenLow(low, high) => &[low, low - 1.5, high + 1.5],
            Self::HalfOpen(low, high) => &[low - 1.5, high, high + 1.5],
        };
        [outside, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]].concat()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Finite => write!(f, "a finite number"),
            Self::Greater(low) => write!(f, "a number > {low}"),
            Self::AtLeast(low) if low > 0.0 && low < 1e-6 => write!(f, "a number >= {low:e}"),
            Self::AtLeast(low) => write!(f, "a number >= {low}"),
            Self::Less(high) => write!(f, "a number < {high}"),
            Self::Open(low, high) => write!(f, "a number in ({low}, {high})"),
            Self::Closed(low, high) => write!(f, "a number in [{low}, {high}]"),
            Self::HalfOpenLow(low, high) => write!(f, "a number in ({low}, {high}]"),
            Self::HalfOpen(low, high) => write!(f, "a number in [{low}, {high})"),
        }
    }
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
        schemars::transform::Transform::transform(&mut crate::schema::within(range), schema);
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

impl IntoField<Option<usize>> for usize {
    fn into_field(self) -> Option<usize> {
        Some(self)
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
#[macro_export]
#[doc(hidden)]
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

        impl $crate::config::FieldType for $name {
            const KIND: &'static str = "word";

            fn allowed(_: $crate::config::Range) -> String {
                [$(concat!("`", $word, "`")),+].join(", ")
            }
            fn samples(_: $crate::config::Range) -> Vec<$crate::config::Value> {
                vec![$($word.into()),+]
            }
            fn refused(_: $crate::config::Range) -> Vec<$crate::config::Value> {
                vec!["no such word".into(), 1.into()]
            }
            fn check(
                &self,
                _: &'static str,
                _: &str,
                _: $crate::config::Range,
            ) -> Result<(), $crate::ConfigError> {
                Ok(())
            }
        }
    };
}

/// A field that is a word, a number, or a list of numbers: how it reads and writes.
#[derive(Serialize)]
#[serde(untagged)]
enum Loose {
    Word(String),
    Number(f64),
    List(Vec<f64>),
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) => Ok(Self::Word(word)),
            Value::Number(number) => Ok(Self::Number(number.as_f64().unwrap_or(f64::NAN))),
            list @ Value::Sequence(_) => {
                serde_yaml_ng::from_value(list).map(Self::List).map_err(serde::de::Error::custom)
            }
            _ => Ok(Self::Word("(another type)".into())),
        }
    }
}

/// Declares a field that is a word, a number, or also one number per class.
macro_rules! word_or_number {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(#[$word_meta:meta])* $word:ident = $text:literal,
            $(#[$number_meta:meta])* Number(f64),
            $($(#[$list_meta:meta])* PerClass(Vec<f64>),)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[$word_meta])* $word,
            $(#[$number_meta])* Number(f64),
            $($(#[$list_meta])* PerClass(Vec<f64>),)?
        }

        impl $name {
            const FORMS: &'static [&'static str] = &[
                concat!("`", $text, "`"),
                "a number",
                $({ $(let _ = stringify!($list_meta);)* "a list of numbers, one per class" },)?
            ];
        }

        impl IntoField<$name> for f64 {
            fn into_field(self) -> $name {
                $name::Number(self)
            }
        }

        $(impl IntoField<$name> for Vec<f64> {
            fn into_field(self) -> $name {
                $(let _ = stringify!($list_meta);)*
                $name::PerClass(self)
            }
        })?

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$word => Loose::Word($text.into()),
                    Self::Number(number) => Loose::Number(*number),
                    $(Self::PerClass(list) => {
                        $(let _ = stringify!($list_meta);)*
                        Loose::List(list.clone())
                    })?
                }
                .serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Loose::deserialize(deserializer)? {
                    Loose::Word(word) if word == $text => Ok(Self::$word),
                    Loose::Number(number) => Ok(Self::Number(number)),
                    $(Loose::List(list) => {
                        $(let _ = stringify!($list_meta);)*
                        Ok(Self::PerClass(list))
                    })?
                    #[allow(unreachable_patterns)]
                    Loose::List(_) => Err(serde::de::Error::custom(format!(
                        "a list is not allowed, expected {}", Self::FORMS.join(" or ")
                    ))),
                    Loose::Word(word) => Err(serde::de::Error::custom(format!(
                        "`{word}` is not allowed, expected {}", Self::FORMS.join(" or ")
                    ))),
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let forms = [
                    schemars::json_schema!({ "const": $text }),
                    generator.subschema_for::<f64>(),
                    $({
                        $(let _ = stringify!($list_meta);)*
                        generator.subschema_for::<Vec<f64>>()
                    },)?
                ];
                schemars::json_schema!({ "anyOf": forms })
            }
        }

        impl FieldType for $name {
            const KIND: &'static str = "word or number";

            fn allowed(range: Range) -> String {
                Self::FORMS.join(" or ").replacen("a number", &range.to_string(), 1)
            }
            fn samples(range: Range) -> Vec<Value> {
                let mut samples = f64::samples(range);
                samples.push($text.into());
                $(
                    $(let _ = stringify!($list_meta);)*
                    samples.extend(Option::<Vec<f64>>::samples(range));
                )?
                samples
            }
            fn refused(range: Range) -> Vec<Value> {
                let mut refused = f64::refused(range);
                refused.push("no such word".into());
                $(
                    $(let _ = stringify!($list_meta);)*
                    refused.extend(Option::<Vec<f64>>::refused(range));
                )?
                refused
            }
            fn check(
                &self,
                loss: &'static str,
                field: &str,
                range: Range,
            ) -> Result<(), ConfigError> {
                match self {
                    Self::$word => Ok(()),
                    Self::Number(number) if range.contains(*number) => Ok(()),
                    Self::Number(number) => invalid(loss, field, number, Self::allowed(range)),
                    $(Self::PerClass(list) => {
                        $(let _ = stringify!($list_meta);)*
                        check_list(list, loss, field, range)
                    })?
                }
            }
        }
    };
}

word_or_number! {
    /// The weight of the positive class, or none.
    pub enum Alpha {
        /// Both classes weigh 1.
        None = "none",
        /// Positive targets weigh alpha, negative ones 1 - alpha.
        Number(f64),
    }
}

word_or_number! {
    /// The weight of the positive class, or what makes both classes weigh the same in each batch.
    pub enum BatchAlpha {
        /// alpha = negatives / (positives + negatives) of the batch.
        Batch = "batch",
        /// A fixed alpha.
        Number(f64),
    }
}

word_or_number! {
    /// A factor for one class or for each.
    pub enum ClassFactor {
        /// No factor.
        None = "none",
        /// The same factor for every class.
        Number(f64),
        /// One factor per class.
        PerClass(Vec<f64>),
    }
}
