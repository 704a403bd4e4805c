//! What people ask of a run, and what became of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry asks for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct RunAction {
    /// What is asked for.
    pub r#type: ActionType,
    /// Who asks: the user name of whoever appends the entry, as the API server knows it (`kubectl auth whoami`).
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The stage that is meant. `Approve`, `Reject` and `Skip` need it; `Retry` may name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub stage: Option<String>,
    /// The item of the stage's `forEach` that is meant, as `status.stages[].item` has it; all of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub item: Option<String>,
    /// The step of the stage that is meant: `Skip` passes it alone, `Retry` begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub step: Option<String>,
    /// The attempt of the stage that an `Approve` or `Reject` is about, as `status.stages[].attempt` has it. An entry for
    /// another attempt than the one that waits is refused. Unless set, it is about the attempt that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub attempt: Option<i32>,
}

/// What a person may ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ActionType {
    /// The stage that awaits an approval may start, as far as this person is concerned.
    Approve,
    /// The stage that awaits an approval fails, and the run with it.
    Reject,
    /// The run ends now: what is under way is ended, the effects of steps are taken back unless they say
    /// `onAbort: Keep`, and the Abortion hooks run.
    Abort,
    /// Nothing new starts until a `Resume`: steps that are under way go on to their own end. The clocks of timeouts stand
    /// still while nothing is under way.
    Pause,
    /// The run goes on after a `Pause`.
    Resume,
    /// What failed or was aborted is done again from the step that failed on, and what succeeded is kept. With a stage,
    /// that stage is done again, and all that needs it: from the step that failed, or from the step that is named, or
    /// whole. A stage with a `guard` has to be named. What steps did before stays.
    Retry,
    /// The step that is named, or all of the stage that has not ended, is passed. A run that failed there goes on behind it.
    Skip,
    /// A run that has ended and still keeps its lock lets it go.
    Unlock,
}

/// Each answers one entry of `spec.actions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ActionResult {
    /// The position of the entry in `spec.actions`, from 0.
    #[schemars(range(min = 0))]
    pub index: i32,
    /// What became of it.
    pub result: ActionOutcome,
    /// Why it was ignored, or what is still missing after it was done, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What became of an action, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActionOutcome {
    /// It was done.
    Applied,
    /// It came too late, or changed nothing; the message says why.
    Ignored,
}

impl ActionType {
    /// Whether it may only be obeyed where the API server has checked who asks: it lets a run do more, not less.
    pub fn needs_authority(self) -> bool {
        match self {
            Self::Approve | Self::Reject | Self::Retry | Self::Skip | Self::Unlock => true,
            Self::Abort | Self::Pause | Self::Resume => false,
        }
    }
}

impl RunAction {
    /// An entry about the run as a whole.
    pub fn new(r#type: ActionType, by: impl Into<String>, reason: Option<String>) -> Self {
        Self { r#type, by: by.into(), reason, stage: None, item: None, step: None, attempt: None }
    }

    /// Who asked for what, with the reason given: `paused by alice: quarter end`.
    pub(crate) fn told(&self, done: &str) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{done} by {}{reason}", self.by)
    }
}
