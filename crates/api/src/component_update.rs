//! `ComponentUpdate`: a report that there is a new version of a component for an environment.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{LocalReference, common::immutable};

/// What was reported, by whom. A `component` Receiver makes these; nothing in them ever changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "ComponentUpdate",
    namespaced,
    status = "ComponentUpdateStatus",
    shortname = "cu",
    category = "sluice",
    doc = "A report that there is a new version of a component for an environment. The controller records it in the status of the \
           Environment and, where the component has `onUpdate`, starts a run of the same name that deploys it.",
    selectable = ".spec.environment",
    selectable = ".spec.component",
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Component", type_ = "string", json_path = ".spec.component"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Sequence", type_ = "integer", json_path = ".spec.sequence"),
    printcolumn(name = "Recorded", type_ = "string", json_path = ".status.conditions[?(@.type==\"Recorded\")].status"),
    printcolumn(name = "Deployed", type_ = "string", json_path = ".status.conditions[?(@.type==\"Deployed\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[-1:].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = never_changes)]
pub struct ComponentUpdateSpec {
    /// The Environment, of the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub environment: String,
    /// The component, as the Environment's `components` has it.
    #[schemars(length(min = 1, max = 253))]
    pub component: String,
    /// The new version. Either this or `sha` is there, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub version: Option<String>,
    /// The commit of the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub sha: Option<String>,
    /// The place of the report among those of the component in this environment. A higher one is newer, and one that is not higher
    /// never replaces what is recorded.
    #[schemars(range(min = 0))]
    pub sequence: i64,
    /// What tells the report from every other one of its sender. The same report again changes nothing.
    #[schemars(length(min = 1, max = 253))]
    pub id: String,
    /// Who made the new version, as the sender says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub by: Option<String>,
    /// The Receiver that took the report; absent where somebody made this object by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver_ref: Option<LocalReference>,
}

/// What became of the report. Only the controller writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentUpdateStatus {
    /// `Recorded`: whether the Environment's status knows of it; with the reason `Superseded` one of a higher sequence had been
    /// recorded before. `Deployed`: whether the run that it started has succeeded; absent where the component has no `onUpdate`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The run that deploys it. It has the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ref: Option<LocalReference>,
}

fn never_changes(schema: &mut Schema) {
    immutable(schema, &[], "a report never changes; send another one, with a new id and a higher sequence");
    let rule = serde_json::json!({"rule": "has(self.version) || has(self.sha)", "message": "say which version it is, or which sha"});
    if let Some(rules) = schema.get_mut("x-kubernetes-validations").and_then(|rules| rules.as_array_mut()) {
        rules.push(rule);
    }
}
