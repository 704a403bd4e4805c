//! What people asked for: one entry after the other, in their order.

use std::collections::BTreeSet;

use super::Scene;
use crate::{Action, ActionType, Event, StepPhase, StepState};

impl Scene<'_> {
    /// Answers the next entry.
    pub(super) fn next_answer(&self) -> Option<Action> {
        let mut asked = self.seen.asked.iter().skip(self.state.actions.len());
        let action = asked.next()?;
        let is_another_go = matches!(action.r#type, ActionType::Retry | ActionType::Skip);
        if is_another_go && !self.has_settled(asked.any(|later| later.r#type == ActionType::Abort)) {
            return None;
        }
        let ends_steps = is_another_go || action.r#type == ActionType::Abort;
        let (action, is_enforced, unsettled) = (action.clone(), self.seen.is_enforced, self.unsettled());
        let event = Event::Asked { action, is_enforced, unsettled };
        Some(if ends_steps { self.once_nothing_is_performed(event) } else { Action::Record(event) })
    }

    /// Whether what has ended is over. A run that winds up does that before another go at it, and one that is deleted has no
    /// other go; in one that goes on, the hooks that follow an end come first, unless somebody waits for an abort behind it.
    fn has_settled(&self, is_to_be_aborted: bool) -> bool {
        match &self.state.ending {
            Some(_) => self.state.is_finished() && self.seen.abort.is_none(),
            None if is_to_be_aborted => true,
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
