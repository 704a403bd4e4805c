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
                let of = |(name, member): (&String, &Value)| (name.clone(), property(members, name, convert(member)));
                schema.insert(name.clone(), properties.map(of).collect::<Map<_, _>>().into());
            }
            "items" => {
                schema.insert(name.clone(), convert(member));
            }
            "additionalProperties" => {
                schema.insert(name.clone(), or_null(convert(member)));
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

/// The schema of a field: one without a value (`method:`) is none to the API server.
fn property(structural: &Map<String, Value>, name: &str, schema: Value) -> Value {
    let mut required = structural.get("required").and_then(Value::as_array).into_iter().flatten();
    if required.any(|required| required == name) { schema } else { or_null(schema) }
}

/// The schema that takes null, too.
pub(super) fn or_null(mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else { return schema };
    match members.get_mut("type") {
        Some(Value::Array(types)) => types.push("null".into()),
        Some(one) => *one = json!([one, "null"]),
        // Anything.
        None => {}
    }
    if let Some(words) = members.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    // What rules say of members holds for objects only, but `oneOf` would count null twice.
    for rule in members.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        *rule = json!({"if": {"type": "object"}, "then": rule});
    }
    schema
}

/// Whether the API server refuses fields that the schema does not name.
fn is_closed(structural: &Map<String, Value>) -> bool {
    structural.get("type").is_some_and(|it| it == "object")
        && !structural.contains_key("additionalProperties")
        && !structural.contains_key("x-kubernetes-preserve-unknown-fields")
}
