//! Where a stage stands, or one item of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Approval, Guard, StepState, is_default, one};
use crate::{Stage, StepPhase};

/// Each has its phase and its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageState {
    /// The stage's name in the pipeline.
    pub name: String,
    /// The item of `forEach` that this is about: the text or number itself, or an object's `name`, where these are unique
    /// and short; its position from 0 otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The item itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub value: Option<Value>,
    /// The Environment that the stage is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub environment: Option<String>,
    /// What a person needs the right to, to approve, reject, skip or retry this stage. Absent: the Pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Where the stage stands.
    #[serde(default)]
    pub phase: StagePhase,
    /// The number of the attempt, from 1. It rises when the stage is tried again.
    #[serde(default = "one")]
    pub attempt: i32,
    /// The number of the iteration of this attempt, from 1. It rises with each further iteration of `until`.
    #[serde(default = "one")]
    pub iteration: i32,
    /// Who has to approve this attempt, and who did. Absent where nobody has to, and before the stage's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What follows, when this attempt or iteration is not the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// When the next attempt or iteration starts, while there is a pause before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<Timestamp>,
    /// When this attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When this attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// For how many seconds this attempt has waited for people and locks alone; they do not count towards its timeout.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub held_seconds: i64,
    /// Since when it waits for people and locks alone. Absent while it does something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Why the stage, or its last attempt, was skipped, failed or aborted, in one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the stage, or its last attempt, was skipped, failed or aborted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The stage's steps, in order.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub steps: Vec<StepState>,
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StagePhase {
    /// Not started yet.
    #[default]
    Pending,
    /// It starts once enough people have approved it; `approval` says how many are needed, and `guard` who may.
    AwaitingApproval,
    /// Started and not ended.
    Running,
    /// Every step succeeded or was skipped; with `next` set, only in this iteration.
    Succeeded,
    /// A step failed, or the stage took too long; with `next` set, only in this attempt.
    Failed,
    /// Its condition was false.
    Skipped,
    /// Ended with its run, before its own end.
    Aborted,
    /// Never started, because the run ended before.
    Omitted,
}

/// What follows an attempt or an iteration of a stage that is not its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Next {
    /// The attempt failed; whether the stage is tried again is about to be decided.
    Undecided,
    /// The attempt failed, and the stage is tried again.
    Retry,
    /// The iteration succeeded, and there will be another one.
    Repeat,
}

impl StageState {
    pub(crate) fn of(plan: &Stage) -> Self {
        Self {
            name: plan.name.clone(),
            item: None,
            value: None,
            environment: None,
            guard: None,
            phase: StagePhase::Pending,
            attempt: 1,
            iteration: 1,
            approval: None,
            next: None,
            resume_at: None,
            started_at: None,
            finished_at: None,
            held_seconds: 0,
            held_since: None,
            reason: None,
            message: None,
            steps: StepState::of_all(&plan.steps),
        }
    }

    /// Its name for people, with its item: `deploy[eu]`.
    pub fn title(&self) -> String {
        self.item.as_ref().map_or_else(|| self.name.clone(), |item| format!("{}[{item}]", self.name))
    }

    /// Whether the stage, or this item of it, has started and its last attempt and iteration have not ended.
    pub fn is_under_way(&self) -> bool {
        self.phase == StagePhase::Running || (self.phase.is_ended() && self.next.is_some())
    }

    /// Whether nothing will change any more.
    pub fn is_final(&self) -> bool {
        self.phase.is_ended() && self.next.is_none()
    }

    /// Whether it failed for good.
    pub fn has_failed(&self) -> bool {
        self.phase == StagePhase::Failed && self.next.is_none()
    }

    /// Whether it failed for good, or was aborted.
    pub fn has_ended_badly(&self) -> bool {
        matches!(self.phase, StagePhase::Failed | StagePhase::Aborted) && self.next.is_none()
    }

    /// The first of its steps, by time, that failed.
    pub fn first_failed(&self) -> Option<&StepState> {
        self.steps.iter().filter(|step| step.phase.is_failed()).min_by_key(|step| step.finished_at)
    }

    /// Whether it starts once people have approved it.
    pub fn awaits_approval(&self) -> bool {
        self.phase == StagePhase::AwaitingApproval
    }

    /// Whether all that it does is waiting for people and locks. In a run that is paused what has not begun waits, too.
    pub(crate) fn is_held(&self, is_paused: bool) -> bool {
        let is_open = |step: &&StepState| match is_paused {
            true => step.phase == StepPhase::Running,
            false => step.phase.is_under_way(),
        };
        let mut open = self.steps.iter().filter(is_open).peekable();
        self.is_under_way() && (is_paused || open.peek().is_some()) && open.all(StepState::is_held)
    }
}

impl StagePhase {
    /// Whether nothing will change any more, unless `next` says so.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::AwaitingApproval | Self::Running)
    }
}
