//! Fields that are a word, a number, or one number per class.

use super::{FieldType, IntoField, Range, Value, check_list, invalid};
use crate::error::ConfigError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
                    given => {
                        let given = match given {
                            Loose::Word(word) => format!("`{word}`"),
                            _ => "a list".to_owned(),
                        };
                        let expected = Self::FORMS.join(" or ");
                        Err(serde::de::Error::custom(format!("{given} is not allowed, expected {expected}")))
                    }
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
