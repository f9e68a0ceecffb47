//! Tables inside a field.

use super::{FieldType, Table, Unreadable, Value};

/// A table with no keys but the allowed ones.
pub(crate) struct Keys<'a>(&'a Table);

impl<'a> Keys<'a> {
    /// Reads a value as a table with these keys.
    pub(crate) fn new(value: &'a Value, allowed: &[&str]) -> Result<Self, Unreadable> {
        let table = value.as_table().ok_or(Unreadable::Type)?;
        if table.iter().all(|(key, _)| allowed.contains(&key)) { Ok(Self(table)) } else { Err(Unreadable::Type) }
    }

    /// The value under a key, if the table has it.
    pub(crate) fn get<T: FieldType>(&self, key: &str) -> Result<Option<T>, Unreadable> {
        // An error inside a table is reported for the whole field.
        self.0.get(key).map(|value| T::from_value(value).map_err(|_| Unreadable::Type)).transpose()
    }

    /// The value under a key that the table must have.
    pub(crate) fn require<T: FieldType>(&self, key: &str) -> Result<T, Unreadable> {
        self.get(key)?.ok_or(Unreadable::Type)
    }
}

/// A table of values.
pub(crate) fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Table::from_iter(entries).into()
}
