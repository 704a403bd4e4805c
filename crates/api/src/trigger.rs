//! `spec.trigger` of a run: what started it, where that was no person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How deep runs may start runs: so many are above the deepest.
pub const MAX_DEPTH: usize = 8;

/// What started a run that no person asked for by itself: one of the kinds of trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Trigger {
    /// The run of which a step started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentRun>,
}

/// The run of which a step started this one, and that step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ParentRun {
    /// The parent's name, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The parent's UID.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
    /// The step of the parent that started this run.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// The idempotency key of that step. The parent takes a run for its child only where this and the UID are its own.
    #[schemars(length(min = 1, max = 64))]
    pub key: String,
    /// The pipelines of the runs above this one, the outermost first; the last is the parent's. None of them is started
    /// again below, and there are 8 at most.
    #[schemars(length(min = 1, max = MAX_DEPTH), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub pipelines: Vec<String>,
}
