//! The JSON Schema of one loss.

use crate::config::{Describe, Field};
use crate::reduction::schema::MostReductions;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Map;

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
