//! File edits: what the step types that commit have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::step::any_value;

/// One change to one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct FileEdit {
    /// The file, from the repository's root; YAML or JSON; may contain `${{ }}`. It may not leave the repository.
    #[schemars(length(min = 1, max = 1024))]
    pub file: String,
    /// Replaces one value in place; every other byte of the file stays as it is.
    pub set: SetValue,
}

/// A value to replace, and its new value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct SetValue {
    /// Where the value stands: `image.tag`, `images[name=web].newTag`, `spec.containers[0].image`, `data["a.b"]`.
    /// In a file of several documents, `[kind=Deployment,metadata.name=web]` before the path picks one.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// The new value: text, a number or a bool; may contain `${{ }}`. Text that would read as another type is quoted.
    #[schemars(transform = any_value)]
    pub value: Value,
    /// Whether a missing last key is added; otherwise it is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
}
