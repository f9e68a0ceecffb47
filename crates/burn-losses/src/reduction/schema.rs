//! The JSON Schema of a reduction, where not every one is allowed.

use super::Reduction;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;

/// Allows only the reduction `mean` in the schema of a loss inside another one, which reduces nothing.
pub(crate) fn without_reduction(schema: &mut Schema) {
    let loss = schema.clone();
    *schema = json_schema!({ "allOf": [loss, { "properties": { "reduction": { "const": Reduction::Mean } } }] });
}

/// [`Reduction`] where `positives` has no meaning.
pub(crate) struct MostReductions;

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
