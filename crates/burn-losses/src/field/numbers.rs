//! Numbers, and true and false.

use super::{FieldType, IntoField, Range, Unreadable, Value, invalid};
use crate::error::ConfigError;

impl IntoField<f64> for f32 {
    fn into_field(self) -> f64 {
        self.into()
    }
}

impl IntoField<f64> for i32 {
    fn into_field(self) -> f64 {
        self.into()
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

/// An integer type of Rust, as a field has it.
trait Whole: TryFrom<i128> {
    /// The integers that it can hold, in words.
    const ALLOWED: &'static str;
}

impl Whole for i64 {
    const ALLOWED: &'static str = "an integer from -2^63 to 2^63 - 1";
}

impl Whole for usize {
    const ALLOWED: &'static str = "an integer from 0 to 2^64 - 1";
}

/// From this size on, a float without a fraction is an integer that JSON could not hold.
const HUGE: f64 = (1u64 << 63) as f64;

/// An integer.
fn integer<T: Whole>(value: &Value) -> Result<T, Unreadable> {
    let is_beyond = match *value {
        Value::Integer(number) => i64::try_from(number).is_err(),
        Value::Float(number) => number.abs() >= HUGE && number.fract() == 0.0,
        _ => false,
    };
    let error = if is_beyond { Unreadable::Beyond { allowed: T::ALLOWED } } else { Unreadable::Type };
    value.as_integer().ok_or(error)
}

/// An integer, or none.
fn optional<T: Whole>(value: &Value) -> Result<Option<T>, Unreadable> {
    match value {
        none if none.is_none() => Ok(None),
        number => integer(number).map(Some),
    }
}

pub(super) fn numbers(numbers: impl IntoIterator<Item = f64>) -> Vec<Value> {
    numbers.into_iter().map(Value::from).collect()
}

impl FieldType for f64 {
    const KIND: &'static str = "number";

    fn to_value(&self) -> Value {
        (*self).into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        value.as_f64().ok_or(Unreadable::Type)
    }
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

    fn to_value(&self) -> Value {
        (*self).into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        integer(value)
    }
    fn allowed(range: Range) -> String {
        let range = if range == Range::Finite { Range::AtLeast(0.0) } else { range };
        range.to_string().replacen("a number", "an integer", 1).replacen("an odd number", "an odd integer", 1)
    }
    fn samples(range: Range) -> Vec<Value> {
        let few = (1..5_usize).filter(|count| range.contains(*count as f64));
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

    fn to_value(&self) -> Value {
        (*self).into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        value.as_bool().ok_or(Unreadable::Type)
    }
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

    fn to_value(&self) -> Value {
        self.map_or(Value::Null, Into::into)
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        optional(value)
    }
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

    fn to_value(&self) -> Value {
        self.map_or(Value::Null, Into::into)
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        optional(value)
    }
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
