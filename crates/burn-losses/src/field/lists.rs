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

impl<N: Copy + Into<f64>> IntoField<Vec<f64>> for &[N] {
    fn into_field(self) -> Vec<f64> {
        self.iter().map(|number| (*number).into()).collect()
    }
}

impl<N: Copy + Into<f64>, const C: usize> IntoField<Vec<f64>> for [N; C] {
    fn into_field(self) -> Vec<f64> {
        self.as_slice().into_field()
    }
}

/// A list that has nothing but numbers.
pub(crate) fn list_of_numbers(value: &Value) -> Result<Vec<f64>, Unreadable> {
    let items = value.as_list().ok_or(Unreadable::Type)?;
    let number =
        |(at, item): (usize, &Value)| item.as_f64().ok_or_else(|| Unreadable::Entry { at, value: item.clone() });
    items.iter().enumerate().map(number).collect()
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

impl FieldType for Vec<f64> {
    const KIND: &'static str = "list of numbers";

    fn to_value(&self) -> Value {
        self.clone().into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        list_of_numbers(value)
    }
    fn allowed(range: Range) -> String {
        Option::<Self>::allowed(range)
    }
    fn samples(range: Range) -> Vec<Value> {
        Option::<Self>::samples(range)
    }
    fn refused(range: Range) -> Vec<Value> {
        let others = ["none".into(), Value::Null, 1.0.into()];
        Option::<Self>::refused(range).into_iter().chain(others).collect()
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        check_list(self, loss, field, range)
    }
}

impl IntoField<Vec<usize>> for &[usize] {
    fn into_field(self) -> Vec<usize> {
        self.to_vec()
    }
}

impl<const C: usize> IntoField<Vec<usize>> for [usize; C] {
    fn into_field(self) -> Vec<usize> {
        self.to_vec()
    }
}

impl FieldType for Vec<usize> {
    const KIND: &'static str = "list of integers";

    fn to_value(&self) -> Value {
        self.clone().into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let items = value.as_list().ok_or(Unreadable::Type)?;
        let number = |(at, item): (usize, &Value)| {
            item.as_integer().ok_or_else(|| Unreadable::Entry { at, value: item.clone() })
        };
        items.iter().enumerate().map(number).collect()
    }
    fn allowed(range: Range) -> String {
        format!("a list, each {}", usize::allowed(range))
    }
    fn samples(range: Range) -> Vec<Value> {
        usize::samples(range).into_iter().take(2).map(|number| Value::List(vec![number])).collect()
    }
    fn refused(range: Range) -> Vec<Value> {
        let list = |number| Value::List(vec![number]);
        let empty = Value::List(Vec::new());
        usize::refused(range).into_iter().map(list).chain([empty, 1.into()]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        if self.is_empty() {
            return invalid(loss, field, "an empty list", Self::allowed(range));
        }
        self.iter().enumerate().try_for_each(|(index, number)| number.check(loss, &format!("{field}[{index}]"), range))
    }
}

pub(super) fn check_list(list: &[f64], loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
    if list.is_empty() {
        return invalid(loss, field, "an empty list", format!("one number per class, each {range}"));
    }
    list.iter().enumerate().try_for_each(|(index, number)| number.check(loss, &format!("{field}[{index}]"), range))
}
