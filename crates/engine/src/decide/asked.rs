//! What people asked for: one entry after the other, in their order.

use std::collections::BTreeSet;

use super::Scene;
use crate::{Action, ActionType, Event, RunAction, StepPhase, StepState};

impl Scene<'_> {
    /// Answers the next entry.
    pub(super) fn next_answer(&self) -> Option<Action> {
        let action = self.seen.asked.get(self.state.actions.len())?;
        if self.has_to_end_first(action) {
            return None;
        }
        let (action, is_enforced, unsettled) = (action.clone(), self.seen.is_enforced, self.unsettled());
        Some(self.once_nothing_is_performed(Event::Asked { action, is_enforced, unsettled }))
    }

    /// What has another go at a run has to wait for the end of the one before: its hooks may still run.
    fn has_to_end_first(&self, action: &RunAction) -> bool {
        let is_winding_up = self.state.ending.is_some() && !self.state.is_finished();
        is_winding_up && matches!(action.r#type, ActionType::Retry | ActionType::Skip)
    }

    /// The keys of the claims of which this process does not know whether they were acted on.
    pub(super) fn unsettled(&self) -> BTreeSet<String> {
        let running = self.state.steps().filter(|step| step.phase == StepPhase::Running);
        running.filter(|step| !self.is_settled(step)).filter_map(|step| step.key.clone()).collect()
    }

    /// Whether this process knows what came of the step's claim, or that the only one is its own and was not acted on.
    fn is_settled(&self, step: &StepState) -> bool {
        let held = step.key.as_ref().and_then(|key| self.seen.held.get(key));
        held.is_some_and(|held| held.looked_at.is_some() || (held.must_act() && step.claims == 1))
    }
}
