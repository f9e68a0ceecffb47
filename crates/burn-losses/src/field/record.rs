//! Structs of fields, seen as a table: all that reads, writes and checks configs, compiled once for all of them.

use super::{FieldType, Range, Table, Unreadable, Value};
use crate::error::{ConfigError, nearest};
use core::fmt;

/// The description of one field of a struct.
#[derive(Debug)]
pub struct FieldInfo {
    /// The key.
    pub name: &'static str,
    /// The meaning.
    pub summary: &'static str,
    /// The numbers that are allowed, if it has numbers.
    pub range: Range,
    /// Whether it has no default.
    pub is_required: bool,
}

/// A function that is called with each field.
pub type Visit<'a> = dyn FnMut(&'static FieldInfo, &dyn AnyField) + 'a;
/// A function that is called with each field, and may change it.
pub type VisitMut<'a> = dyn FnMut(&'static FieldInfo, &mut dyn AnyField) + 'a;

/// A struct of fields.
pub trait Record {
    /// Calls `visit` with each field, in order.
    fn visit(&self, visit: &mut Visit<'_>);
    /// Calls `visit` with each field, in order, to change it.
    fn visit_mut(&mut self, visit: &mut VisitMut<'_>);
}

/// A field of any type.
pub trait AnyField: fmt::Debug {
    /// The type, in words.
    fn kind(&self) -> &'static str;
    /// The allowed values, in words.
    fn allowed(&self, range: Range) -> String;
    /// Some allowed values, and some that are not.
    fn samples(&self, range: Range) -> [Vec<Value>; 2];
    /// Whether the value is allowed.
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError>;
    /// The value.
    fn get(&self) -> Value;
    /// Sets the value.
    fn set(&mut self, value: &Value) -> Result<(), Unreadable>;
    /// The JSON Schema of the allowed values.
    #[cfg(feature = "schema")]
    fn schema(&self, range: Range, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
}

impl<T: FieldType> AnyField for T {
    fn kind(&self) -> &'static str {
        T::KIND
    }
    fn allowed(&self, range: Range) -> String {
        T::allowed(range)
    }
    fn samples(&self, range: Range) -> [Vec<Value>; 2] {
        [T::samples(range), T::refused(range)]
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        FieldType::check(self, loss, field, range)
    }
    fn get(&self) -> Value {
        self.to_value()
    }
    fn set(&mut self, value: &Value) -> Result<(), Unreadable> {
        *self = T::from_value(value)?;
        Ok(())
    }
    #[cfg(feature = "schema")]
    fn schema(&self, range: Range, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        super::schema::values::<T>(range, generator)
    }
}

/// The fields with their values.
pub(crate) fn to_table(record: &dyn Record) -> Table {
    let mut table = Table::new();
    record.visit(&mut |info, field| table.insert(info.name, field.get()));
    table
}

/// The fields with their values, as a value.
pub(crate) fn to_value(record: &dyn Record) -> Value {
    Value::Table(to_table(record))
}

/// The value of one field.
pub(crate) fn value_of(record: &dyn Record, name: &str) -> Option<Value> {
    let mut found = None;
    record.visit(&mut |info, field| {
        if info.name == name {
            found = Some(field.get());
        }
    });
    found
}

/// Reads the fields from a table. It checks unknown keys first, then the type of each field, then missing fields.
pub(crate) fn read(loss: &'static str, record: &mut dyn Record, table: &Table) -> Result<(), ConfigError> {
    let mut infos = Vec::new();
    record.visit(&mut |info, _| infos.push(info));
    let allowed: Vec<&'static str> = infos.iter().map(|info| info.name).collect();
    if let Some((key, _)) = table.iter().find(|(key, _)| !allowed.contains(key)) {
        let suggestion = nearest(key, allowed.iter().copied());
        return Err(ConfigError::UnknownField { loss, field: key.to_owned(), allowed, suggestion });
    }
    let mut result = Ok(());
    record.visit_mut(&mut |info, field| {
        if let (Ok(()), Some(value)) = (&result, table.get(info.name)) {
            result = field
                .set(value)
                .map_err(|problem| problem.into_error(loss, info.name, value, field.allowed(info.range)));
        }
    });
    result?;
    let mut result = Ok(());
    record.visit(&mut |info, field| {
        if result.is_ok() && info.is_required && table.get(info.name).is_none() {
            result = Err(ConfigError::MissingField { loss, field: info.name, allowed: field.allowed(info.range) });
        }
    });
    result
}

/// The first field whose value is not allowed, as an error that names it.
pub(crate) fn check(loss: &'static str, record: &dyn Record) -> Result<(), ConfigError> {
    let mut result = Ok(());
    record.visit(&mut |info, field| {
        if result.is_ok() {
            result = field.check(loss, info.name, info.range);
        }
    });
    result
}
