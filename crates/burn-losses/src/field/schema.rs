//! JSON Schemas of fields and of tables: what the schemas of all configs are made of.

use super::{FieldType, Range};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// The schema of a file that holds a `T`, in draft 7, which every editor knows.
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

/// The schema of the values of a field of type `T`.
pub(crate) fn values<T: FieldType>(range: Range, generator: &mut SchemaGenerator) -> Schema {
    // A narrowed schema belongs to one field; all others are written once.
    let mut schema = match range {
        Range::Finite => generator.subschema_for::<T>(),
        _ => T::json_schema(generator),
    };
    T::narrow(&mut schema, range);
    schema
}

/// Narrows a schema: every number is within a range, and no list is empty.
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

/// Narrows the numbers under one key to a range, in whatever table that key is.
pub(crate) fn key_within(key: &'static str, range: Range) -> impl Transform {
    RecursiveTransform(move |schema: &mut Schema| {
        let values = schema.get_mut("properties").and_then(|properties| properties.get_mut(key));
        if let Some(Ok(values)) = values.map(<&mut Schema>::try_from) {
            within(range).transform(values);
        }
    })
}

/// A table, or a number alone.
pub(crate) fn or_number(range: Range) -> impl Transform {
    move |schema: &mut Schema| {
        let mut table = schema.clone();
        let description = table.remove("description").unwrap_or_default();
        let mut number = json_schema!({ "type": "number" });
        number.ensure_object().extend(bounds(range));
        *schema = json_schema!({ "description": description, "anyOf": [table, number] });
    }
}

/// A table, or a word alone.
pub(crate) fn or_word(word: &'static str) -> impl Transform {
    move |schema: &mut Schema| {
        let mut table = schema.clone();
        let description = table.remove("description").unwrap_or_default();
        *schema = json_schema!({ "description": description, "anyOf": [table, { "const": word }] });
    }
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
        Range::Odd(low) => vec![(least, low)],
    };
    let mut bounds: Map<_, _> = bounds.into_iter().map(|(key, bound)| (key.to_owned(), bound.into())).collect();
    if matches!(range, Range::Odd(_)) {
        // As a float: some validators cannot divide a fraction by an integer.
        bounds.insert("not".into(), json!({ "multipleOf": 2.0 }));
    }
    bounds
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
    // The names are repeated for all tables together, so that a validator lists them, and not only says that none of many tables
    // fits.
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
