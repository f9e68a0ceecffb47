//! The JSON Schema of one loss, and of a family.

use crate::config::{About, Describe, FamilyConfig, LossInfo};
use crate::field::schema::{one_of, tagged};
use crate::reduction::schema::MostReductions;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Map;

/// The table of a loss, without the keys that tell losses apart.
pub(crate) fn table(example: &dyn Describe, generator: &mut SchemaGenerator) -> Schema {
    let About { family, kind, summary, .. } = *example.about();
    let mut values = Vec::new();
    example.visit(&mut |info, field| values.push(field.schema(info.range, generator)));
    let fields = LossInfo::from_example(example, &[]).fields;
    let required: Vec<_> = fields.iter().filter(|field| field.default.is_none()).map(|field| field.name).collect();
    let mut properties = Map::new();
    for (field, mut schema) in fields.into_iter().zip(values) {
        if field.name == "reduction" && field.refused.contains(&"positives".into()) {
            schema = generator.subschema_for::<MostReductions>();
        }
        schema.insert("description".into(), field.summary.into());
        // TOML has no null, and a missing value needs no completion.
        let default = field.default.and_then(|default| serde_json::to_value(default).ok());
        if let Some(default) = default.filter(|default| !default.is_null()) {
            schema.insert("default".into(), default);
        }
        properties.insert(field.name.to_owned(), schema.to_value());
    }
    let mut schema = json_schema!({
        "title": format!("{family}/{kind}"),
        "description": summary,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema
}

/// One of the losses of a family.
pub(crate) fn family<C: FamilyConfig>(generator: &mut SchemaGenerator) -> Schema {
    let losses = (0..).zip(C::NAMES).map(|(at, names)| {
        let names: Vec<_> = [names.kind].into_iter().chain(names.aliases.iter().copied()).collect();
        tagged(table(C::example_at(at).loss(), generator), "kind", &names)
    });
    let losses = losses.collect();
    one_of(&format!("A loss of the family `{}`, told apart by `kind`.", C::FAMILY), losses)
}
