//! Where a step stands.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Undo, UndoPhase, WaitKind, WaitingOn, is_default, one};
use crate::Step;

/// Each has its phase, what it waits for, and its outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    /// The step's name in the pipeline.
    pub name: String,
    /// Where the step stands.
    #[serde(default)]
    pub phase: StepPhase,
    /// The number of the attempt, from 1. It rises with each retry.
    #[serde(default = "one")]
    pub attempt: i32,
    /// How often the step's effect was begun anew after a known end, such as a closed pull request; from 1. It is part
    /// of `key`.
    #[serde(default = "one")]
    pub epoch: i32,
    /// How often the controller has claimed the right to act under this key. More than once means that the controller
    /// was restarted meanwhile; the effect is then looked for before it is made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub claims: i32,
    /// The idempotency key of the step's effect. Branch names and `Idempotency-Key` headers carry it, so that after a
    /// crash the effect is found instead of repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it is not known what became of the effect of an attempt that failed: another attempt looks for it under the
    /// same key before it makes one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub effect_unknown: bool,
    /// Whether the failure of the step may pass by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transient: bool,
    /// Whether the step ended in an earlier attempt of its stage, and was kept when a person had the stage done again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kept: bool,
    /// When this attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the step ended. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// For how many seconds this attempt has waited for people and locks; they do not count towards its timeout.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub held_seconds: i64,
    /// Since when it waits for a person or a lock. Absent while it does something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// When the next attempt starts, after one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Why the step or its last attempt failed, in one CamelCase word, such as `Timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the step waits for, or why it or its last attempt failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What has to change before the step goes on. Absent when the step waits for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<WaitingOn>,
    /// What a waiting step saw last, for machines; its shape is the step type's. Written at most every 10 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true, "type" = "object"))]
    pub progress: Option<Value>,
    /// The step's results by name, which later expressions read as `steps.NAME.outputs`; 16 KiB at most.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub outputs: Map<String, Value>,
    /// How far the effect is taken back, after the run was aborted or before the stage is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepPhase {
    /// Not started yet.
    #[default]
    Pending,
    /// About to start: its hooks run, or it waits for its next attempt.
    Starting,
    /// Claimed: its effect is under way, or it waits.
    Running,
    /// Done.
    Succeeded,
    /// Ended without success, after all attempts.
    Failed,
    /// Its request may or may not have been carried out and must not be repeated: a person has to look.
    Unknown,
    /// Its condition was false.
    Skipped,
    /// Ended with its run, before its own end.
    Aborted,
    /// Never started, because something before it ended the flow.
    Omitted,
}

impl StepState {
    pub(crate) fn of_all(steps: &[Step]) -> Vec<Self> {
        steps.iter().map(|step| Self::of(&step.name)).collect()
    }

    /// Whether these are the states of those steps.
    pub(super) fn fit(states: &[Self], steps: &[Step]) -> bool {
        states.len() == steps.len() && states.iter().zip(steps).all(|(state, step)| state.name == step.name)
    }

    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            phase: StepPhase::Pending,
            attempt: 1,
            epoch: 1,
            claims: 0,
            key: None,
            effect_unknown: false,
            transient: false,
            kept: false,
            started_at: None,
            finished_at: None,
            held_seconds: 0,
            held_since: None,
            retry_at: None,
            reason: None,
            message: None,
            waiting_on: None,
            progress: None,
            outputs: Map::new(),
            undo: None,
        }
    }

    /// The step before its first attempt in this epoch.
    pub(crate) fn before(name: &str, epoch: i32) -> Self {
        Self { epoch, ..Self::of(name) }
    }

    /// The step before its first attempt in the next attempt or iteration of its stage. Its effect is a new one, unless it
    /// is not known what became of the last one.
    pub(crate) fn anew(&self) -> Self {
        let fresh = Self::of(&self.name);
        match (&self.key, self.effect_unknown) {
            (None, _) => Self { epoch: self.epoch, ..fresh },
            (Some(_), false) => Self { epoch: self.epoch.saturating_add(1), ..fresh },
            (Some(key), true) => {
                let key = Some(key.clone());
                Self { epoch: self.epoch, claims: self.claims, key, effect_unknown: true, ..fresh }
            }
        }
    }

    /// The step before another attempt that a person asked for. Its effect is a new one where that of the last one has a known
    /// end, was taken back, or is of the past; one that may still be going on is looked for first.
    pub(crate) fn done_again(&self) -> Self {
        Self { effect_unknown: self.may_go_on(), ..self.clone() }.anew()
    }

    /// Whether its effect, if it has one, may still be going on although it has ended.
    pub(crate) fn may_go_on(&self) -> bool {
        let is_unknown = match self.phase {
            StepPhase::Aborted => true,
            // The person has seen what became of it.
            StepPhase::Unknown => false,
            _ => self.effect_unknown,
        };
        is_unknown && self.key.is_some() && !self.is_undone()
    }

    /// Whether there is nothing left of its effect.
    pub(crate) fn is_undone(&self) -> bool {
        self.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Undone)
    }

    /// Whether its outcome, or that of taking it back, is still to come.
    pub(super) fn is_open(&self) -> bool {
        !self.phase.is_ended() || self.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Pending)
    }

    /// Whether its effect could not be taken back.
    pub(crate) fn has_failed_undo(&self) -> bool {
        self.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Failed)
    }

    /// Whether it waits for a person or a lock.
    pub(crate) fn is_held(&self) -> bool {
        let kind = self.waiting_on.as_ref().map(|on| on.kind);
        self.phase == StepPhase::Running && matches!(kind, Some(WaitKind::Approval | WaitKind::Lock))
    }
}

impl StepPhase {
    /// Whether nothing will change any more.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Starting | Self::Running)
    }

    /// Whether it has started and not ended.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }

    /// Whether the step ended and the flow must not go on behind it.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown)
    }
}
