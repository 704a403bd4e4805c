//! What people asked for: one entry after the other, in their order.

use std::collections::BTreeSet;

use super::Scene;
use crate::{Action, ActionType, Event, StepPhase, StepState};

impl Scene<'_> {
    /// Answers the next entry.
    pub(super) fn next_answer(&self) -> Option<Action> {
        let action = self.seen.asked.get(self.state.actions.len())?;
        let has_to_settle = match action.r#type {
            ActionType::Retry | ActionType::Skip if !self.has_settled() => return None,
            ActionType::Abort | ActionType::Retry | ActionType::Skip => true,
            _ => false,
        };
        let (action, is_enforced, unsettled) = (action.clone(), self.seen.is_enforced, self.unsettled());
        let event = Event::Asked { action, is_enforced, unsettled };
        Some(if has_to_settle { self.once_nothing_is_performed(event) } else { Action::Record(event) })
    }

    /// Whether what has ended is over: the hooks that follow an end run before another go at it, and a run that winds up, or
    /// has to, does that first. One that is deleted after its end has no other go.
    fn has_settled(&self) -> bool {
        match &self.state.ending {
            Some(_) => self.state.is_finished() && self.seen.abort.is_none(),
            None => self.judge_stages().is_none() && self.running_hook().is_none() && self.due_for_ends().is_none(),
        }
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
