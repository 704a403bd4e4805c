//! Where a hook stands.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StagePhase, StageState, StepState, is_one, one};
use crate::{Hook, HookEvent, Plan};

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
    /// The item of its stage's `forEach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The iteration of its stage.
    #[serde(default = "one")]
    pub iteration: i32,
    /// The attempt of the subject's stage that the event belongs to.
    #[serde(default = "one")]
    pub attempt: i32,
    /// The round of the run, for hooks of the pipeline. Those of a stage or step are told apart by `attempt`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub round: i32,
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

impl HookState {
    /// The hook that this is the state of.
    pub(crate) fn plan<'p>(&self, plan: &'p Plan) -> Option<&'p Hook> {
        plan.hook(&self.hook).filter(|hook| StepState::fit(&self.steps, &hook.steps))
    }

    /// Whether it follows this start or end of its subject.
    pub(crate) fn is_on(&self, occasion: &Occasion) -> bool {
        let Occasion { item, iteration, attempt, round } = occasion;
        self.item == *item && self.iteration == *iteration && self.attempt == *attempt && self.round == *round
    }
}

/// Which of the starts or ends of a subject a hook follows: there is one for each item, attempt and iteration of its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The item of the stage's list.
    pub item: Option<String>,
    /// The iteration of the stage.
    pub iteration: i32,
    /// The attempt of the stage.
    pub attempt: i32,
    /// The round of the run.
    pub round: i32,
}

impl Occasion {
    /// The present one of a stage, and of its steps.
    pub(crate) fn of_stage(stage: &StageState) -> Self {
        Self { item: stage.item.clone(), iteration: stage.iteration, attempt: stage.attempt, round: one() }
    }

    /// The only one of the run itself: it starts and ends once in each round.
    pub(crate) fn of_run(round: i32) -> Self {
        Self { item: None, iteration: 1, attempt: 1, round }
    }
}
