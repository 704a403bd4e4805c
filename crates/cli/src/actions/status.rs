//! What the verbs read of a run's status. A newer version of Sluice may keep more in it, and other phases.

use serde::Deserialize;
use serde_json::Value;
use sluice_engine::{Approval, Lock, Paused, StagePhase, StepPhase, Suspended};

use super::Run;

/// What the verbs read of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) stages: Vec<Stage>,
    pub(super) paused: Option<Paused>,
    pub(super) suspended: Option<Suspended>,
    pub(super) lock: Option<Lock>,
}

/// A stage, or one item of it.
#[derive(Debug, Deserialize)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) item: Option<String>,
    #[serde(default)]
    pub(super) phase: String,
    #[serde(default = "first")]
    pub(super) attempt: i32,
    pub(super) approval: Option<Approval>,
    guard: Option<Value>,
    next: Option<Value>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

/// A step of a stage.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    #[serde(default)]
    pub(super) phase: String,
}

fn first() -> i32 {
    1
}

impl Status {
    /// The status of a run; an empty one until the controller has written the first.
    ///
    /// # Errors
    /// It is none that this version can read.
    pub(super) fn of(run: &Run) -> serde_json::Result<Self> {
        match &run.0.data["status"] {
            Value::Null => Ok(Self::default()),
            status => Self::deserialize(status),
        }
    }

    /// Whether a stage has failed for good.
    pub(super) fn failed(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.is(StagePhase::Failed) && stage.next.is_none())
    }
}

impl Stage {
    /// Whether it ended badly, and has to be named by whoever has it done again.
    pub(super) fn is_named_to_retry(&self) -> bool {
        let has_ended_badly = self.is(StagePhase::Failed) || self.is(StagePhase::Aborted);
        has_ended_badly && self.next.is_none() && self.guard.is_some()
    }

    pub(super) fn is(&self, phase: StagePhase) -> bool {
        self.phase == format!("{phase:?}")
    }

    /// Its name for people, with its item: `deploy[eu]`.
    pub(super) fn title(&self) -> String {
        self.item.as_ref().map_or_else(|| self.name.clone(), |item| format!("{}[{item}]", self.name))
    }

    pub(super) fn awaits_approval(&self) -> bool {
        self.is(StagePhase::AwaitingApproval)
    }

    /// Whether its last attempt is not over.
    pub(super) fn is_open(&self) -> bool {
        let open = [StagePhase::Pending, StagePhase::AwaitingApproval, StagePhase::Running];
        self.next.is_some() || open.iter().any(|phase| self.is(*phase))
    }

    /// Whether nothing of it is left that could be passed.
    pub(super) fn is_past(&self) -> bool {
        self.is(StagePhase::Succeeded) || self.is(StagePhase::Skipped)
    }
}

impl Step {
    /// Whether it cannot be passed any more.
    pub(super) fn is_past(&self) -> bool {
        [StepPhase::Succeeded, StepPhase::Skipped].iter().any(|phase| self.phase == format!("{phase:?}"))
    }
}
