//! Where a run stands: everything a controller needs to go on from here.
//!
//! These types are the run's `.status` (and the state file of the local mode), so their comments are what
//! `kubectl explain` prints. A member is only ever added, never renamed: an older controller's state must
//! load.

mod asked;
mod held;
mod hook;
mod stage;
mod step;
mod undo;
mod wait;

use std::ops::Range;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use asked::{ActionOutcome, ActionResult, ActionType, RunAction};
pub use held::{Approval, Approver, Guard, Lock, Paused, Suspended};
pub use hook::{HookState, Occasion};
pub use stage::{Next, StagePhase, StageState};
pub use step::{StepPhase, StepState};
pub use undo::{Undo, UndoPhase};
pub use wait::{WaitKind, WaitTarget, WaitingOn};

use crate::{Plan, Stage, StepAt};

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunState {
    /// Where the run stands in a word, for people. Machines read the condition `Succeeded`.
    #[serde(default)]
    pub phase: RunPhase,
    /// The number of the round, from 1. It rises when a person has a run that had ended done again.
    #[serde(default = "one")]
    pub round: i32,
    /// When this round of the run started, as RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the run ended, its hooks included. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The result, from the moment it is decided: hooks may still run until `finishedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// For how many seconds the run has waited for people and locks alone; they do not count towards its timeout.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub held_seconds: i64,
    /// Since when the run waits for people and locks alone. Absent while it does something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Set while a person has paused the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Set while the run's pipeline is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspended>,
    /// The run's place in the queue for its lock, where the pipeline's `concurrency` has it wait for one, and while it holds
    /// the lock. Absent once it has let it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// What became of the entries of `spec.actions`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    pub actions: Vec<ActionResult>,
    /// The results of the run, as the pipeline's `outputs` say. Absent until every stage is done.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub outputs: Map<String, Value>,
    /// Every stage of the pipeline, in order; all of them from the first write on. A stage with `forEach` has an entry
    /// for each of its items once it has started.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub stages: Vec<StageState>,
    /// The hooks that have started, in that order. Of a stage that was tried again or has many iterations only the newest
    /// are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000))]
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
    /// Ended before it started: another run holds its lock, and the pipeline wants no queue.
    Cancelled,
}

/// The decided result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// `Succeeded`, `Failed`, `Aborted` or `Cancelled`.
    pub phase: RunPhase,
    /// Why, in one CamelCase word, such as `Timeout` or `Aborted`.
    pub reason: String,
    /// Why, for people: which stage and step failed and how, or who aborted the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the result was decided.
    pub at: Timestamp,
}

fn one() -> i32 {
    1
}

fn is_one(value: &i32) -> bool {
    *value == one()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for RunState {
    fn default() -> Self {
        Self {
            phase: RunPhase::Pending,
            round: one(),
            started_at: None,
            finished_at: None,
            ending: None,
            held_seconds: 0,
            held_since: None,
            paused: None,
            suspended: None,
            lock: None,
            actions: Vec::new(),
            outputs: Map::new(),
            stages: Vec::new(),
            hooks: Vec::new(),
        }
    }
}

impl RunState {
    /// The state of a run of this plan before its first move.
    pub fn of(plan: &Plan) -> Self {
        Self { stages: plan.stages.iter().map(StageState::of).collect(), ..Self::default() }
    }

    /// The same, where whoever started the run approves what it begins with: it counts as one approval of the first attempt of
    /// each stage that needs no other one, but for those that are bound to a place.
    pub fn approved_by(mut self, plan: &Plan, approver: &Approver) -> Self {
        for (entry, stage) in self.stages.iter_mut().zip(&plan.stages).filter(|(_, stage)| stage.begins_by_hand()) {
            let required = stage.approval.unwrap_or(1);
            entry.approval = Some(Approval { by: vec![approver.clone()], ..Approval::by(required) });
        }
        self
    }

    /// Whether the run has ended, its hooks included.
    pub fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    /// The entries of each stage of the plan, in order: one, or one for each item.
    pub fn groups<'p>(&self, plan: &'p Plan) -> Vec<Group<'p>> {
        let mut start = 0;
        let of = |stage: &'p Stage| {
            let rest = self.stages.get(start..).unwrap_or_default();
            let count = rest.iter().take_while(|entry| entry.name == stage.name).count();
            let entries = start..start + count;
            start += count;
            Group { plan: stage, entries }
        };
        plan.stages.iter().map(of).collect()
    }

    /// Whether this is the state of a run of that plan: the same stages with the same steps, in order, and its hooks.
    pub(crate) fn fits(&self, plan: &Plan) -> bool {
        let groups = self.groups(plan);
        let fits = |Group { plan, entries }: &Group<'_>| {
            let entries = self.stages.get(entries.clone()).unwrap_or_default();
            let is_one = entries.len() == 1 && entries.iter().all(|entry| entry.item.is_none());
            let are_items = plan.for_each.is_some() && entries.iter().all(|entry| entry.item.is_some());
            (is_one || (are_items && !entries.is_empty()))
                && entries.iter().all(|entry| StepState::fit(&entry.steps, &plan.steps))
        };
        groups.last().map_or(0, |group| group.entries.end) == self.stages.len()
            && groups.iter().all(fits)
            && self.hooks.iter().all(|hook| hook.plan(plan).is_some())
    }

    /// Whether any effect was ever claimed.
    pub fn has_claims(&self) -> bool {
        self.steps().any(|step| step.claims > 0 || step.epoch > 1)
    }

    /// Every step of every stage and of every hook that has started.
    pub fn steps(&self) -> impl Iterator<Item = &StepState> {
        let stages = self.stages.iter().flat_map(|stage| &stage.steps);
        stages.chain(self.hooks.iter().flat_map(|hook| &hook.steps))
    }

    /// The place of every step of [`Self::steps`], in the same order.
    pub fn places(&self) -> impl Iterator<Item = StepAt> {
        let stages = self.stages.iter().enumerate();
        let in_stages =
            stages.flat_map(|(stage, group)| (0..group.steps.len()).map(move |step| StepAt::Stage { stage, step }));
        let hooks = self.hooks.iter().enumerate();
        let in_hooks =
            hooks.flat_map(|(hook, group)| (0..group.steps.len()).map(move |step| StepAt::Hook { hook, step }));
        in_stages.chain(in_hooks)
    }

    /// The place of the step under this key. Places change when a stage's items are known; keys do not.
    pub fn place_of(&self, key: &str) -> Option<StepAt> {
        let mut places = self.places().zip(self.steps()).filter(|(_, step)| step.key.as_deref() == Some(key));
        let first = places.next()?;
        // Two under one key were written by hand: the outcome is that of the one that has not ended.
        let open = std::iter::once(first).chain(places).find(|(_, step)| step.is_open());
        Some(open.unwrap_or(first).0)
    }

    /// Whether nothing may start, because a person has paused the run, or somebody its pipeline.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some() || self.suspended.is_some()
    }

    /// Whether it holds the lock of its group.
    pub fn holds_lock(&self) -> bool {
        self.lock.as_ref().is_some_and(Lock::is_held)
    }

    /// Whether this round has not started for want of its lock.
    pub(crate) fn lacks_lock(&self, plan: &Plan) -> bool {
        plan.lock.is_some() && self.started_at.is_none() && !self.holds_lock()
    }

    /// Whether all that the run does is waiting for people and locks.
    pub(crate) fn is_held(&self) -> bool {
        let is_paused = self.is_paused();
        let mut open = self.stages.iter().filter(|stage| stage.is_under_way() || stage.awaits_approval()).peekable();
        let has_hook = self.hooks.iter().any(|hook| !hook.phase.is_ended());
        let is_waiting = is_paused || open.peek().is_some();
        !has_hook && is_waiting && open.all(|stage| stage.awaits_approval() || stage.is_held(is_paused))
    }
}

/// A stage of the plan, and its entries in the state.
#[derive(Debug)]
pub struct Group<'p> {
    /// The stage.
    pub plan: &'p Stage,
    /// The places of its entries among the state's stages.
    pub entries: Range<usize>,
}
