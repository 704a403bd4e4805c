//! `resource`: reads Kubernetes objects.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::step::{BareExpression, StepType};

/// Reads one Kubernetes object by name, or several by label, as the run's service account: the actual state.
///
/// Outputs: `object` (null when it does not exist) or `items` with a label selector, both without managed fields; or
/// what `outputs` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.name) != has(self.labelSelector)", "message": "set either name or labelSelector"}]))]
pub struct Resource {
    /// The group and version, such as `apps/v1`, or `v1` for the core group.
    #[schemars(length(min = 1, max = 253))]
    pub api_version: String,
    /// The kind, such as `Deployment`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// The namespace; the run's own unless set; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub namespace: Option<String>,
    /// The name of the one object to read; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub name: Option<String>,
    /// Instead of a name: picks the objects with these labels, such as `app=web,tier!=cache`; may contain `${{ }}`. 100
    /// objects at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub label_selector: Option<String>,
    /// The outputs by name, each a CEL expression over `object` or `items`, such as `ready:
    /// object.status.readyReplicas`. They become the outputs instead of the whole object, which may be more than the 16
    /// KiB that a step can keep.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "minLength": 1, "maxLength": 4096}))]
    pub outputs: BTreeMap<String, String>,
}

impl Resource {
    /// The one output when no others are asked for: `object`, or `items` with a label selector.
    pub fn whole(&self) -> &'static str {
        if self.label_selector.is_some() { "items" } else { "object" }
    }
}

impl StepType for Resource {
    fn nature(&self) -> Nature {
        Nature::Reads
    }

    fn outputs(&self) -> Type {
        if self.outputs.is_empty() {
            return Type::object([(self.whole(), Type::Any)]);
        }
        Type::object(self.outputs.keys().map(|name| (name.clone(), Type::Any)))
    }

    fn expressions(&self) -> Vec<BareExpression<'_>> {
        let outputs = self.outputs.iter();
        outputs
            .map(|(name, source)| BareExpression {
                path: format!("outputs.{name}"),
                source,
                extra: vec![(self.whole().to_owned(), Type::Any)],
                expected: Type::Any,
            })
            .collect()
    }
}
