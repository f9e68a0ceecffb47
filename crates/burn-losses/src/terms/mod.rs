//! Losses of one family inside the config of another: by name, each with its weight.

use crate::config::{
    FamilyConfig, FieldType, Range, Table, Unreadable, Value, check_nested, family_from_value, family_to_value, kinds,
};
use crate::error::{ConfigError, quoted};
use crate::reduction::Unreduced;
use burn::tensor::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

fn of_kind(kind: &str) -> Table {
    Table::from_iter([("kind", kind)])
}

impl<C: FamilyConfig> FieldType for Box<C> {
    const KIND: &'static str = "config of a loss of this family";

    fn to_value(&self) -> Value {
        family_to_value(&**self)
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        Ok(Box::new(family_from_value(value.clone())?))
    }
    fn allowed(_: Range) -> String {
        format!("a table whose `kind` is one of {}", quoted(&kinds::<C>()))
    }
    fn samples(_: Range) -> Vec<Value> {
        // A loss that cannot be made without a field of its own is no sample.
        let all = kinds::<C>().into_iter().map(|kind| Value::from(of_kind(kind)));
        all.filter(|sample| Self::from_value(sample).is_ok()).collect()
    }
    fn refused(_: Range) -> Vec<Value> {
        vec!["bce".into(), Table::new().into()]
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        check_nested(&**self, loss, field)
    }
    #[cfg(feature = "schema")]
    fn narrow(schema: &mut schemars::Schema, _: Range) {
        crate::reduction::schema::without_reduction(schema);
    }
}

/// One loss of a sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Term<C> {
    /// The factor of the term's value. Default: 1.
    pub weight: f64,
    /// The loss: its keys stand beside `weight`.
    pub loss: C,
}

/// Losses of one family by name, each with its weight.
///
/// ```toml
/// [terms.overlap]
/// kind = "dice"
/// weight = 0.5
///
/// [terms.contour]
/// kind = "lovasz"
/// ```
///
/// A name is any text; it says which term is meant, in errors too.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms<C>(BTreeMap<String, Term<C>>);

impl<C> Default for Terms<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<C> Terms<C> {
    /// A list without terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a term.
    pub fn with(mut self, name: impl Into<String>, weight: f64, loss: impl Into<C>) -> Self {
        self.0.insert(name.into(), Term { weight, loss: loss.into() });
        self
    }

    /// The terms with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Term<C>)> {
        self.0.iter().map(|(name, term)| (name.as_str(), term))
    }

    pub(crate) fn losses(&self) -> impl Iterator<Item = &C> {
        self.0.values().map(|term| &term.loss)
    }

    /// The values of the terms, each with the weight of its term, in their order.
    pub(crate) fn weigh<T>(&self, values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (f64, T)> {
        self.0.values().map(|term| term.weight).zip(values)
    }

    /// An error if two terms have different values of `field`: the terms share the arguments that depend on it.
    pub(crate) fn check_same(&self, field: &str, of: impl Fn(&C) -> Option<Value>) -> Result<(), ConfigError> {
        let mut terms = self.iter().filter_map(|(name, term)| Some((name, of(&term.loss)?)));
        let Some((first, expected)) = terms.next() else { return Ok(()) };
        match terms.find(|(_, value)| *value != expected) {
            None => Ok(()),
            Some((name, value)) => Err(ConfigError::InvalidValue {
                loss: "weighted_sum",
                field: format!("terms.{name}.{field}"),
                value: value.to_string(),
                allowed: format!("{expected}, as in `terms.{first}`: all terms read the same arguments"),
            }),
        }
    }
}

impl<C: FamilyConfig> Serialize for Terms<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de, C: FamilyConfig> Deserialize<'de> for Terms<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::field::deserialize(deserializer, crate::field::field_from_value)
    }
}

fn term<C: FamilyConfig>(name: &str, value: &Value) -> Result<Term<C>, ConfigError> {
    let mut value = value.clone();
    let weight = if let Value::Table(table) = &mut value { table.remove("weight") } else { None };
    let weight = weight.map_or(Ok(1.0), |weight| {
        weight.as_f64().ok_or_else(|| ConfigError::WrongType {
            loss: "weighted_sum",
            field: format!("terms.{name}.weight"),
            problem: format!("{weight}, allowed: a finite number"),
        })
    })?;
    Ok(Term { weight, loss: family_from_value(value)? })
}

impl<C: FamilyConfig> FieldType for Terms<C> {
    const KIND: &'static str = "table of losses of this family";

    fn to_value(&self) -> Value {
        let terms = self.iter().map(|(name, term)| {
            let mut table = Table::from_iter([("weight", term.weight)]);
            if let Value::Table(loss) = family_to_value(&term.loss) {
                loss.into_iter().for_each(|(key, value)| table.insert(key, value));
            }
            (name, table)
        });
        Table::from_iter(terms).into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let terms = value.as_table().ok_or(Unreadable::Type)?;
        let terms = terms.iter().map(|(name, value)| Ok((name.to_owned(), term(name, value)?)));
        terms.collect::<Result<_, ConfigError>>().map(Self).map_err(Unreadable::from)
    }
    fn allowed(_: Range) -> String {
        format!(
            "a table of at least one name, each with a table of a `weight` and of a loss whose `kind` is one of {}",
            quoted(&kinds::<C>())
        )
    }
    fn samples(_: Range) -> Vec<Value> {
        let weighted = |kind, weight: f64| {
            let mut term = of_kind(kind);
            term.insert("weight", weight);
            Value::from(term)
        };
        let a = C::NAMES[0].kind;
        let sample =
            |terms: &[(&str, Value)]| Table::from_iter(terms.iter().map(|(name, term)| (*name, term.clone()))).into();
        vec![
            sample(&[("one", of_kind(a).into())]),
            sample(&[("one", weighted(a, -0.5))]),
            sample(&[("one", weighted(a, 2.0)), ("other", weighted(a, 0.5))]),
        ]
    }
    fn refused(_: Range) -> Vec<Value> {
        let sample = |weight: Value, reduction: Option<&str>| {
            let mut term = of_kind(C::NAMES[0].kind);
            term.insert("weight", weight);
            if let Some(reduction) = reduction {
                term.insert("reduction", reduction);
            }
            Value::from(Table::from_iter([("one", term)]))
        };
        vec![
            Table::new().into(),
            C::NAMES[0].kind.into(),
            of_kind(C::NAMES[0].kind).into(),
            sample(f64::NAN.into(), None),
            sample("much".into(), None),
            sample(1.0.into(), Some("sum")),
        ]
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            let (field, value) = (field.to_owned(), "an empty table".to_owned());
            return Err(ConfigError::InvalidValue { loss, field, value, allowed: Self::allowed(range) });
        }
        self.iter().try_for_each(|(name, term)| {
            term.weight.check(loss, &format!("{field}.{name}.weight"), Range::Finite)?;
            check_nested(&term.loss, loss, &format!("{field}.{name}"))
        })
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Term, Terms};
    use crate::field::schema::add_key;
    use crate::reduction::schema::without_reduction;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl<C: JsonSchema> JsonSchema for Term<C> {
        fn schema_name() -> Cow<'static, str> {
            format!("TermOf{}", C::schema_name()).into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let mut schema = C::json_schema(generator);
            let weight =
                json_schema!({ "type": "number", "default": 1.0, "description": "What the value is multiplied by." });
            add_key(&mut schema, "weight", &weight.to_value(), false);
            without_reduction(&mut schema);
            schema
        }
    }

    impl<C: JsonSchema> JsonSchema for Terms<C> {
        fn schema_name() -> Cow<'static, str> {
            format!("TermsOf{}", C::schema_name()).into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let term = generator.subschema_for::<Term<C>>();
            json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": term })
        }
    }
}

/// The sum of tensors, each times its weight. A weight of 0 gives 0, whatever the tensor holds.
pub(crate) fn sum<const D: usize>(terms: impl Iterator<Item = (f64, Tensor<D>)>) -> Tensor<D> {
    let scaled = terms.map(|(weight, values)| match weight {
        1.0 => values,
        0.0 => {
            let everywhere = values.zeros_like().equal_scalar(0.0);
            values.mask_fill(everywhere, 0.0)
        }
        weight => values * weight,
    });
    scaled.reduce(|a, b| a + b).expect("at least one term")
}

/// The sum of values, each times its weight. The count of a value in a mean is the average of its counts in the terms, weighted
/// by the sizes of their weights. So terms with the same counts keep their divisor, a single term keeps its own, and a term of
/// weight 0 has no influence.
pub(crate) fn sum_unreduced<const D: usize>(terms: impl Iterator<Item = (f64, Unreduced<D>)>) -> Unreduced<D> {
    let (weighted, normalizers): (Vec<_>, Vec<_>) =
        terms.map(|(weight, Unreduced { values, normalizer })| ((weight, values), (weight.abs(), normalizer))).unzip();
    let values = sum(weighted.into_iter());
    if normalizers.iter().all(|(_, normalizer)| normalizer.is_none()) {
        return values.into();
    }
    let total: f64 = normalizers.iter().map(|(weight, _)| weight).sum();
    let share = |weight: f64| if total > 0.0 { weight / total } else { 1.0 / normalizers.len() as f64 };
    let ones = values.ones_like().detach();
    let counted = normalizers
        .iter()
        .map(|(weight, normalizer)| (share(*weight), normalizer.clone().unwrap_or_else(|| ones.clone())));
    let normalizer = sum(counted).detach();
    Unreduced { values, normalizer: Some(normalizer) }
}

/// The value of `field` in a config, or in the loss inside it, or in the first of its terms.
pub(crate) fn find_setting<C: FamilyConfig>(config: &C, field: &str) -> Option<Value> {
    fn find(value: &Value, field: &str) -> Option<Value> {
        let inner = || value.get("loss").or_else(|| Some(value.get("terms")?.as_table()?.iter().next()?.1));
        value.get(field).cloned().or_else(|| find(inner()?, field))
    }
    find(&family_to_value(config), field)
}
