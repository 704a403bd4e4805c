//! An object with what is wrong in it replaced by something of the right shape, so that the rest can be checked, too.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Map, Value, json};

use super::path;

/// Replaces what stands at these paths, takes out what is not known there, and adds what has to be there.
pub(super) fn mend(schema: &JSONSchemaProps, value: &mut Value, wrong: &[String]) {
    at(schema, value, "", wrong);
}

fn at(schema: &JSONSchemaProps, value: &mut Value, path: &str, wrong: &[String]) {
    if wrong.iter().any(|wrong| wrong == path) {
        *value = sample(schema);
        return;
    }
    match value {
        Value::Object(members) => {
            add_required(schema, members);
            let is_known = |name: &String| {
                schema.properties.as_ref().is_some_and(|it| it.contains_key(name))
                    || schema.additional_properties.is_some()
            };
            members.retain(|name, _| is_known(name) || !wrong.contains(&path::member(path, name)));
            for (name, member) in members.iter_mut() {
                let of_member = schema.properties.as_ref().and_then(|properties| properties.get(name));
                let of_others = match &schema.additional_properties {
                    Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(schema.as_ref()),
                    _ => None,
                };
                if let Some(schema) = of_member.or(of_others) {
                    at(schema, member, &path::member(path, name), wrong);
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                items
                    .iter_mut()
                    .enumerate()
                    .for_each(|(index, item)| at(schema, item, &path::item(path, index), wrong));
            }
        }
        _ => {}
    }
}

fn add_required(schema: &JSONSchemaProps, members: &mut Map<String, Value>) {
    for name in schema.required.iter().flatten() {
        let of_member = schema.properties.as_ref().and_then(|properties| properties.get(name));
        if let Some(schema) = of_member.filter(|_| !members.contains_key(name)) {
            members.insert(name.clone(), sample(schema));
        }
    }
}

/// Something that the schema takes, as far as its shape goes.
fn sample(schema: &JSONSchemaProps) -> Value {
    if let Some(first) = schema.enum_.as_ref().and_then(|values| values.first()) {
        return first.0.clone();
    }
    match schema.type_.as_deref() {
        Some("object") => {
            let mut members = Map::new();
            add_required(schema, &mut members);
            Value::Object(members)
        }
        Some("array") => json!([]),
        Some("integer" | "number") => schema.minimum.map_or(json!(1), |minimum| json!(minimum.ceil() as i64)),
        Some("boolean") => json!(false),
        _ if schema.pattern.as_deref() == Some(sluice_api::Duration::PATTERN) => json!("1s"),
        _ => json!("a"),
    }
}
