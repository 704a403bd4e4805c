//! Good builds: the last run of a pipeline, or of one of its stages, that went well, and which one a run takes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{LocalReference, common::is_default};

/// Another pipeline whose last good run, its last good build, the runs of this one start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Source {
    /// The name: a lower-case letter, then letters and digits; unique among the sources. Expressions read
    /// `sources.NAME.outputs` and `sources.NAME.run.name`.
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub name: String,
    /// The pipeline whose runs count, in the same namespace. It cannot be this one.
    pub pipeline_ref: LocalReference,
    /// A stage of that pipeline. A run counts once the stage has succeeded, whatever becomes of the rest of the run, and
    /// `sources.NAME.outputs` has the outputs of the stage's steps, such as `sources.NAME.outputs.STEP.OUTPUT`. Unless set, a run
    /// counts once it has succeeded as a whole, and `sources.NAME.outputs` has its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub stage: Option<String>,
    /// Whether each good run of that pipeline starts a run of this one; `false` unless set. Otherwise it is only taken by runs
    /// that something else starts. While this pipeline is suspended, and where its first stage has to be approved, nothing is
    /// started.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: bool,
}

/// Takes an older good run for a source than the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct FromSource {
    /// The name of the source, as the pipeline's `sources` has it.
    #[schemars(length(min = 1, max = 63))]
    pub source: String,
    /// The run to take, in the same namespace: a good run of the source's pipeline.
    pub run_ref: LocalReference,
}

impl FromSource {
    /// Takes this run for this source.
    pub fn new(source: &str, run: &str) -> Self {
        Self { source: source.to_owned(), run_ref: LocalReference { name: run.to_owned() } }
    }
}

impl From<&PinnedSource> for FromSource {
    fn from(pinned: &PinnedSource) -> Self {
        Self::new(&pinned.name, &pinned.run.name)
    }
}

/// Each is the good run that this run has taken for a source of its pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct PinnedSource {
    /// The name of the source.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The run that was taken.
    pub run: RunName,
    /// The outputs of that run, or of the source's stage, as they were then. Expressions read `sources.NAME.outputs`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub outputs: Map<String, Value>,
}

/// The name and the UID of a run: another one that is given the name later is another run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct RunName {
    /// The run's name, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The run's UID.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// Each is the last run in which the pipeline, or one of its stages, went well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct GoodRun {
    /// The stage; absent where the run has succeeded as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub stage: Option<String>,
    /// The run. It may have been deleted since.
    pub run: RunName,
    /// When the stage, or the run, ended.
    pub at: Timestamp,
    /// The outputs of the run, or of the stage's steps by step. Absent where they are too large to be kept here: over 8 KiB, or
    /// 128 KiB of all entries together. Then they are read from the run, which history limits do not delete as long as it is the
    /// last good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub outputs: Option<Map<String, Value>>,
}
