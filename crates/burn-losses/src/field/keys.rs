//! Tables inside a field.

use super::{FieldType, Table, Unreadable, Value};

/// A table that has no other keys than some.
pub(crate) struct Keys<'a>(&'a Table);

impl<'a> Keys<'a> {
    /// The table that a value is.
    pub(crate) fn new(value: &'a Value, allowed: &[&str]) -> Result<Self, Unreadable> {
        let table = value.as_table().ok_or(Unreadable::Type)?;
        if table.iter().all(|(key, _)| allowed.contains(&key)) { Ok(Self(table)) } else { Err(Unreadable::Type) }
    }

    /// What is under a key, where the table has it.
    pub(crate) fn get<T: FieldType>(&self, key: &str) -> Result<Option<T>, Unreadable> {
        // What is wrong inside a table is said of the whole field.
        self.0.get(key).map(|value| T::from_value(value).map_err(|_| Unreadable::Type)).transpose()
    }

    /// What is under a key that has to be there.
    pub(crate) fn require<T: FieldType>(&self, key: &str) -> Result<T, Unreadable> {
        self.get(key)?.ok_or(Unreadable::Type)
    }
}

/// A table of values.
pub(crate) fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Table::from_iter(entries).into()
}
