//! Which values of a batch are kept.

use crate::error::ConfigError;
use crate::field::{FieldType, Range, Value};
use serde::{Deserialize, Serialize};

/// Which values of a batch are kept: in a config file `{ ratio = 0.25 }`, `{ count = 512 }` or `{ threshold = 0.7 }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "KeepTable", into = "KeepTable")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!try_from, !into, rename_all = "snake_case", transform = crate::field::schema::key_within("ratio", RATIO), transform = crate::field::schema::key_within("count", COUNT)))]
pub enum Keep {
    /// This share of the valid values, in (0, 1], rounded to the nearest count.
    Ratio(f64),
    /// This many, or all where there are fewer.
    Count(usize),
    /// All that are greater than this.
    Threshold(f64),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
}

impl TryFrom<KeepTable> for Keep {
    type Error = &'static str;

    fn try_from(table: KeepTable) -> Result<Self, Self::Error> {
        match table {
            KeepTable { ratio: Some(ratio), count: None, threshold: None } => Ok(Self::Ratio(ratio)),
            KeepTable { ratio: None, count: Some(count), threshold: None } => Ok(Self::Count(count)),
            KeepTable { ratio: None, count: None, threshold: Some(threshold) } => Ok(Self::Threshold(threshold)),
            _ => Err("expected exactly one of `ratio`, `count`, `threshold`"),
        }
    }
}

impl From<Keep> for KeepTable {
    fn from(keep: Keep) -> Self {
        let mut table = Self::default();
        match keep {
            Keep::Ratio(ratio) => table.ratio = Some(ratio),
            Keep::Count(count) => table.count = Some(count),
            Keep::Threshold(threshold) => table.threshold = Some(threshold),
        }
        table
    }
}

const RATIO: Range = Range::HalfOpenLow(0.0, 1.0);
const COUNT: Range = Range::AtLeast(1.0);

impl FieldType for Keep {
    const KIND: &'static str = "table";

    fn allowed(_: Range) -> String {
        format!("one of {{ ratio: {RATIO} }}, {{ count: an integer >= 1 }}, {{ threshold: a finite number }}")
    }
    fn samples(_: Range) -> Vec<Value> {
        [Self::Ratio(0.5), Self::Ratio(1.0), Self::Count(2), Self::Threshold(0.9)]
            .map(|keep| serde_yaml_ng::to_value(keep).unwrap_or(Value::Null))
            .to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let ratios = [0.0, 1.5, -0.5, f64::NAN, f64::INFINITY].map(Self::Ratio);
        let others = [Self::Count(0), Self::Threshold(f64::NAN), Self::Threshold(f64::INFINITY)];
        let keeps = ratios.into_iter().chain(others);
        let mut refused: Vec<Value> = keeps.map(|keep| serde_yaml_ng::to_value(keep).unwrap_or(Value::Null)).collect();
        refused.push(0.5.into());
        refused.push(Value::Mapping(Default::default()));
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
