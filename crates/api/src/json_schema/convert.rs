//! A structural schema of a definition as a JSON Schema.

use serde_json::{Map, Value, json};

use super::rules;

/// The JSON Schema that takes what this structural schema takes under strict validation.
pub(super) fn convert(structural: &Value) -> Value {
    let Some(members) = structural.as_object() else { return structural.clone() };
    let mut schema = Map::new();
    for (name, member) in members {
        match name.as_str() {
            "properties" => {
                let properties = member.as_object().into_iter().flatten();
                let properties: Map<_, _> = properties.map(|(name, member)| (name.clone(), convert(member))).collect();
                schema.insert(name.clone(), properties.into());
            }
            "items" | "additionalProperties" => {
                schema.insert(name.clone(), convert(member));
            }
            "x-kubernetes-int-or-string" => {
                schema.insert("type".to_owned(), json!(["integer", "string"]));
            }
            "x-kubernetes-list-type" if member == "set" => {
                schema.insert("uniqueItems".to_owned(), true.into());
            }
            "x-kubernetes-validations" => {
                let stated = member.as_array().into_iter().flatten().filter_map(rules::to_schema);
                let stated: Vec<Value> = stated.collect();
                if !stated.is_empty() {
                    schema.insert("allOf".to_owned(), stated.into());
                }
            }
            // Widths of numbers, which JSON Schema does not know.
            "format" if member == "int32" || member == "int64" => {}
            name if name.starts_with("x-kubernetes-") => {}
            _ => {
                schema.insert(name.clone(), member.clone());
            }
        }
    }
    if is_closed(members) {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    schema.into()
}

/// Whether the API server refuses fields that the schema does not name.
fn is_closed(structural: &Map<String, Value>) -> bool {
    structural.get("type").is_some_and(|it| it == "object")
        && !structural.contains_key("additionalProperties")
        && !structural.contains_key("x-kubernetes-preserve-unknown-fields")
}
