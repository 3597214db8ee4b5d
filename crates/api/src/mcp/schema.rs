//! What a tool takes and gives, as JSON Schema.

use std::sync::Arc;

use rmcp::{
    model::JsonObject,
    schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema},
};
use serde_json::Value;

/// The schema of a type, whole in itself.
pub(super) fn schema_of<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    match schema.to_value() {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

/// What a voter says, as the API takes it.
pub(super) fn choice(_: &mut SchemaGenerator) -> Schema {
    let indexes = |words: &str| {
        json_schema!({
            "type": "array", "description": words, "maxItems": 16,
            "items": { "type": "integer", "minimum": 0, "maximum": 15 },
        })
    };
    json_schema!({
        "description": "\"yes\", \"no\" or \"abstain\"; or the indexes of the options approved of; \
            or, where the rule wants it, points, a ranking or an objection.",
        "anyOf": [
            { "type": "string", "enum": ["yes", "no", "abstain"] },
            indexes("Indexes of the options approved of, from 0"),
            { "type": "object", "additionalProperties": false, "minProperties": 1,
              "maxProperties": 1, "properties": {
                "points": indexes("Points for every option, in their order"),
                "rank": indexes("Indexes of options, the most wanted first"),
                "object": { "type": "string", "description": "Why it must not be" } } },
        ],
    })
}

/// An object that is passed on as the API has it.
pub(super) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// A choice as the API shows it, or none.
pub(super) fn said(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What was said, once seen: a word, indexes of options, or an object.",
        "type": ["string", "array", "object", "null"],
    })
}
