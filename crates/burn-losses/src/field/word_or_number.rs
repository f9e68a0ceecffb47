//! Fields that are a word, a number, or one number per class.

use super::lists::{check_list, list_of_numbers};
use super::{FieldType, IntoField, Range, Unreadable, Value, invalid};
use crate::error::{ConfigError, did_you_mean, nearest};
use burn_losses_derive::WordOrNumber;

/// The weight of the positive class, or none.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum Alpha {
    /// Both classes weigh 1.
    None,
    /// Positive targets weigh alpha, negative ones 1 - alpha.
    Number(f64),
}

/// The weight of the positive class, or the one that balances both classes in each batch.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum BatchAlpha {
    /// alpha = negatives / (positives + negatives) of the batch.
    Batch,
    /// A fixed alpha.
    Number(f64),
}

/// A factor for one class or for each.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum ClassFactor {
    /// No factor.
    None,
    /// The same factor for every class.
    Number(f64),
    /// One factor per class.
    PerClass(Vec<f64>),
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

/// The forms that such a field can have.
pub(crate) struct Forms {
    pub(crate) word: &'static str,
    pub(crate) takes_lists: bool,
}

/// The form that such a field has.
pub(crate) enum Loose {
    Word,
    Number(f64),
    List(Vec<f64>),
}

impl Forms {
    pub(crate) fn to_value(&self, field: Loose) -> Value {
        match field {
            Loose::Word => self.word.into(),
            Loose::Number(number) => number.into(),
            Loose::List(list) => list.into(),
        }
    }

    pub(crate) fn read(&self, value: &Value) -> Result<Loose, Unreadable> {
        match value {
            Value::Text(word) if word == self.word => Ok(Loose::Word),
            Value::Null if self.word == "none" => Ok(Loose::Word),
            Value::Text(word) => Err(Unreadable::Word { hint: nearest(word, [self.word]).map(did_you_mean) }),
            Value::List(_) if self.takes_lists => list_of_numbers(value).map(Loose::List),
            other => other.as_f64().map(Loose::Number).ok_or(Unreadable::Type),
        }
    }

    pub(crate) fn allowed(&self, range: Range) -> String {
        let list = if self.takes_lists { " or a list of numbers, one per class" } else { "" };
        format!("`{}` or {range}{list}", self.word)
    }

    pub(crate) fn samples(&self, range: Range) -> Vec<Value> {
        let lists = if self.takes_lists { Option::<Vec<f64>>::samples(range) } else { Vec::new() };
        [f64::samples(range), vec![self.word.into()], lists].concat()
    }

    pub(crate) fn refused(&self, range: Range) -> Vec<Value> {
        let lists = if self.takes_lists { Option::<Vec<f64>>::refused(range) } else { Vec::new() };
        [f64::refused(range), vec!["no such word".into()], lists].concat()
    }

    pub(crate) fn check(&self, field: Loose, loss: &'static str, name: &str, range: Range) -> Result<(), ConfigError> {
        match field {
            Loose::Word => Ok(()),
            Loose::Number(number) if range.contains(number) => Ok(()),
            Loose::Number(number) => invalid(loss, name, number, self.allowed(range)),
            Loose::List(list) => check_list(&list, loss, name, range),
        }
    }

    #[cfg(feature = "schema")]
    pub(crate) fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let word = match self.word {
            "none" => schemars::json_schema!({ "enum": ["none", null] }),
            word => schemars::json_schema!({ "const": word }),
        };
        let mut forms = vec![word, generator.subschema_for::<f64>()];
        if self.takes_lists {
            forms.push(generator.subschema_for::<Vec<f64>>());
        }
        schemars::json_schema!({ "anyOf": forms })
    }
}
