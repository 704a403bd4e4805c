//! What several kinds and step types share.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Names an object of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct LocalReference {
    /// The object's name, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Names one key of a Secret of the same namespace. It is read as the run's service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct SecretKeyReference {
    /// The Secret's name, in the same namespace. It is read as the run's service account.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret's `data`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Each has either a `value` or a `valueFrom`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.value) != has(self.valueFrom)", "message": "set either value or valueFrom"}]))]
pub struct HttpHeader {
    /// The header's name, such as `Authorization`.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"))]
    pub name: String,
    /// The header's value; may contain `${{ }}`. It is seen by everybody who may read the pipeline: put secrets into
    /// `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
    /// Takes the value from a Secret. It is sent to the request's own host only, never to where that redirects, and
    /// never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<HeaderSource>,
}

/// Where a header's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct HeaderSource {
    /// The Secret, and the key in it.
    pub secret_key_ref: SecretKeyReference,
    /// Text before the secret, such as `Bearer ` with its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub prefix: Option<String>,
}

/// Whether a member need not be written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Every field but these keeps its first value. One rule a field, so that a refusal names it.
pub(crate) fn immutable(schema: &mut Schema, but_for: &[&str], message: &str) {
    let Some(properties) = schema.get("properties").and_then(|properties| properties.as_object()) else { return };
    let rules: Vec<_> = properties
        .keys()
        .filter(|field| !but_for.contains(&field.as_str()))
        .map(|field| {
            json!({
                "rule": format!(
                    "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
                ),
                "message": message,
                "fieldPath": format!(".{field}"),
            })
        })
        .collect();
    schema.insert("x-kubernetes-validations".to_owned(), rules.into());
}
