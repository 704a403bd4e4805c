//! What keeps runs of a pipeline from starting, or from running beside each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing of the pipeline starts while this is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Suspend {
    /// Why, for people: it shows in the status of the runs that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}

/// A lock that runs share: one of them goes on at a time. `status.lock` of a run shows its place; a Lease of the namespace
/// with the label `sluice.dev/lock` holds the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Concurrency {
    /// The lock's name; may contain `${{ }}` over `params`, `run`, `pipeline`, `trigger` and `sources`, such as
    /// `web-${{ params.environment }}`. All runs of the namespace with the same group share the lock, of whichever pipeline.
    /// Unless set: the pipeline's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub group: Option<String>,
    /// What a run does while another one holds the lock; `Queue` unless set.
    #[serde(default)]
    pub policy: LockPolicy,
    /// When a run lets the lock go; `WhenFinished` unless set.
    #[serde(default)]
    pub unlock: Unlock,
}

/// What a run does while another one holds its lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LockPolicy {
    /// It waits for its turn: who came first is first.
    #[default]
    Queue,
    /// It ends as `Cancelled`, with the reason `Locked`.
    Forbid,
    /// It goes on beside the other one: there is no lock.
    Parallel,
}

/// When a run lets its lock go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unlock {
    /// When it ends, however it ends. Until then it keeps the lock, also while it waits for approvals.
    #[default]
    WhenFinished,
    /// When it succeeds. A run that fails, is rejected or aborted keeps the lock, until it is done again and succeeds, is
    /// deleted, or somebody with the verb `unlock` on the pipeline asks for `Unlock`.
    OnSuccess,
}
