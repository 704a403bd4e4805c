//! What a run will do: the pinned pipeline, reduced to what decisions need.
//!
//! A plan says nothing of *how* a step does its work; that is its configuration, which the driver holds
//! under the same stage, hook and step names.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Retry;

/// The stages of a run in order, and its hooks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Each starts when those that it needs are done.
    pub stages: Vec<Stage>,
    /// Run beside the flow when their subject starts or ends.
    pub hooks: Vec<Hook>,
    /// How long the whole run may take; then it is aborted.
    pub timeout: Option<SignedDuration>,
    /// The lock that the run needs before it starts.
    pub lock: Option<LockPlan>,
    /// Whether the driver computes outputs of the run before it succeeds.
    pub has_outputs: bool,
}

/// A lock that one run has at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockPlan {
    /// Whether the run ends, instead of waiting for its turn, when another one has the lock.
    pub ends_when_taken: bool,
    /// Whether a run that does not succeed keeps the lock after its end.
    pub kept_unless_succeeded: bool,
}

/// A group of steps that succeeds or fails as one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Unique among the stages and steps of the plan.
    pub name: String,
    /// The stages, by their index, that have to be done before it starts.
    pub needs: Vec<usize>,
    /// The stage is skipped when this is false.
    pub when: Option<Condition>,
    /// Whether the stage belongs to a place that the driver asks before each stage starts: it may refuse the run, or want
    /// approvals.
    pub is_bound: bool,
    /// How many people have to approve an attempt of the stage before it starts.
    pub approval: Option<i32>,
    /// The stage is executed once for each item of a list.
    pub for_each: Option<ForEach>,
    /// What follows a failure of the stage.
    pub retry: Option<Retry>,
    /// The stage is executed again until this holds.
    pub until: Option<Until>,
    /// Whether its steps are executed at the same time.
    pub parallel: bool,
    /// How long one attempt of the stage may take, with all its iterations.
    pub timeout: Option<SignedDuration>,
    /// Executed one after the other, unless `parallel` is set.
    pub steps: Vec<Step>,
}

/// A stage's list of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForEach {
    /// Yields the list.
    pub items: Condition,
    /// How many items are under way at the same time; all of them unless set.
    pub max_parallel: Option<usize>,
}

/// When a stage is executed again although it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// The stage is done when this is true.
    pub condition: Condition,
    /// The pause between two iterations.
    pub interval: SignedDuration,
    /// How many iterations there are at most.
    pub limit: i32,
}

/// One unit of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Unique among the stages and steps of the plan.
    pub name: String,
    /// The step is skipped when this is false.
    pub when: Option<Condition>,
    /// What follows a failure that may be retried.
    pub retry: Retry,
    /// How long one attempt of the step may take.
    pub timeout: Option<SignedDuration>,
    /// What the step touches.
    pub nature: Nature,
    /// Whether its effect is taken back when the run is aborted, or its stage is tried again.
    pub undo: bool,
}

/// What a step touches decides how it is persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nature {
    /// Nothing but the run's own data: computed in memory, persisted with its neighbour.
    #[default]
    Pure,
    /// Reads the outside world: claimed once, looked at as often as needed.
    Reads,
    /// Changes the outside world: performed only under a claim that this process persisted itself.
    Acts,
}

/// Steps that run beside the flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// Unique among the hooks of the plan.
    pub name: String,
    /// What starts the hook.
    pub events: Vec<HookEvent>,
    /// Whose start or end it follows.
    pub subject: Subject,
    /// Executed one after the other.
    pub steps: Vec<Step>,
}

/// Whose start or end a hook follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole run.
    Pipeline,
    /// The stage of that name.
    Stage(String),
    /// The step of that name.
    Step(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pipeline => f.write_str("pipeline"),
            Self::Stage(name) => write!(f, "stage/{name}"),
            Self::Step(name) => write!(f, "step/{name}"),
        }
    }
}

/// An event of the hook's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HookEvent {
    /// It starts. The hook ends before the subject's first action.
    Started,
    /// It succeeded.
    Success,
    /// It failed: a step after its retries, a stage in this attempt.
    Failure,
    /// It was under way when a person aborted the run, deleted it, or its time was over.
    Abortion,
}

/// An expression; opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(pub String);

impl Stage {
    /// Whether a run begins with it, and people have to approve that for the pipeline's sake. An approval for a place is the place's:
    /// whoever may change the pipeline has no say in it.
    pub fn begins_by_hand(&self) -> bool {
        self.needs.is_empty() && self.approval.is_some() && !self.is_bound
    }
}

impl Plan {
    /// The stage of that name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The hook of that name.
    pub fn hook(&self, name: &str) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.name == name)
    }

    /// Whether an abortion has anything to do: a hook to run, or an effect to take back.
    pub fn has_abortion_work(&self) -> bool {
        let has_hooks = self.hooks.iter().any(|hook| hook.events.contains(&HookEvent::Abortion));
        let mut steps =
            self.stages.iter().flat_map(|stage| &stage.steps).chain(self.hooks.iter().flat_map(|hook| &hook.steps));
        has_hooks || steps.any(|step| step.undo)
    }
}
