//! Which values of a batch are kept.

use crate::error::ConfigError;
use crate::field::{FieldType, Keys, Range, Unreadable, Value, table};
use burn_losses_derive::{ByValue, Choice};

/// Which values of a batch are kept: in a config file `{ ratio = 0.25 }`, `{ count = 512 }` or `{ threshold = 0.7 }`.
#[derive(Debug, Clone, Copy, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case", transform = crate::field::schema::key_within("ratio", RATIO), transform = crate::field::schema::key_within("count", COUNT)))]
pub enum HardExamples {
    /// This share of the valid values, in (0, 1], rounded to the nearest count.
    Ratio(f64),
    /// This many values, or all if there are fewer.
    Count(usize),
    /// All values that are greater than this.
    Threshold(f64),
}

/// Among which values the hardest ones are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum MinedOver {
    /// Among all values of the batch.
    #[default]
    Batch,
    /// Among the values of each sample, along the first axis, for itself.
    Sample,
}

const RATIO: Range = Range::HalfOpenLow(0.0, 1.0);
const COUNT: Range = Range::AtLeast(1.0);

impl FieldType for HardExamples {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        match *self {
            Self::Ratio(ratio) => table([("ratio", ratio.into())]),
            Self::Count(count) => table([("count", count.into())]),
            Self::Threshold(threshold) => table([("threshold", threshold.into())]),
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let keys = Keys::new(value, &["ratio", "count", "threshold"])?;
        match (keys.get("ratio")?, keys.get_in("count", COUNT)?, keys.get("threshold")?) {
            (Some(ratio), None, None) => Ok(Self::Ratio(ratio)),
            (None, Some(count), None) => Ok(Self::Count(count)),
            (None, None, Some(threshold)) => Ok(Self::Threshold(threshold)),
            _ => Err(Unreadable::Type),
        }
    }
    fn allowed(_: Range) -> String {
        format!("one of {{ ratio: {RATIO} }}, {{ count: an integer >= 1 }}, {{ threshold: a finite number }}")
    }
    fn samples(_: Range) -> Vec<Value> {
        [Self::Ratio(0.5), Self::Ratio(1.0), Self::Count(2), Self::Threshold(0.9)].map(|keep| keep.to_value()).to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let ratios = [0.0, 1.5, -0.5, f64::NAN, f64::INFINITY].map(Self::Ratio);
        let others = [Self::Count(0), Self::Threshold(f64::NAN), Self::Threshold(f64::INFINITY)];
        let keeps = ratios.into_iter().chain(others);
        let mut refused: Vec<Value> = keeps.map(|keep| keep.to_value()).collect();
        refused.push(0.5.into());
        refused.push(table([]));
        refused
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        match self {
            Self::Ratio(ratio) => ratio.check(loss, &format!("{field}.ratio"), RATIO),
            Self::Count(count) => count.check(loss, &format!("{field}.count"), COUNT),
            Self::Threshold(threshold) => threshold.check(loss, &format!("{field}.threshold"), Range::Finite),
        }
    }
}
