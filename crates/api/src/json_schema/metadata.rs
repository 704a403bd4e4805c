//! `metadata`, which every object of Kubernetes has.

use serde_json::{Map, Value, json};

use super::{convert::or_null, rules::has};

/// What the API server sets and people do not write; it is in what `kubectl get -o yaml` prints.
const SET_BY_THE_SERVER: &[(&str, &str)] = &[
    ("creationTimestamp", "string"),
    ("deletionGracePeriodSeconds", "integer"),
    ("deletionTimestamp", "string"),
    ("generation", "integer"),
    ("managedFields", "array"),
    ("ownerReferences", "array"),
    ("resourceVersion", "string"),
    ("selfLink", "string"),
    ("uid", "string"),
];

/// The schema of `metadata`, for a namespaced object.
pub(super) fn schema() -> Value {
    let mut properties = json!({
        "name": {
            "description": "The name; unique among the objects of this kind in the namespace.",
            "type": "string",
            "minLength": 1,
            "maxLength": 253,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        },
        "generateName": {
            "description": "Instead of a name: the server appends a few letters, so that `kubectl create` makes another object each time.",
            "type": "string",
            "minLength": 1,
            "maxLength": 253,
        },
        "namespace": {
            "description": "The namespace; the one of the request unless set.",
            "type": "string",
            "minLength": 1,
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        },
        "labels": {
            "description": "Short texts to select objects by.",
            "type": "object",
            "additionalProperties": {"type": ["string", "null"], "maxLength": 63},
        },
        "annotations": {
            "description": "Texts for tools and people.",
            "type": "object",
            "additionalProperties": {"type": ["string", "null"]},
        },
        "finalizers": {
            "description": "Who has to let go of the object before it is deleted.",
            "type": "array",
            "items": {"type": "string"},
        },
    });
    let server: Map<String, Value> =
        SET_BY_THE_SERVER.iter().map(|(name, r#type)| ((*name).to_owned(), json!({"type": r#type}))).collect();
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(server);
        properties.values_mut().for_each(|property| *property = or_null(property.take()));
    }
    json!({
        "description": "Who the object is.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "anyOf": [has("name"), has("generateName")],
    })
}
