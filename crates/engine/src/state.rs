//! Where a run stands: everything a controller needs to go on from here.
//!
//! These types are the run's `.status` (and the state file of the local mode), so their comments are what
//! `kubectl explain` prints. A member is only ever added, never renamed: an older controller's state must
//! load.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Hook, HookEvent, Plan, Step};

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunState {
    /// Where the run stands in a word, for people. Machines read the condition `Succeeded`.
    #[serde(default)]
    pub phase: RunPhase,
    /// When the run started, as RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the run ended, its hooks included. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The result, from the moment it is decided: hooks may still run until `finishedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Every stage of the pipeline, in order; all of them from the first write on.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub stages: Vec<StageState>,
    /// The hooks that have started, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub hooks: Vec<HookState>,
}

/// Where a run stands, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunPhase {
    /// Not started yet.
    #[default]
    Pending,
    /// Started and not ended; `message` says what it waits for, if it waits.
    Running,
    /// Every stage succeeded or was skipped.
    Succeeded,
    /// A stage failed, or the run could not start.
    Failed,
    /// Ended by a person, by the run's deletion or by its timeout.
    Aborted,
}

/// The decided result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// `Succeeded`, `Failed` or `Aborted`.
    pub phase: RunPhase,
    /// Why, in one CamelCase word, such as `Timeout` or `Aborted`.
    pub reason: String,
    /// Why, for people: which stage and step failed and how, or who aborted the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the result was decided.
    pub at: Timestamp,
}

/// Each has its phase and its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageState {
    /// The stage's name in the pipeline.
    pub name: String,
    /// Where the stage stands.
    #[serde(default)]
    pub phase: StagePhase,
    /// The number of the attempt, from 1.
    #[serde(default = "one")]
    pub attempt: i32,
    /// When this attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When this attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Why the stage was skipped, failed or aborted, in one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the stage was skipped, failed or aborted, for people.
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
    /// Started and not ended.
    Running,
    /// Every step succeeded or was skipped.
    Succeeded,
    /// A step failed, or the stage took too long.
    Failed,
    /// Its condition was false.
    Skipped,
    /// Ended with its run, before its own end.
    Aborted,
    /// Never started, because the run ended before.
    Omitted,
}

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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub claims: i32,
    /// The idempotency key of the step's effect. Branch names and `Idempotency-Key` headers carry it, so that after a
    /// crash the effect is found instead of repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When this attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the step ended. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
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

/// Each has its event, its phase and its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookState {
    /// The hook's name in the pipeline.
    pub hook: String,
    /// What started it.
    pub event: HookEvent,
    /// Whose event it was: `pipeline`, `stage/NAME` or `step/NAME`.
    pub subject: String,
    /// The attempt of the subject's stage that the event belongs to.
    #[serde(default = "one")]
    pub attempt: i32,
    /// Where the hook stands. A failed hook changes no result of the run.
    #[serde(default)]
    pub phase: StagePhase,
    /// When the hook started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the hook ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The hook's steps, in order.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub steps: Vec<StepState>,
}

fn one() -> i32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl RunState {
    /// The state of a run of this plan before its first move.
    pub fn of(plan: &Plan) -> Self {
        Self {
            stages: plan.stages.iter().map(|stage| StageState::of(&stage.name, &stage.steps)).collect(),
            ..Self::default()
        }
    }

    /// Whether the run has ended, its hooks included.
    pub fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    /// Whether this is the state of a run of that plan: the same stages with the same steps, in order, and its hooks.
    pub(crate) fn fits(&self, plan: &Plan) -> bool {
        self.stages.len() == plan.stages.len()
            && self
                .stages
                .iter()
                .zip(&plan.stages)
                .all(|(state, stage)| state.name == stage.name && StepState::fit(&state.steps, &stage.steps))
            && self.hooks.iter().all(|hook| hook.plan(plan).is_some())
    }

    /// Whether any effect was ever claimed.
    pub fn has_claims(&self) -> bool {
        self.steps().any(|step| step.claims > 0 || step.attempt > 1)
    }

    /// Every step of every stage and of every hook that has started.
    pub fn steps(&self) -> impl Iterator<Item = &StepState> {
        let stages = self.stages.iter().flat_map(|stage| &stage.steps);
        stages.chain(self.hooks.iter().flat_map(|hook| &hook.steps))
    }
}

impl StageState {
    pub(crate) fn of(name: &str, steps: &[Step]) -> Self {
        Self {
            name: name.to_owned(),
            phase: StagePhase::Pending,
            attempt: 1,
            started_at: None,
            finished_at: None,
            reason: None,
            message: None,
            steps: StepState::of_all(steps),
        }
    }
}

impl HookState {
    /// The hook that this is the state of.
    pub(crate) fn plan<'p>(&self, plan: &'p Plan) -> Option<&'p Hook> {
        plan.hook(&self.hook).filter(|hook| StepState::fit(&self.steps, &hook.steps))
    }
}

impl StepState {
    pub(crate) fn of_all(steps: &[Step]) -> Vec<Self> {
        steps.iter().map(|step| Self::of(&step.name)).collect()
    }

    /// Whether these are the states of those steps.
    fn fit(states: &[Self], steps: &[Step]) -> bool {
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
            started_at: None,
            finished_at: None,
            retry_at: None,
            reason: None,
            message: None,
            waiting_on: None,
            progress: None,
            outputs: Map::new(),
        }
    }
}

impl StepPhase {
    /// Whether nothing will change any more.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Starting | Self::Running)
    }

    /// Whether the step ended and the flow must not go on behind it.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown)
    }
}

impl StagePhase {
    /// Whether nothing will change any more.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}
