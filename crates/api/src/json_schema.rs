//! The JSON Schemas for editors, made from the definitions.
//!
//! They say what the API server says, so far as a schema can: unknown fields are refused, and rules over which members are
//! set become `oneOf`, `required` and `not`. What only expressions can say (transitions, unique names) is left out. No
//! manifest is refused that the API server takes: an optional field may be without a value (`method:`).
//!
//! Draft 7, which the YAML language server reads. Each schema stands alone: no reference leaves its file.

mod convert;
mod metadata;
mod rules;
mod share;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value, json};

use crate::names::{GROUP, VERSION};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Every schema with the file it is kept in: the one for all kinds, and one for each in the layout of the public catalogs
/// of such schemas.
pub fn files() -> Vec<(String, Value)> {
    let mut files = vec![("sluice.json".to_owned(), all())];
    for crd in crate::crds() {
        let kind = crd.spec.names.kind.to_lowercase();
        files.push((format!("{GROUP}/{kind}_{VERSION}.json"), alone(&crd)));
    }
    files
}

/// The schema of one kind, by its name, plural or a short name, whatever the case.
pub fn of(kind: &str) -> Option<Value> {
    let wanted = kind.to_lowercase();
    let crds = crate::crds();
    let mut crds = crds.iter();
    let is_wanted = |crd: &&CustomResourceDefinition| {
        let names = &crd.spec.names;
        let short = names.short_names.iter().flatten();
        names.kind.to_lowercase() == wanted || names.plural == wanted || short.into_iter().any(|name| *name == wanted)
    };
    crds.find(is_wanted).map(alone)
}

/// The schema that takes any of our kinds. Objects of other groups it leaves alone: a file often has both.
pub fn all() -> Value {
    let mut definitions = Map::new();
    let mut kinds = Vec::new();
    for crd in crate::crds() {
        let kind = crd.spec.names.kind.clone();
        let schema = body(&crd, &mut definitions);
        definitions.insert(kind.clone(), schema);
        kinds.push(kind);
    }
    let choices: Vec<Value> = kinds.iter().map(|kind| choice(kind)).collect();
    let text = |description: &str, examples: Value| json!({"type": "string", "description": description, "examples": examples});
    json!({
        "$schema": DRAFT,
        "title": "Sluice",
        "description": "Any object of Sluice. Objects of other API groups are left alone.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": text("The group and version of the object.", json!([api_version()])),
            "kind": text("The kind of the object.", json!(kinds)),
        },
        "if": {"properties": {"apiVersion": {"pattern": format!("^{}/", GROUP.replace('.', "\\."))}}},
        "then": {"properties": {"kind": {"enum": kinds}}, "allOf": choices},
        "definitions": definitions,
    })
}

/// A schema as it is kept: members sorted, whatever else is built with it.
pub fn to_text(schema: &Value) -> serde_json::Result<String> {
    let mut sorted = schema.clone();
    sorted.sort_all_objects();
    serde_json::to_string_pretty(&sorted).map(|text| text + "\n")
}

fn choice(kind: &str) -> Value {
    json!({
        "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
        "then": {"$ref": format!("#/definitions/{kind}")},
    })
}

fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

fn alone(crd: &CustomResourceDefinition) -> Value {
    let mut definitions = Map::new();
    let mut schema = body(crd, &mut definitions);
    schema["$schema"] = DRAFT.into();
    schema["definitions"] = definitions.into();
    schema
}

/// The schema of a kind; what it contains more than once goes to the definitions.
fn body(crd: &CustomResourceDefinition, definitions: &mut Map<String, Value>) -> Value {
    let kind = &crd.spec.names.kind;
    let served = crd.spec.versions.iter().find(|version| version.name == VERSION);
    let structural = served.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    // A definition always has a schema that is JSON.
    let structural = serde_json::to_value(structural).unwrap_or_default();
    let mut schema = convert::convert(&structural);
    share::share(&mut schema, kind, definitions);
    schema["title"] = kind.as_str().into();
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema["properties"]["apiVersion"] =
        json!({"description": "The group and version of the object.", "type": "string", "const": api_version()});
    schema["properties"]["kind"] = json!({"description": "The kind of the object.", "type": "string", "const": kind});
    schema["properties"]["metadata"] = metadata::schema();
    // One that is no object is dropped without a look.
    if let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
        status.remove("type");
    }
    schema
}
