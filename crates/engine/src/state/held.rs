//! What keeps a run from going on: a pause, its pipeline's suspension, a lock, an approval that is missing.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person's pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Paused {
    /// Who paused the run.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// The suspension of the run's pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Suspended {
    /// Why, as the pipeline says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Since when the run knows.
    pub since: Timestamp,
}

/// A run's place among those that share a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Lock {
    /// The lock's group. Of the runs with the same group in the namespace one goes on at a time.
    pub group: String,
    /// Since when the run is in the queue. Who came first is first; of two at the same time the one with the lower UID.
    pub since: Timestamp,
    /// How many runs of the queue, with the one that holds the lock, are before this one; 0 when this one holds it. Written
    /// at most every 10 seconds.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub position: i32,
    /// The run that holds the lock, while this one waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

impl Lock {
    /// Whether the run has it.
    pub fn is_held(&self) -> bool {
        self.position == 0
    }
}

/// The approval of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Approval {
    /// How many people have to approve this attempt of the stage.
    #[schemars(range(min = 1))]
    pub required: i32,
    /// Since when this attempt waits, or has waited, for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Who has approved this attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub by: Vec<Approver>,
}

/// One of those who approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Approver {
    /// Their user name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Why, or what they checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Approval {
    /// An approval by so many, that nobody has given yet.
    pub(crate) fn by(required: i32) -> Self {
        Self { required: required.max(1), since: None, by: Vec::new() }
    }

    /// It is asked for anew.
    pub(crate) fn renew(&mut self) {
        self.since = None;
        self.by.clear();
    }

    /// The same for one of many: why people approved is said once.
    pub(crate) fn without_reasons(&self) -> Self {
        let by = self.by.iter().map(|approver| Approver { reason: None, ..approver.clone() });
        Self { by: by.collect(), ..self.clone() }
    }

    /// How many are still missing.
    pub fn missing(&self) -> usize {
        usize::try_from(self.required).unwrap_or(1).saturating_sub(self.by.len())
    }
}

/// What a person needs the right to before an action on a stage is accepted: the API server asks its authorizer about this
/// object, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Guard {
    /// `stages`, `environments` or `pipelines`, of the API group `sluice.dev`.
    #[schemars(length(min = 1, max = 63))]
    pub resource: String,
    /// The object's name, in the run's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
