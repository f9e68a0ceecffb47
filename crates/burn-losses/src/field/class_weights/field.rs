//! Class weights that follow from counts, as a field of a config.

use super::{BETA, CountedWeights, Counts, WeightNormalize, WeightScheme, seen};
use crate::error::ConfigError;
use crate::field::{CountsOf, FieldType, Keys, Range, Unreadable, Value, invalid, list_of_numbers, table};

const BETA_RANGE: Range = Range::HalfOpen(0.0, 1.0);
const COUNT: Range = Range::AtLeast(0.0);
const KEYS: [&str; 4] = ["counts", "scheme", "beta", "normalize"];

fn pair_of(value: &Value) -> Result<[f64; 2], Unreadable> {
    list_of_numbers(value)?.try_into().map_err(|_| Unreadable::Type)
}

impl FieldType for CountedWeights {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        let counts = match &self.counts {
            Counts::PerClass(counts) => Value::from(counts.clone()),
            Counts::PerColumn(counts) => counts.iter().map(|pair| pair.to_vec()).collect::<Vec<_>>().into(),
        };
        table([
            ("counts", counts),
            ("scheme", self.scheme.to_value()),
            ("beta", self.beta.into()),
            ("normalize", self.normalize.to_value()),
        ])
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let keys = Keys::new(value, &KEYS)?;
        let counts = value.get("counts").ok_or(Unreadable::Type)?;
        let items = counts.as_list().ok_or(Unreadable::Type)?;
        let counts = match items.first() {
            Some(Value::List(_)) => {
                let pairs = items.iter().map(pair_of).collect::<Result<_, _>>();
                Counts::PerColumn(pairs.map_err(|_| Unreadable::Type)?)
            }
            _ => Counts::PerClass(list_of_numbers(counts).map_err(|_| Unreadable::Type)?),
        };
        let weights = Self::new(counts, keys.require("scheme")?);
        let weights = weights.with_beta(keys.get("beta")?.unwrap_or(BETA));
        Ok(weights.with_normalize(keys.get("normalize")?.unwrap_or_default()))
    }
    fn allowed(_: Range) -> String {
        Self::allowed_for(CountsOf::Classes)
    }
    fn samples(_: Range) -> Vec<Value> {
        Self::samples_for(CountsOf::Classes)
    }
    fn refused(_: Range) -> Vec<Value> {
        Self::refused_for(CountsOf::Classes)
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.check_for(CountsOf::Classes, loss, field)
    }
    #[cfg(feature = "schema")]
    fn narrow(_: &mut schemars::Schema, _: Range) {}
}

/// What depends on what the counts belong to.
impl CountedWeights {
    pub(in crate::field) fn allowed_for(of: CountsOf) -> String {
        let scheme = WeightScheme::allowed(COUNT);
        format!(
            "{{ counts: {}, scheme: {scheme}, beta: {BETA_RANGE}, normalize: `classes`, `mean` or none }}",
            match of {
                CountsOf::Classes => "one per class, each a number >= 0",
                CountsOf::Pair => "[negatives, positives]",
                CountsOf::Columns => "[negatives, positives], or such a pair for each column",
            }
        )
    }

    pub(in crate::field) fn samples_for(of: CountsOf) -> Vec<Value> {
        let counts = match of {
            CountsOf::Classes => Counts::from([6.0, 3.0, 1.0]),
            CountsOf::Pair | CountsOf::Columns => Counts::from([7.0, 2.0]),
        };
        let new = |scheme| Self::new(counts.clone(), scheme);
        let mut samples = vec![new(WeightScheme::Inverse), new(WeightScheme::EffectiveNumber).with_beta(0.8)];
        match of {
            CountsOf::Classes => samples.extend([
                new(WeightScheme::InverseSqrt).with_normalize(WeightNormalize::Mean),
                new(WeightScheme::Median).with_normalize(WeightNormalize::Classes),
            ]),
            CountsOf::Pair => samples.push(new(WeightScheme::InverseSqrt)),
            CountsOf::Columns => {
                let columns = vec![[7.0, 2.0], [5.0, 4.0], [1.0, 3.0]];
                samples.push(Self::new(columns, WeightScheme::InverseSqrt));
            }
        }
        samples.iter().map(Self::to_value).collect()
    }

    pub(in crate::field) fn refused_for(of: CountsOf) -> Vec<Value> {
        let inverse = |counts: Value| table([("counts", counts), ("scheme", "inverse".into())]);
        let [right, longer] = match of {
            CountsOf::Classes => [vec![2.0, 1.0, 1.0], vec![]],
            CountsOf::Pair | CountsOf::Columns => [vec![2.0, 1.0], vec![2.0, 1.0, 1.0]],
        };
        let wrong_count = |count: f64| {
            let mut counts = right.clone();
            counts[1] = count;
            inverse(counts.into())
        };
        let mut refused = [-1.0, f64::NAN, f64::INFINITY].map(wrong_count).to_vec();
        refused.extend([vec![0.0; right.len()], longer].map(|counts| inverse(counts.into())));
        let words: [(&str, Value); 4] =
            [("scheme", "fair".into()), ("normalize", "sum".into()), ("beta", 1.0.into()), ("beta", (-0.5).into())];
        for (key, value) in words {
            if let Value::Table(mut table) = inverse(right.clone().into()) {
                table.insert(key, value);
                refused.push(table.into());
            }
        }
        refused.extend([table([("counts", right.into())]), table([("scheme", "inverse".into())])]);
        if of != CountsOf::Columns {
            refused.push(inverse(vec![vec![2.0, 1.0]; 3].into()));
        }
        refused
    }

    pub(in crate::field) fn check_for(&self, of: CountsOf, loss: &'static str, field: &str) -> Result<(), ConfigError> {
        let name = format!("{field}.counts");
        let wrong = |value: &str| {
            let allowed = match of {
                CountsOf::Classes => "one number per class, each a number >= 0, and one of them above 0",
                CountsOf::Pair => "[negatives, positives], each a number >= 0, and one of them above 0",
                CountsOf::Columns => {
                    "[negatives, positives], each a number >= 0, and one of them above 0, or such a pair for each column"
                }
            };
            invalid(loss, &name, value, allowed.into())
        };
        let check = |name: String, count: &f64| count.check(loss, &name, COUNT);
        match &self.counts {
            Counts::PerClass(counts) => {
                if of != CountsOf::Classes && counts.len() != 2 {
                    return wrong(&format!("{} numbers", counts.len()));
                }
                (0..).zip(counts).try_for_each(|(at, count): (usize, _)| check(format!("{name}[{at}]"), count))?;
                if seen(counts).next().is_none() {
                    return wrong(if counts.is_empty() { "an empty list" } else { "0 for every class" });
                }
            }
            Counts::PerColumn(columns) => {
                if of != CountsOf::Columns {
                    return wrong("a list of lists");
                }
                for (column, pair) in columns.iter().enumerate() {
                    (0..)
                        .zip(pair)
                        .try_for_each(|(at, count): (usize, _)| check(format!("{name}[{column}][{at}]"), count))?;
                }
            }
        }
        self.beta.check(loss, &format!("{field}.beta"), BETA_RANGE)?;
        if self.weights.iter().all(|weight| weight.is_finite()) {
            return Ok(());
        }
        wrong("so small or so large that a weight is infinite")
    }

    #[cfg(feature = "schema")]
    pub(in crate::field) fn schema_for(of: CountsOf, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use serde_json::json;
        let count = json!({ "type": "number", "minimum": 0 });
        let some = json!({ "exclusiveMinimum": 0 });
        let two = |items| json!({ "type": "array", "items": items, "minItems": 2, "maxItems": 2 });
        let mut pair = two(&count);
        pair["contains"] = some.clone();
        let counts = match of {
            CountsOf::Classes => json!({ "type": "array", "items": count, "minItems": 1, "contains": some }),
            CountsOf::Pair => pair,
            CountsOf::Columns => {
                json!({ "anyOf": [pair, { "type": "array", "items": two(&count), "minItems": 1 }] })
            }
        };
        let scheme = generator.subschema_for::<WeightScheme>();
        let normalize = generator.subschema_for::<WeightNormalize>();
        schemars::json_schema!({
            "description": "Weights that follow from counts.",
            "type": "object",
            "properties": {
                "counts": counts,
                "scheme": scheme,
                "beta": { "type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": BETA },
                "normalize": normalize,
            },
            "required": ["counts", "scheme"],
            "additionalProperties": false,
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CountedWeights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountedWeights".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Self::schema_for(CountsOf::Classes, generator)
    }
}
