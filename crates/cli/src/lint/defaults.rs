//! An object as the API server sees it before it judges it: defaults filled in, nulls that mean nothing taken out.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

/// Fills in the defaults of a schema. A null counts as left out, except in a list.
pub(super) fn fill(schema: &JSONSchemaProps, value: &mut Value) {
    match value {
        Value::Object(members) => {
            let additional = match &schema.additional_properties {
                Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(schema.as_ref()),
                _ => None,
            };
            let properties = schema.properties.as_ref();
            let of = |name: &str| properties.and_then(|properties| properties.get(name)).or(additional);
            members.retain(|name, value| !(value.is_null() && of(name).is_some()));
            for (name, property) in properties.into_iter().flatten() {
                if let Some(default) = &property.default {
                    members.entry(name.clone()).or_insert_with(|| default.0.clone());
                }
            }
            for (name, value) in members {
                if let Some(schema) = of(name) {
                    fill(schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                items.iter_mut().for_each(|item| fill(schema, item));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_come_in_and_nulls_go() {
        let schema: JSONSchemaProps = serde_json::from_value(json!({"type": "object", "properties": {
            "a": {"type": "string", "default": "x"},
            "b": {"type": "object", "additionalProperties": {"type": "string"}},
            "c": {"type": "array", "items": {"type": "object", "properties": {"d": {"type": "integer", "default": 1}}}},
        }}))
        .unwrap();
        let mut value = json!({"a": null, "b": {"y": null}, "c": [{}, null], "unknown": null});
        fill(&schema, &mut value);
        assert_eq!(value, json!({"a": "x", "b": {}, "c": [{"d": 1}, null], "unknown": null}));
    }
}
