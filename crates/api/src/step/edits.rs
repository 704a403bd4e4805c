//! File edits: what the step types that commit have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::step::any_value;

/// Each names a file and what to set in it. Several edits of one file are made in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct FileEdit {
    /// The file, as a path from the repository's root, such as `staging/web.yaml`; may contain `${{ }}`. It is a YAML
    /// or JSON file that exists, and the path may not leave the repository.
    #[schemars(length(min = 1, max = 1024))]
    pub file: String,
    /// Replaces one value in place. Every other byte of the file stays as it is: comments, quotes, order and
    /// indentation.
    pub set: SetValue,
}

/// A value to replace, and its new value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct SetValue {
    /// Where the value stands, as keys from the top: `image.tag`, `images[name=web].newTag` (the list's entry with that
    /// member), `spec.containers[0].image` (by position), `data["a.b"]` (a key with dots). In a file of several documents
    /// that have such a value, the path begins with what picks one, as in
    /// `[kind=Deployment,metadata.name=web].spec.replicas`. May contain `${{ }}`.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// The new value: text, a number or a bool; may contain `${{ }}`. The way the old value is quoted is kept, and text
    /// that would read as another type is quoted: `"1.10"`.
    #[schemars(transform = any_value)]
    pub value: Value,
    /// Whether the last key of the path is added when it is missing; `false` unless set: then a missing key is an
    /// error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
}
