//! The memory of earlier batches.

use crate::error::ConfigError;
use crate::field::{FieldType, IntoField, Keys, Range, Table, Unreadable, Value, table};
use burn_losses_derive::{ByValue, Choice};

/// The rows that go into the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum MemoryFrom {
    /// Each batch, in training (cross-batch memory, XBM).
    #[default]
    Batch,
    /// Rows that the caller passes to `enqueue`, such as the keys of a momentum encoder (MoCo).
    Given,
}

/// Where the negatives come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum MemoryNegatives {
    /// From the batch and from the memory.
    #[default]
    Both,
    /// From the memory alone, as soon as it has any row.
    Memory,
}

/// The memory of earlier batches: a queue of rows without a gradient and of their labels, which each row of a batch is compared with
/// too. In a config file `{ size = 4096 }`, with further keys as needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = crate::field::schema::key_within("size", SIZE), transform = crate::field::schema::key_within("embedding_dim", SIZE)))]
pub struct Memory {
    /// The number of rows that the queue holds. With `from = "batch"` those of the present batch are among them.
    pub size: usize,
    /// The number of training steps after which the memory is used; it is filled from the first step on.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub after: usize,
    /// The rows that go into the memory.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub from: MemoryFrom,
    /// Where the negatives come from.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub negatives: MemoryNegatives,
    /// The size of the embeddings. The queue is saved with the module if this is given; else it takes the size of the first batch, and
    /// begins empty after a restart.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub embedding_dim: Option<usize>,
}

impl Memory {
    /// A memory of this many rows.
    pub fn new(size: usize) -> Self {
        Self { size, after: 0, from: MemoryFrom::default(), negatives: MemoryNegatives::default(), embedding_dim: None }
    }
}

impl IntoField<Option<Memory>> for Memory {
    fn into_field(self) -> Option<Memory> {
        Some(self)
    }
}

const SIZE: Range = Range::AtLeast(1.0);
const KEYS: [&str; 5] = ["size", "after", "from", "negatives", "embedding_dim"];

impl FieldType for Option<Memory> {
    const KIND: &'static str = "table, optional";

    fn to_value(&self) -> Value {
        let Some(memory) = self else { return Value::Null };
        FieldType::to_value(memory)
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if value.is_none() { Ok(None) } else { Memory::from_value(value).map(Some) }
    }
    fn allowed(range: Range) -> String {
        Memory::allowed(range)
    }
    fn samples(range: Range) -> Vec<Value> {
        Memory::samples(range)
    }
    fn refused(range: Range) -> Vec<Value> {
        Memory::refused(range)
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        self.map_or(Ok(()), |memory| memory.check(loss, field, range))
    }
}

impl FieldType for Memory {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        let Self { size, after, from, negatives, embedding_dim } = self;
        let known = [
            ("size", (*size).into()),
            ("after", (*after).into()),
            ("from", from.to_value()),
            ("negatives", negatives.to_value()),
        ];
        // Not every format has a word for what is absent.
        Table::from_iter(known.into_iter().chain(embedding_dim.map(|size| ("embedding_dim", size.into())))).into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let keys = Keys::new(value, &KEYS)?;
        Ok(Self {
            size: keys.require_in("size", SIZE)?,
            after: keys.get("after")?.unwrap_or(0),
            from: keys.get("from")?.unwrap_or_default(),
            negatives: keys.get("negatives")?.unwrap_or_default(),
            embedding_dim: keys.get_in::<Option<usize>>("embedding_dim", SIZE)?.flatten(),
        })
    }
    fn allowed(_: Range) -> String {
        let (from, negatives) = (MemoryFrom::allowed(Range::Finite), MemoryNegatives::allowed(Range::Finite));
        format!(
            "{{ size: an integer >= 1, after: an integer >= 0, from: {from}, negatives: {negatives}, embedding_dim: an integer >= 1 }}"
        )
    }
    fn samples(_: Range) -> Vec<Value> {
        let saved = |size| Self { embedding_dim: Some(4), ..Self::new(size) };
        let alone = Self { negatives: MemoryNegatives::Memory, ..saved(16) };
        [saved(16), Self { after: 2, ..saved(9) }, alone].map(|memory| memory.to_value()).to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let none = Self { embedding_dim: Some(0), ..Self::new(8) };
        vec![Self::new(0).to_value(), none.to_value(), table([]), table([("size", 0.5.into())]), 8.into()]
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.size.check(loss, &format!("{field}.size"), SIZE)?;
        self.embedding_dim.check(loss, &format!("{field}.embedding_dim"), SIZE)
    }
}
