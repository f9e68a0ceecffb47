//! Lists of numbers: one number per class.

use super::numbers::numbers;
use super::{FieldType, IntoField, Range, Unreadable, Value, invalid};
use crate::error::ConfigError;

impl IntoField<Option<Vec<f64>>> for Vec<f64> {
    fn into_field(self) -> Option<Vec<f64>> {
        Some(self)
    }
}

impl<N: Copy + Into<f64>> IntoField<Option<Vec<f64>>> for &[N] {
    fn into_field(self) -> Option<Vec<f64>> {
        Some(self.iter().map(|number| (*number).into()).collect())
    }
}

impl<N: Copy + Into<f64>, const C: usize> IntoField<Option<Vec<f64>>> for [N; C] {
    fn into_field(self) -> Option<Vec<f64>> {
        self.as_slice().into_field()
    }
}

/// A list that has nothing but numbers.
pub(crate) fn list_of_numbers(value: &Value) -> Result<Vec<f64>, Unreadable> {
    let items = value.as_list().ok_or(Unreadable::Type)?;
    items.iter().map(|item| item.as_f64().ok_or(Unreadable::Type)).collect()
}

impl FieldType for Option<Vec<f64>> {
    const KIND: &'static str = "list of numbers, optional";

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, |list| list.clone().into())
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        match value {
            none if none.is_none() => Ok(None),
            list => list_of_numbers(list).map(Some),
        }
    }
    fn allowed(range: Range) -> String {
        format!("one number per class, each {range}")
    }
    fn samples(range: Range) -> Vec<Value> {
        let [a, b] = range.samples();
        vec![Value::List(numbers([a, b, 1.0]))]
    }
    fn refused(range: Range) -> Vec<Value> {
        let list = |x| Value::List(numbers([1.0, x, 1.0]));
        let empty = Value::List(Vec::new());
        range.refused().into_iter().map(list).chain([empty]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        self.as_deref().map_or(Ok(()), |list| check_list(list, loss, field, range))
    }
}

pub(super) fn check_list(list: &[f64], loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
    if list.is_empty() {
        return invalid(loss, field, "an empty list", format!("one number per class, each {range}"));
    }
    list.iter().enumerate().try_for_each(|(index, number)| number.check(loss, &format!("{field}[{index}]"), range))
}
