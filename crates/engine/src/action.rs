//! What to do next, and what a driver knows when it asks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{Abort, Condition, Event, Failure, Key, RunAction, RunState, StepState};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Record this event: a move that needs nothing from outside.
    Record(Event),
    /// Evaluate the condition and record [`Event::Answered`].
    Evaluate {
        /// What the answer decides.
        question: Question,
        /// The expression.
        condition: Condition,
    },
    /// Get the lock, and record [`Event::Lock`]. When that could not be found out, say so in [`Observed::ask_at`].
    Lock,
    /// Ask the place that the stage is bound to, once the condition, if there is one, is true; and record
    /// [`Event::Bound`], or [`Event::Answered`] when the condition is not true. When the place could not be asked, say so in
    /// [`Observed::ask_at`].
    Bind {
        /// Its index.
        stage: usize,
        /// The stage's condition.
        when: Option<Condition>,
    },
    /// Judge whether the failure may be retried and record [`Event::Failed`].
    Judge {
        /// The step that failed.
        at: StepAt,
        /// Why.
        failure: Failure,
    },
    /// Judge whether the stage, whose attempt failed so, is tried again, and record [`Event::StageJudged`]: only when each
    /// of these failures may be.
    JudgeStage {
        /// Its index.
        stage: usize,
        /// Each step that failed, and why; one entry without a step when the stage failed by itself.
        failures: Vec<(String, Failure)>,
    },
    /// Evaluate the list of the stage's items and record [`Event::Listed`]. When that needs something that could not be asked,
    /// say so in [`Observed::ask_at`].
    List {
        /// Its index.
        stage: usize,
        /// Yields the list.
        items: Condition,
    },
    /// Compute the outputs of the run and record [`Event::OutputsComputed`].
    ComputeOutputs,
    /// Compute a step that touches nothing outside, and record its outcome.
    Compute(StepAt),
    /// Render the step and record [`Event::Claimed`]. From here on the claim counts as held in
    /// [`Observed::held`], and is persisted before anything is performed; if that fails, the driver forgets
    /// both the state and the claim, and reads the state again.
    Claim {
        /// The step.
        at: StepAt,
        /// The key to claim it under.
        key: Key,
    },
    /// Perform these tasks, each independent of the others, and record their outcomes. The state that
    /// named them must be persisted first. While one is under way, [`Observed::under_way`] has its key.
    Perform(Vec<Task>),
    /// Nothing to do before that time, before a task that is under way ends, or before something awaited changes.
    Wait {
        /// When to decide again at the latest; `None` waits for a change alone.
        until: Option<Timestamp>,
    },
    /// The run has ended.
    Finished,
}

/// What an evaluated condition decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether the stage of this index runs.
    StageWhen(usize),
    /// Whether the stage of this index, whose steps have succeeded, is done.
    StageUntil(usize),
    /// Whether the step runs.
    StepWhen(StepAt),
}

/// Where a step stands in a [`RunState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepAt {
    /// A step of a stage.
    Stage {
        /// Index into the state's stages.
        stage: usize,
        /// Index into the stage's steps.
        step: usize,
    },
    /// A step of a hook.
    Hook {
        /// Index into the state's hooks.
        hook: usize,
        /// Index into the hook's steps.
        step: usize,
    },
}

impl StepAt {
    /// The step's state.
    pub fn of(self, state: &RunState) -> Option<&StepState> {
        match self {
            Self::Stage { stage, step } => state.stages.get(stage)?.steps.get(step),
            Self::Hook { hook, step } => state.hooks.get(hook)?.steps.get(step),
        }
    }

    /// The step's state, to change it.
    pub(crate) fn of_mut(self, state: &mut RunState) -> Option<&mut StepState> {
        match self {
            Self::Stage { stage, step } => state.stages.get_mut(stage)?.steps.get_mut(step),
            Self::Hook { hook, step } => state.hooks.get_mut(hook)?.steps.get_mut(step),
        }
    }

    /// The step's number among its siblings.
    pub(crate) fn step(self) -> usize {
        match self {
            Self::Stage { step, .. } | Self::Hook { step, .. } => step,
        }
    }
}

/// One thing to perform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The step.
    pub at: StepAt,
    /// Its idempotency key.
    pub key: String,
    /// Whether it may change anything.
    pub mode: Mode,
}

/// Whether performing a step may change anything outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Find the effect, or create it, or adopt it on a conflict.
    Act,
    /// Only read.
    Look,
    /// Find the effect and take it back. No claim is needed: whoever tries it again finds nothing left.
    Undo,
}

/// What a driver knows when it asks what to do next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The run's UID, for keys.
    pub run_uid: String,
    /// Why the run has to be aborted, where no entry of `asked` wants it.
    pub abort: Option<Abort>,
    /// Everything that people ever asked of the run, oldest first.
    pub asked: Vec<RunAction>,
    /// Whether somebody trusted has checked that those who asked may ask.
    pub is_enforced: bool,
    /// Why the pipeline is suspended, while it is.
    pub suspended: Option<String>,
    /// When to ask for the lock, or a stage's place, again: somebody else has the lock, or there was no answer.
    pub ask_at: Option<Timestamp>,
    /// The claims that this process itself persisted, or will before it performs anything, and the waits it
    /// has looked at, by key.
    pub held: BTreeMap<String, Held>,
    /// The keys of the tasks that are being performed. Nothing ends under one: an abort and a timeout wait for its outcome.
    pub under_way: BTreeSet<String>,
}

/// What this process knows about a step it is performing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The number of the claim that this process persisted; 0 when it persisted none, or lost it to another: then the
    /// step is claimed again when `look_at` has come.
    pub claims: i32,
    /// Whether the effect was performed under that claim, and need not be performed again.
    pub acted: bool,
    /// When it was last looked at.
    pub looked_at: Option<Timestamp>,
    /// When to look again.
    pub look_at: Timestamp,
}

impl Held {
    /// Whether the effect is still to be performed under this claim.
    pub(crate) fn must_act(&self) -> bool {
        self.claims > 0 && !self.acted
    }
}
