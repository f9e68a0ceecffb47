//! The JSON Schema of a joint loss.

use super::file::REGULARIZATION;
use super::{JointLossConfig, JointTerm};
use crate::composition::{Balance, Weight};
use crate::field::schema::{add_key, tagged};
use crate::registry::LossConfig;
use crate::regularization::RegularizerConfig;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

impl JsonSchema for JointTerm {
    fn schema_name() -> Cow<'static, str> {
        "JointTerm".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut weight = generator.subschema_for::<Weight>();
        weight.insert("description".into(), "What the value is multiplied by.".into());
        let weight = weight.to_value();
        let mut loss = LossConfig::json_schema(generator);
        // A penalty has no weight of its own here: it has that of its term.
        let mut penalty = tagged(RegularizerConfig::json_schema(generator), "family", &[REGULARIZATION]);
        add_key(&mut loss, "weight", &weight, false);
        add_key(&mut penalty, "weight", &weight, false);
        let given = json_schema!({
            "description": "What the caller computes.",
            "type": "object",
            "properties": { "weight": weight },
            "additionalProperties": false,
        });
        json_schema!({ "anyOf": [loss, penalty, given] })
    }
}

impl JsonSchema for JointLossConfig {
    fn schema_name() -> Cow<'static, str> {
        "JointLossConfig".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (term, balance) = (generator.subschema_for::<JointTerm>(), generator.subschema_for::<Balance>());
        json_schema!({
            "description": "Terms of any families and penalties on parameters, added up with their weights.",
            "type": "object",
            "properties": {
                "terms": { "type": "object", "minProperties": 1, "additionalProperties": term },
                "balance": balance,
            },
            "required": ["terms"],
            "additionalProperties": false,
        })
    }
}
