//! `spec.trigger` of a run: what started it, where that was no person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PinnedSource, RunName};

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
    /// The time of a `cron` trigger that started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Tick>,
    /// The good run of a source with `start: true` that started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStart>,
    /// The ComponentUpdate that started the run, as the `onUpdate` of its component says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_update: Option<UpdateName>,
}

impl Trigger {
    /// The pipelines of the runs above a run that this has started, the outermost first.
    pub fn above(&self) -> &[String] {
        let parent = self.parent.as_ref().map(|parent| &parent.pipelines);
        let above = parent.or(self.source.as_ref().map(|source| &source.pipelines));
        above.map(Vec::as_slice).unwrap_or_default()
    }

    /// The pipelines of the runs above what a run of `pipeline` starts, which this has started itself.
    pub fn below(&self, pipeline: &str) -> Vec<String> {
        self.above().iter().cloned().chain([pipeline.to_owned()]).collect()
    }
}

/// A time of a `cron` trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Tick {
    /// The name of the trigger in the pipeline.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The time of the schedule at which the run was due. It may have started later.
    #[schemars(length(max = 64))]
    pub at: Timestamp,
}

/// A good run of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct SourceRun {
    /// The name of the source in the pipeline.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The run of the source's pipeline that went well.
    pub run: RunName,
}

impl From<&PinnedSource> for SourceRun {
    fn from(PinnedSource { name, run, .. }: &PinnedSource) -> Self {
        Self { name: name.clone(), run: run.clone() }
    }
}

/// The good run of a source that started this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct SourceStart {
    /// The name of the source in the pipeline.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The run of the source's pipeline that went well.
    pub run: RunName,
    /// The pipelines of the runs above this one, the outermost first, whether a step or a good run has started the next one; the last
    /// is the source's. None of them is started again below, and there are 8 at most.
    #[schemars(length(min = 1, max = MAX_DEPTH), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub pipelines: Vec<String>,
}

/// A ComponentUpdate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct UpdateName {
    /// The name of the ComponentUpdate, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its UID.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
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
    /// The pipelines of the runs above this one, the outermost first, whether a step or a good run of a source has started the next
    /// one; the last is the parent's. None of them is started again below, and there are 8 at most.
    #[schemars(length(min = 1, max = MAX_DEPTH), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub pipelines: Vec<String>,
}
