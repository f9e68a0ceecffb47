//! JSON Schema of every config: editors complete config files with it and check them while they are written.
//!
//! [`of_family`] and [`of_any`] are whole files, which lie in the folder `schema` of the repository too; `burn-losses schema`
//! prints them. In a struct of your own the configs are types like any other, since they implement
//! [`schemars::JsonSchema`]:
//!
//! ```
//! use burn_losses::binary::BinaryLossConfig;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Training {
//!     epochs: usize,
//!     loss: BinaryLossConfig,
//! }
//!
//! let schema = schemars::schema_for!(Training);
//! assert_eq!(schema.pointer("/properties/loss/$ref").unwrap(), "#/$defs/BinaryLossConfig");
//! ```
//!
//! # What a schema cannot say
//! It says what is allowed in each field: type, range, words, unknown keys. These need two fields at once, or more than JSON
//! tells, and are errors only when the config is read:
//! - lists with another length than `num_classes` (`class_weights`, `sampler.counts` of heads);
//! - `smooth` with a numerator larger than its denominator;
//! - in `tversky` and `focal_tversky`, a squared `denominator` with weights that are too different;
//! - in `multi_margin`, `divide_by_classes` with the variant of Crammer and Singer;
//! - in heads, a `sample_rate` below 1 together with `chunk_rows` or label smoothing;
//! - a `weighted_sum` whose terms take different arguments;
//! - an integer that is written as `10.0`: in JSON Schema that is one;
//! - NaN and infinities, which TOML and YAML can write and JSON cannot.
//!
//! The other way round, serde reads a table (`label_smoothing`, ..) from the list of its values too, and a schema refuses that.

use crate::composition::JointLossConfig;
use crate::config::{Describe, Field, FieldType, Range};
use crate::error::ConfigError;
use crate::reduction::Reduction;
use crate::registry::{FAMILY_SCHEMAS, LossConfig};
use crate::regularization::RegularizerConfig;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// The schema of a file with a loss of any family, told apart by `family` and `kind`.
pub fn of_any() -> Schema {
    file::<LossConfig>()
}

/// The schema of a file with a loss of this family, told apart by `kind`.
///
/// ```
/// let schema = burn_losses::schema::of_family("binary")?;
/// assert_eq!(schema.get("title").unwrap(), "BinaryLossConfig");
///
/// let error = burn_losses::schema::of_family("bin").unwrap_err();
/// assert!(error.to_string().starts_with("unknown family `bin`, allowed: `regression`, `binary`"));
/// # Ok::<(), burn_losses::ConfigError>(())
/// ```
pub fn of_family(family: &str) -> Result<Schema, ConfigError> {
    let known = FAMILY_SCHEMAS.iter().find(|(name, _)| *name == family);
    known.map(|(_, schema)| schema()).ok_or_else(|| ConfigError::UnknownKind {
        tag: "family",
        family: "",
        given: family.to_owned(),
        allowed: FAMILY_SCHEMAS.iter().map(|(name, _)| *name).collect(),
    })
}

/// Every schema with the name of its file in the folder `schema`: one per family, that of any family, and those of penalties and of
/// joint losses.
pub fn files() -> Vec<(String, Schema)> {
    let name = |name: &str| format!("{name}.schema.json");
    let families = FAMILY_SCHEMAS.iter().map(|(family, schema)| (name(family), schema()));
    let others = [
        (name("loss"), of_any()),
        (name("regularization"), file::<RegularizerConfig>()),
        (name("joint"), file::<JointLossConfig>()),
    ];
    families.chain(others).collect()
}

/// The schema of a file that holds a `T`: of draft 7, which every editor knows.
pub(crate) fn file<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft07();
    settings.transforms.push(Box::new(RestrictFormats::default()));
    settings.into_generator().into_root_schema_for::<File<T>>()
}

/// A file, unlike the tables inside it, may name its schema.
struct File<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for File<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        format!("file of {}", T::schema_id()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        add_key(&mut schema, "$schema", &json!({ "type": "string" }), false);
        schema
    }
}

/// The values of a field of type `T`.
pub(crate) fn values<T: FieldType + JsonSchema>(range: Range, generator: &mut SchemaGenerator) -> Schema {
    // What is narrowed is that field's own; everything else is written once.
    let mut schema = match range {
        Range::Finite => generator.subschema_for::<T>(),
        _ => T::json_schema(generator),
    };
    T::narrow(&mut schema, range);
    schema
}

/// Every number within a range; no list without an item.
pub(crate) fn within(range: Range) -> impl Transform {
    let bounds = bounds(range);
    RecursiveTransform(move |schema: &mut Schema| {
        let is = |name: &str| match schema.get("type") {
            Some(Value::Array(names)) => names.iter().any(|other| other == name),
            other => other.is_some_and(|other| other == name),
        };
        let (is_number, is_list) = (is("number") || is("integer"), is("array"));
        if is_number {
            schema.ensure_object().extend(bounds.clone());
        }
        if is_list {
            schema.insert("minItems".into(), 1.into());
        }
    })
}

/// The numbers under one key within a range, in whatever table that key is.
pub(crate) fn key_within(key: &'static str, range: Range) -> impl Transform {
    RecursiveTransform(move |schema: &mut Schema| {
        let values = schema.get_mut("properties").and_then(|properties| properties.get_mut(key));
        if let Some(Ok(values)) = values.map(<&mut Schema>::try_from) {
            within(range).transform(values);
        }
    })
}

fn bounds(range: Range) -> Map<String, Value> {
    let (above, least, below, most) = ("exclusiveMinimum", "minimum", "exclusiveMaximum", "maximum");
    let bounds = match range {
        Range::Finite => vec![],
        Range::Greater(low) => vec![(above, low)],
        Range::AtLeast(low) => vec![(least, low)],
        Range::Less(high) => vec![(below, high)],
        Range::Open(low, high) => vec![(above, low), (below, high)],
        Range::Closed(low, high) => vec![(least, low), (most, high)],
        Range::HalfOpenLow(low, high) => vec![(above, low), (most, high)],
        Range::HalfOpen(low, high) => vec![(least, low), (below, high)],
    };
    bounds.into_iter().map(|(key, bound)| (key.to_owned(), bound.into())).collect()
}

/// A loss inside another one reduces nothing.
pub(crate) fn without_reduction(schema: &mut Schema) {
    let loss = schema.clone();
    *schema = json_schema!({ "allOf": [loss, { "properties": { "reduction": { "const": Reduction::Mean } } }] });
}

/// The table of a loss, without the keys that tell losses apart; `values` are those of its fields, in their order.
pub(crate) fn table<C: Describe>(values: Vec<Schema>, generator: &mut SchemaGenerator) -> Schema {
    let property = |(field, mut schema): (Field, Schema)| {
        if field.name == "reduction" && field.refused.contains(&"positives".into()) {
            schema = generator.subschema_for::<MostReductions>();
        }
        schema.insert("description".into(), field.summary.into());
        // No value is none in TOML, and needs no completion.
        if let Some(default) = serde_json::to_value(field.default).ok().filter(|default| !default.is_null()) {
            schema.insert("default".into(), default);
        }
        (field.name.to_owned(), schema.to_value())
    };
    let properties: Map<_, _> = C::fields().into_iter().zip(values).map(property).collect();
    json_schema!({
        "title": format!("{}/{}", C::FAMILY, C::KIND),
        "description": C::SUMMARY,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// [`Reduction`] where `positives` has no meaning.
struct MostReductions;

impl JsonSchema for MostReductions {
    fn schema_name() -> Cow<'static, str> {
        "MostReductions".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Reduction::json_schema(generator);
        if let Some(Value::Array(words)) = schema.get_mut("oneOf") {
            words.retain(|word| word["const"] != "positives");
        }
        schema
    }
}

/// A table with the key `tag`, which has one of `names`.
pub(crate) fn tagged(mut schema: Schema, tag: &str, names: &[&str]) -> Schema {
    add_key(&mut schema, tag, &json!({ "enum": names }), true);
    schema
}

/// Adds a key to a table, or to each of the tables that it may be.
pub(crate) fn add_key(schema: &mut Schema, key: &str, values: &Value, required: bool) {
    if let Some(Value::Array(tables)) = schema.get_mut("oneOf") {
        tables.iter_mut().flat_map(<&mut Schema>::try_from).for_each(|table| add_key(table, key, values, required));
        return;
    }
    let object = schema.ensure_object();
    object.entry("properties").or_insert_with(|| json!({}))[key] = values.clone();
    if required && let Value::Array(keys) = object.entry("required").or_insert_with(|| json!([])) {
        keys.push(key.into());
    }
}

/// One of several tables that are told apart by their tags, or of the tables that these may be.
pub(crate) fn one_of(description: &str, tables: Vec<Schema>) -> Schema {
    let flat = |table: Schema| match table.get("oneOf") {
        Some(Value::Array(tables)) => tables.clone(),
        _ => vec![table.to_value()],
    };
    let tables: Vec<Value> = tables.into_iter().flat_map(flat).collect();
    // Said once more of all together: so a validator names what there is, not only that none of many tables fits.
    let tags = ["family", "kind"].into_iter().filter_map(|tag| {
        let names = tables.iter().filter_map(|table| table["properties"][tag]["enum"].as_array());
        let names: BTreeSet<_> = names.flatten().filter_map(Value::as_str).collect();
        (!names.is_empty()).then(|| (tag.to_owned(), json!({ "enum": names })))
    });
    let tags: Map<_, _> = tags.collect();
    let required: Vec<_> = tags.keys().cloned().collect();
    json_schema!({
        "description": description,
        "type": "object",
        "properties": tags,
        "required": required,
        "oneOf": tables,
    })
}
