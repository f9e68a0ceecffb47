//! Fields that are a word, a number, or one number per class.

use super::lists::{check_list, list_of_numbers};
use super::{FieldType, IntoField, Range, Unreadable, Value, invalid};
use crate::error::{ConfigError, nearest};
use burn_losses_derive::ByValue;

/// The weight of the positive class, or none.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub enum Alpha {
    /// Both classes weigh 1.
    None,
    /// Positive targets weigh alpha, negative ones 1 - alpha.
    Number(f64),
}

/// The weight of the positive class, or what makes both classes weigh the same in each batch.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub enum BatchAlpha {
    /// alpha = negatives / (positives + negatives) of the batch.
    Batch,
    /// A fixed alpha.
    Number(f64),
}

/// A factor for one class or for each.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub enum ClassFactor {
    /// No factor.
    None,
    /// The same factor for every class.
    Number(f64),
    /// One factor per class.
    PerClass(Vec<f64>),
}

/// What such a field can be: `Word`, a number, or a list where it takes one.
trait WordOrNumber: Sized + Clone {
    const WORD: &'static str;
    const TAKES_LISTS: bool = false;

    fn word() -> Self;
    fn number(number: f64) -> Self;
    fn list(list: Vec<f64>) -> Self {
        unreachable!("no list: {list:?}")
    }
    fn part(&self) -> Part<'_>;

    fn value(&self) -> Value {
        match self.part() {
            Part::Word => Self::WORD.into(),
            Part::Number(number) => number.into(),
            Part::List(list) => list.to_vec().into(),
        }
    }
    fn of_value(value: &Value) -> Result<Self, Unreadable> {
        match value {
            Value::Text(word) if word == Self::WORD => Ok(Self::word()),
            Value::Null if Self::WORD == "none" => Ok(Self::word()),
            Value::Text(word) => {
                Err(Unreadable::Word { hint: nearest(word, [Self::WORD]).map(crate::error::did_you_mean) })
            }
            list @ Value::List(_) if Self::TAKES_LISTS => list_of_numbers(list).map(Self::list),
            other => other.as_f64().map(Self::number).ok_or(Unreadable::Type),
        }
    }
    fn in_words(range: Range) -> String {
        let list = if Self::TAKES_LISTS { " or a list of numbers, one per class" } else { "" };
        format!("`{}` or {range}{list}", Self::WORD)
    }
    fn examples(range: Range) -> Vec<Value> {
        let mut samples = f64::samples(range);
        samples.push(Self::WORD.into());
        if Self::TAKES_LISTS {
            samples.extend(Option::<Vec<f64>>::samples(range));
        }
        samples
    }
    fn counterexamples(range: Range) -> Vec<Value> {
        let mut refused = f64::refused(range);
        refused.push("no such word".into());
        if Self::TAKES_LISTS {
            refused.extend(Option::<Vec<f64>>::refused(range));
        }
        refused
    }
    fn is_allowed(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        match self.part() {
            Part::Word => Ok(()),
            Part::Number(number) if range.contains(number) => Ok(()),
            Part::Number(number) => invalid(loss, field, number, Self::in_words(range)),
            Part::List(list) => check_list(list, loss, field, range),
        }
    }
}

enum Part<'a> {
    Word,
    Number(f64),
    List(&'a [f64]),
}

impl WordOrNumber for Alpha {
    const WORD: &'static str = "none";

    fn word() -> Self {
        Self::None
    }
    fn number(number: f64) -> Self {
        Self::Number(number)
    }
    fn part(&self) -> Part<'_> {
        match self {
            Self::None => Part::Word,
            Self::Number(number) => Part::Number(*number),
        }
    }
}

impl WordOrNumber for BatchAlpha {
    const WORD: &'static str = "batch";

    fn word() -> Self {
        Self::Batch
    }
    fn number(number: f64) -> Self {
        Self::Number(number)
    }
    fn part(&self) -> Part<'_> {
        match self {
            Self::Batch => Part::Word,
            Self::Number(number) => Part::Number(*number),
        }
    }
}

impl WordOrNumber for ClassFactor {
    const WORD: &'static str = "none";
    const TAKES_LISTS: bool = true;

    fn word() -> Self {
        Self::None
    }
    fn number(number: f64) -> Self {
        Self::Number(number)
    }
    fn list(list: Vec<f64>) -> Self {
        Self::PerClass(list)
    }
    fn part(&self) -> Part<'_> {
        match self {
            Self::None => Part::Word,
            Self::Number(number) => Part::Number(*number),
            Self::PerClass(list) => Part::List(list),
        }
    }
}

impl<N: Into<f64>> IntoField<Alpha> for N {
    fn into_field(self) -> Alpha {
        Alpha::Number(self.into())
    }
}

impl<N: Into<f64>> IntoField<BatchAlpha> for N {
    fn into_field(self) -> BatchAlpha {
        BatchAlpha::Number(self.into())
    }
}

impl IntoField<ClassFactor> for f64 {
    fn into_field(self) -> ClassFactor {
        ClassFactor::Number(self)
    }
}

impl IntoField<ClassFactor> for Vec<f64> {
    fn into_field(self) -> ClassFactor {
        ClassFactor::PerClass(self)
    }
}

impl<N: Into<f64>, const C: usize> IntoField<ClassFactor> for [N; C] {
    fn into_field(self) -> ClassFactor {
        ClassFactor::PerClass(self.into_iter().map(Into::into).collect())
    }
}

/// [`FieldType`] of such a field: each method is one that is written once.
macro_rules! field_type {
    ($($name:ident),+) => {$(
        impl FieldType for $name {
            const KIND: &'static str = "word or number";

            fn to_value(&self) -> Value {
                self.value()
            }
            fn from_value(value: &Value) -> Result<Self, Unreadable> {
                Self::of_value(value)
            }
            fn allowed(range: Range) -> String {
                Self::in_words(range)
            }
            fn samples(range: Range) -> Vec<Value> {
                Self::examples(range)
            }
            fn refused(range: Range) -> Vec<Value> {
                Self::counterexamples(range)
            }
            fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
                self.is_allowed(loss, field, range)
            }
        }

    )+};
}

field_type!(Alpha, BatchAlpha, ClassFactor);

#[cfg(feature = "schema")]
mod schema {
    use super::{Alpha, BatchAlpha, ClassFactor, WordOrNumber};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    fn forms<T: WordOrNumber>(generator: &mut SchemaGenerator) -> Schema {
        let word = if T::WORD == "none" {
            json_schema!({ "enum": ["none", null] })
        } else {
            json_schema!({ "const": T::WORD })
        };
        let mut forms = vec![word, generator.subschema_for::<f64>()];
        if T::TAKES_LISTS {
            forms.push(generator.subschema_for::<Vec<f64>>());
        }
        json_schema!({ "anyOf": forms })
    }

    impl JsonSchema for Alpha {
        fn schema_name() -> Cow<'static, str> {
            "Alpha".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            forms::<Self>(generator)
        }
    }

    impl JsonSchema for BatchAlpha {
        fn schema_name() -> Cow<'static, str> {
            "BatchAlpha".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            forms::<Self>(generator)
        }
    }

    impl JsonSchema for ClassFactor {
        fn schema_name() -> Cow<'static, str> {
            "ClassFactor".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            forms::<Self>(generator)
        }
    }
}
