//! Losses of one family inside the config of another: by name, each with its weight.

use crate::config::{FieldType, Range, Table, Value, as_parser_error};
use crate::error::{ConfigError, quoted};
use crate::reduction::Unreduced;
use burn::tensor::Tensor;
use core::fmt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The config of a family of losses, as it stands inside the config of another loss.
pub trait Nested: Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned {
    /// Every `kind` of the family.
    const KINDS: &'static [&'static str];

    /// Reads it from a table.
    fn from_value(value: Value) -> Result<Self, ConfigError>;

    /// What is not allowed, where it is the field `field` of `loss`.
    fn check_nested(&self, loss: &'static str, field: &str) -> Result<(), ConfigError>;
}

fn of_kind(kind: &str) -> Table {
    Table::from_iter([("kind".into(), kind.into())])
}

impl<C: Nested> FieldType for Box<C> {
    const KIND: &'static str = "config of a loss of this family";

    fn allowed(_: Range) -> String {
        format!("a table whose `kind` is one of {}", quoted(C::KINDS))
    }
    fn samples(_: Range) -> Vec<Value> {
        C::KINDS.iter().map(|kind| Value::Mapping(of_kind(kind))).collect()
    }
    fn refused(_: Range) -> Vec<Value> {
        vec!["bce".into(), Value::Mapping(Table::new())]
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.check_nested(loss, field)
    }
    #[cfg(feature = "schema")]
    fn narrow(schema: &mut schemars::Schema, _: Range) {
        crate::reduction::schema::without_reduction(schema);
    }
}

/// One loss of a sum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term<C> {
    /// What its value is multiplied by. Default: 1.
    pub weight: f64,
    /// The loss: its keys stand beside `weight`.
    #[serde(flatten)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Terms<C>(BTreeMap<String, Term<C>>);

impl<C> Default for Terms<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<C> Terms<C> {
    /// No term yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one term more.
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

    /// The weights of what the terms give, in their order.
    pub(crate) fn weigh<T>(&self, values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (f64, T)> {
        self.0.values().map(|term| term.weight).zip(values)
    }

    /// An error unless all terms that say something of `field` say the same: what they all read is read once.
    pub(crate) fn agree<V: PartialEq + Serialize>(
        &self,
        field: &str,
        of: impl Fn(&C) -> Option<V>,
    ) -> Result<(), ConfigError> {
        let mut terms = self.iter().filter_map(|(name, term)| Some((name, of(&term.loss)?)));
        let Some((first, expected)) = terms.next() else { return Ok(()) };
        let word = |value: &V| serde_json::to_string(value).unwrap_or_default();
        match terms.find(|(_, value)| *value != expected) {
            None => Ok(()),
            Some((name, value)) => Err(ConfigError::InvalidValue {
                loss: "weighted_sum",
                field: format!("terms.{name}.{field}"),
                value: word(&value),
                allowed: format!("{}, as in `terms.{first}`: all terms read the same arguments", word(&expected)),
            }),
        }
    }
}

impl<'de, C: Nested> Deserialize<'de> for Terms<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_table(Table::deserialize(deserializer)?).map_err(as_parser_error)
    }
}

impl<C: Nested> Terms<C> {
    /// Compiled once, not for each format.
    fn from_table(table: Table) -> Result<Self, ConfigError> {
        let mut terms = BTreeMap::new();
        for (name, value) in table {
            let name = name_of(&name);
            let term = term(&name, value)?;
            add_once(&mut terms, "weighted_sum", name, term)?;
        }
        Ok(Self(terms))
    }
}

/// The name of a term: any text, or in YAML a number or whatever else is a key.
pub(crate) fn name_of(key: &Value) -> String {
    key.as_str().map_or_else(|| serde_json::to_string(key).unwrap_or_default(), str::to_owned)
}

/// Adds a term, unless there is one of this name: in YAML `1` and `'1'` are two keys, but one name.
pub(crate) fn add_once<T>(
    terms: &mut BTreeMap<String, T>,
    loss: &'static str,
    name: String,
    term: T,
) -> Result<(), ConfigError> {
    let field = format!("terms.{name}");
    match terms.insert(name, term) {
        None => Ok(()),
        Some(_) => {
            let (value, allowed) = ("there twice".to_owned(), "one term of each name".to_owned());
            Err(ConfigError::InvalidValue { loss, field, value, allowed })
        }
    }
}

fn term<C: Nested>(name: &str, mut value: Value) -> Result<Term<C>, ConfigError> {
    let weight = value.as_mapping_mut().and_then(|table| table.remove("weight"));
    let weight = match weight {
        None => 1.0,
        Some(weight) => weight.as_f64().ok_or_else(|| ConfigError::WrongType {
            loss: "weighted_sum",
            field: format!("terms.{name}.weight"),
            problem: format!("{}, allowed: a finite number", serde_json::to_string(&weight).unwrap_or_default()),
        })?,
    };
    Ok(Term { weight, loss: C::from_value(value)? })
}

impl<C: Nested> FieldType for Terms<C> {
    const KIND: &'static str = "table of losses of this family";

    fn allowed(_: Range) -> String {
        format!(
            "a table of at least one name, each with a table of a `weight` and of a loss whose `kind` is one of {}",
            quoted(C::KINDS)
        )
    }
    fn samples(_: Range) -> Vec<Value> {
        let weighted = |kind, weight: f64| {
            let mut term = of_kind(kind);
            term.insert("weight".into(), weight.into());
            Value::Mapping(term)
        };
        let a = C::KINDS[0];
        let sample = |terms: &[(&str, Value)]| {
            Value::Mapping(terms.iter().map(|(name, term)| ((*name).into(), term.clone())).collect())
        };
        vec![
            sample(&[("one", Value::Mapping(of_kind(a)))]),
            sample(&[("one", weighted(a, -0.5))]),
            sample(&[("one", weighted(a, 2.0)), ("other", weighted(a, 0.5))]),
        ]
    }
    fn refused(_: Range) -> Vec<Value> {
        let sample = |weight: Value, reduction: Option<&str>| {
            let mut term = of_kind(C::KINDS[0]);
            term.insert("weight".into(), weight);
            if let Some(reduction) = reduction {
                term.insert("reduction".into(), reduction.into());
            }
            Value::Mapping(Table::from_iter([("one".into(), Value::Mapping(term))]))
        };
        vec![
            Value::Mapping(Table::new()),
            C::KINDS[0].into(),
            Value::Mapping(of_kind(C::KINDS[0])),
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
            term.loss.check_nested(loss, &format!("{field}.{name}"))
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

/// The sum of tensors, each times its weight.
pub(crate) fn sum<const D: usize>(terms: impl Iterator<Item = (f64, Tensor<D>)>) -> Tensor<D> {
    let scaled = terms.map(|(weight, values)| if weight == 1.0 { values } else { values * weight });
    scaled.reduce(|a, b| a + b).expect("at least one term")
}

/// The sum of values, each times its weight. What a value counts in a mean is the mean of what the terms count it, by the size of their
/// weights: terms that count alike keep what they divide by, one term is that term, and a term of weight 0 has no say.
pub(crate) fn sum_unreduced<const D: usize>(terms: impl Iterator<Item = (f64, Unreduced<D>)>) -> Unreduced<D> {
    let (weighted, masses): (Vec<_>, Vec<_>) =
        terms.map(|(weight, Unreduced { values, mass })| ((weight, values), (weight.abs(), mass))).unzip();
    let values = sum(weighted.into_iter());
    if masses.iter().all(|(_, mass)| mass.is_none()) {
        return values.into();
    }
    let total: f64 = masses.iter().map(|(weight, _)| weight).sum();
    let share = |weight: f64| if total > 0.0 { weight / total } else { 1.0 / masses.len() as f64 };
    let ones = values.ones_like().detach();
    let counted = masses.iter().map(|(weight, mass)| (share(*weight), mass.clone().unwrap_or_else(|| ones.clone())));
    let mass = sum(counted).detach();
    Unreduced { values, mass: Some(mass) }
}

/// What a config says about `field`, or the loss inside it, or the first of those.
pub(crate) fn said<C: serde::Serialize>(config: &C, field: &str) -> Option<Value> {
    fn find(value: &Value, field: &str) -> Option<Value> {
        let inner = || value.get("loss").or_else(|| Some(value.get("terms")?.as_mapping()?.iter().next()?.1));
        value.get(field).cloned().or_else(|| find(inner()?, field))
    }
    find(&serde_yaml_ng::to_value(config).ok()?, field)
}
