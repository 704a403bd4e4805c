//! One step: from its condition to its end.

use jiff::Timestamp;

use super::{Scene, earlier};
use crate::{
    Action, Event, Failure, Held, Key, MAX_AT_ONCE, Mode, Nature, Observed, Question, Step, StepAt, StepPhase,
    StepState, Task, clock,
};

/// The step whose turn it is.
pub(super) struct Turn<'a> {
    pub(super) at: StepAt,
    pub(super) state: &'a StepState,
    pub(super) plan: &'a Step,
    /// Its place in the key.
    pub(super) path: &'a [&'a str],
    /// When the stage that it is in times out.
    pub(super) stage_deadline: Option<Timestamp>,
}

/// The reason of a step that took too long.
pub const TIMEOUT: &str = "Timeout";

impl Scene<'_> {
    /// The next action of a step that has not ended.
    pub(super) fn run_step(&self, turn: &Turn<'_>) -> Action {
        let at = turn.at;
        match turn.state.phase {
            StepPhase::Pending => match &turn.plan.when {
                Some(condition) => Action::Evaluate { question: Question::StepWhen(at), condition: condition.clone() },
                None => Action::Record(Event::StepStarted(at)),
            },
            StepPhase::Starting => self.start_step(turn),
            _ => self.continue_step(turn),
        }
    }

    fn start_step(&self, turn: &Turn<'_>) -> Action {
        if let Some(retry_at) = turn.state.retry_at
            && self.now < retry_at
        {
            return Action::Wait { until: earlier(Some(retry_at), turn.stage_deadline) };
        }
        match turn.plan.nature {
            Nature::Pure => Action::Compute(turn.at),
            Nature::Reads | Nature::Acts => self.claim(turn),
        }
    }

    fn claim(&self, turn: &Turn<'_>) -> Action {
        if self.is_full() {
            return Action::Wait { until: None };
        }
        Action::Claim { at: turn.at, key: Key::of(&self.seen.run_uid, turn.path, turn.state.epoch) }
    }

    fn continue_step(&self, turn: &Turn<'_>) -> Action {
        let &Turn { at, state, plan, stage_deadline, .. } = turn;
        let Some(key) = state.key.clone() else { return self.claim(turn) };
        if self.seen.under_way.contains(&key) {
            return Action::Wait { until: None };
        }
        let held = self.seen.held.get(&key);
        let task = |mode| Action::Perform(vec![Task { at, key: key.clone(), mode }]);
        let deadline = clock::deadline(state.started_at, plan.timeout, (state.held_seconds, state.held_since));
        let is_over = deadline.is_some_and(|deadline| self.now >= deadline && self.was_seen_since(state, deadline));
        if is_over {
            return Action::Judge { at, failure: timed_out(state, plan) };
        }
        let is_late = [deadline, stage_deadline].iter().flatten().any(|deadline| self.now >= *deadline);
        let may_rest = |held: &Held| self.now < held.look_at && !is_late;
        let look_at = match (plan.nature, held) {
            // Somebody else claimed it after this process did: it is theirs for a while.
            (Nature::Acts, Some(held)) if held.claims == 0 && may_rest(held) => held.look_at,
            // Only a claim that this process persisted itself gives the right to act.
            (Nature::Acts, held) if held.is_none_or(|held| held.claims != state.claims) => {
                return self.claim(turn);
            }
            (Nature::Acts, Some(held)) if held.must_act() && held.looked_at.is_none() => return task(Mode::Act),
            // Told to act again, under the claim that it holds, when its pause is over; never past its deadline.
            (Nature::Acts, Some(held)) if held.must_act() && !is_late && !may_rest(held) => return task(Mode::Act),
            (_, Some(held)) if may_rest(held) => held.look_at,
            // Seen since its own stage is late, and waits with it for what else is under way there.
            (_, Some(held)) if is_late && !self.is_to_be_seen(state, deadline, stage_deadline) => held.look_at,
            _ => return task(Mode::Look),
        };
        Action::Wait { until: later_than(self.now, earlier(earlier(Some(look_at), deadline), stage_deadline)) }
    }

    /// Whether as much is being performed, or claimed and about to begin, as may be at the same time.
    fn is_full(&self) -> bool {
        let Observed { held, under_way, .. } = self.seen;
        let is_to_begin = |key: &&String| {
            let held = held.get(*key);
            held.is_some_and(|held| held.claims > 0 && held.looked_at.is_none()) && !under_way.contains(*key)
        };
        let running = self.state.steps().filter(|step| step.phase == StepPhase::Running);
        running.filter_map(|step| step.key.as_ref()).filter(is_to_begin).count() + under_way.len() >= MAX_AT_ONCE
    }

    /// Whether a deadline that has passed asks for one more look.
    fn is_to_be_seen(&self, state: &StepState, step: Option<Timestamp>, stage: Option<Timestamp>) -> bool {
        let passed = [step, stage].into_iter().flatten().filter(|deadline| self.now >= *deadline);
        passed.into_iter().any(|deadline| !self.was_seen_since(state, deadline))
    }

    /// Whether the step may time out now: one that is under way is looked at once more first, since what was awaited may
    /// have happened, and nothing times out unseen.
    pub(super) fn was_seen_since(&self, step: &StepState, deadline: Timestamp) -> bool {
        let key = step.key.as_deref().unwrap_or_default();
        let held = self.seen.held.get(key).filter(|_| !self.seen.under_way.contains(key));
        step.phase != StepPhase::Running || held.and_then(|held| held.looked_at) >= Some(deadline)
    }
}

/// A time that is still to come; `None` otherwise.
fn later_than(now: Timestamp, time: Option<Timestamp>) -> Option<Timestamp> {
    time.filter(|time| *time > now)
}

fn timed_out(state: &StepState, plan: &Step) -> Failure {
    let timeout = plan.timeout.unwrap_or_default();
    let message = match (state.reason.as_deref(), state.message.as_deref()) {
        // Nothing was seen since the attempt before timed out, and its words still hold.
        (Some(TIMEOUT), Some(before)) => before.to_owned(),
        (_, Some(last)) => format!("timed out after {timeout:#}; last seen: {last}"),
        (_, None) => format!("timed out after {timeout:#}"),
    };
    Failure::transient(TIMEOUT, message)
}
