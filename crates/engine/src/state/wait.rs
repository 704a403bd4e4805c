//! What a step waits for.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has to change before a step goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingOn {
    /// What sort of thing is waited for.
    pub kind: WaitKind,
    /// Which one: a URL, `namespace/name`, an expression, or a time.
    #[schemars(length(max = 2048))]
    pub key: String,
    /// Since when it is waited for.
    pub since: Timestamp,
}

/// What sort of thing a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum WaitKind {
    /// A pull request: it has to be merged.
    PullRequest,
    /// An Argo CD Application: it has to be synced and healthy.
    Application,
    /// A Job: it has to end.
    Job,
    /// Another run: it has to end.
    PipelineRun,
    /// A person's decision.
    Approval,
    /// A lock that another run holds.
    Lock,
    /// A person's `Resume`, or the end of the pipeline's suspension.
    Resume,
    /// A point in time.
    Time,
    /// An expression: it has to become true.
    Condition,
}

/// What a step will wait for, known before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitTarget {
    /// What sort of thing it is.
    pub kind: WaitKind,
    /// Which one.
    pub key: String,
}
