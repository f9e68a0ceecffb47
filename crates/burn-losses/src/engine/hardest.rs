//! Online hard example mining: which values of a batch are kept.

use super::rank::largest;
use crate::ConfigError;
use crate::config::{FieldType, Range, Value};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

/// Which values of a batch are kept: in a config file `{ ratio = 0.25 }`, `{ count = 512 }` or `{ threshold = 0.7 }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "KeepTable", into = "KeepTable")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!try_from, !into, rename_all = "snake_case", transform = crate::schema::key_within("ratio", RATIO), transform = crate::schema::key_within("count", COUNT)))]
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

/// 1 for each of the hardest values, 0 for the others; and how many these are. All values are valid. `None` where a value is not in the
/// memory of this process.
pub(crate) fn hardest<const D: usize>(values: &Tensor<D>, keep: Keep, min_kept: usize) -> Option<(Tensor<D>, f64)> {
    let _ = (values, keep, min_kept);
    #[cfg(feature = "cpu-engine")]
    {
        use super::cpu::rank;
        // As many as tensor operations keep, which compute in the type of the values.
        let is_double = values.dtype() == burn::tensor::DType::F64;
        let rounded = |number: f64| if is_double { number } else { f64::from(number as f32) };
        let count = rounded(values.shape().num_elements() as f64);
        let wanted = match keep {
            Keep::Ratio(ratio) => rounded(rounded(count * rounded(ratio)) + 0.5).floor() as usize,
            Keep::Count(count) => count,
            Keep::Threshold(threshold) => rank::count_above(values, rounded(threshold))?,
        };
        rank::hardest(values, wanted.max(min_kept))
    }
    #[cfg(not(feature = "cpu-engine"))]
    None
}

/// Keeps the hardest values; the others become 0 and count nothing.
pub(crate) fn keep_hardest<const D: usize>(unreduced: Unreduced<D>, keep: Keep, min_kept: usize) -> Unreduced<D> {
    let Unreduced { values, mass } = unreduced;
    let shape = values.dims();
    let n: usize = shape.iter().product();
    let device = values.device();
    let mass = mass.unwrap_or_else(|| values.ones_like()).detach();
    let scores = values.clone().detach().reshape([n]);
    // What is not finite is kept whatever the count: it shall be seen.
    let broken = scores.clone().is_finite().bool_not();
    let scores = scores.mask_fill(broken.clone(), 0.0);

    // What does not count is never kept: it ranks below everything else.
    let invalid = mass.clone().reshape([n]).equal_scalar(0.0);
    let below = scores.clone().min() - 1.0;
    let scores = scores.mask_where(invalid.clone(), below.expand([n]));
    let valid = invalid.clone().bool_not().int().sum();

    let number = |count: usize| Tensor::<1, Int>::full([1], count.min(n) as i64, &device);
    let at_least = number(min_kept);
    let wanted = match keep {
        Keep::Ratio(ratio) => {
            let share = valid.clone().float().cast(scores.dtype()) * ratio;
            (share + 0.5).floor().int()
        }
        Keep::Count(count) => number(count),
        Keep::Threshold(threshold) => scores.clone().greater_scalar(threshold).int().sum(),
    };
    let k = wanted.max_pair(at_least).min_pair(valid);
    let kept = largest(scores, k).bool_or(broken).bool_and(invalid.bool_not()).reshape(shape);
    let dropped = kept.bool_not();
    Unreduced { values: values.mask_fill(dropped.clone(), 0.0), mass: Some(mass.mask_fill(dropped, 0.0)) }
}
