//! Tables inside a field.

use super::{FieldType, Range, Table, Unreadable, Value};

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
        self.get_in(key, Range::Finite)
    }

    /// The value under a key, if the table has it; this range is in the error of a number that no such field holds.
    pub(crate) fn get_in<T: FieldType>(&self, key: &str, range: Range) -> Result<Option<T>, Unreadable> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        T::from_value(value).map(Some).map_err(|problem| match problem {
            Unreadable::OutOfRange | Unreadable::Beyond { .. } => {
                let (key, value, allowed) = (key.to_owned(), value.clone(), T::allowed(range));
                Unreadable::Key { key, value, allowed, problem: Box::new(problem) }
            }
            // Any other error inside a table is reported for the whole field.
            _ => Unreadable::Type,
        })
    }

    /// The value under a key that the table must have.
    pub(crate) fn require<T: FieldType>(&self, key: &str) -> Result<T, Unreadable> {
        self.require_in(key, Range::Finite)
    }

    /// The value under a key that the table must have, with the range for an error.
    pub(crate) fn require_in<T: FieldType>(&self, key: &str, range: Range) -> Result<T, Unreadable> {
        self.get_in(key, range)?.ok_or(Unreadable::Type)
    }
}

/// A table of values.
pub(crate) fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Table::from_iter(entries).into()
}
