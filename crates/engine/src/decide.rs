//! Decides the next action. Pure: equal input gives equal output, and no state, however strange, makes it panic.

mod asked;
mod ended;
mod flow;
mod hooks;
mod lanes;
mod stage;
mod step;
mod undo;

use jiff::Timestamp;

pub use step::TIMEOUT;

use crate::{Abort, AbortReason, Action, Event, Observed, Plan, RunPhase, RunState, clock};

use self::lanes::Lanes;

/// What everything below looks at.
struct Scene<'a> {
    plan: &'a Plan,
    state: &'a RunState,
    seen: &'a Observed,
    now: Timestamp,
}

/// The next action of a run.
///
/// The order of the rules is the order of the lines: what people asked for comes before anything else, then an abort; then
/// effects are taken back, hooks run before anything starts, and the run ends when its hooks have. A run that has ended
/// goes on only when a person asks for it.
///
/// *Guarantees*, whatever people ask for and whenever a process dies:
///
/// - each entry has one answer, in their order; what is ignored changes nothing but that;
/// - no attempt of a stage starts before as many different people as it needs have approved it: approvals are of one attempt;
/// - nothing starts in a run that is paused, or whose pipeline is suspended; what is under way goes on to its own end;
/// - nothing is done before the run holds its lock, where it needs one;
/// - a key under which an effect came to a known end is never that of another effect;
/// - a hook runs at most once for each event of its subject, in each attempt, iteration and round;
/// - a run waits for ever only for people, for its lock, or for what its steps wait for.
///
/// A driver calls this again after each recorded event. [`Action::Wait`] and [`Action::Finished`] change
/// nothing, so calling again early is harmless.
pub fn decide(plan: &Plan, state: &RunState, seen: &Observed, now: Timestamp) -> Action {
    let scene = Scene { plan, state, seen, now };
    if let Some(answer) = scene.next_answer() {
        return answer;
    }
    if state.is_finished() {
        return Action::Finished;
    }
    if state.ending.is_some() {
        return scene.wind_up();
    }
    if let Some(event) = scene.cut_short() {
        return scene.once_nothing_is_performed(event);
    }
    if let Some(action) = scene.before_the_start() {
        return action;
    }
    let action = scene.judge_stages().unwrap_or_else(|| scene.go_on());
    match action {
        Action::Wait { until } => Action::Wait { until: earlier(until, scene.deadline()) },
        action => action,
    }
}

impl Scene<'_> {
    /// Nothing ends under a step that is being performed: its outcome comes first.
    fn once_nothing_is_performed(&self, event: Event) -> Action {
        if self.seen.under_way.is_empty() { Action::Record(event) } else { Action::Wait { until: None } }
    }

    /// What a run needs before it starts: a pipeline that is not suspended, nobody's pause, its lock.
    fn before_the_start(&self) -> Option<Action> {
        let known = self.state.suspended.as_ref().map(|suspended| &suspended.reason);
        if known != self.seen.suspended.as_ref() {
            return Some(Action::Record(Event::Suspended(self.seen.suspended.clone())));
        }
        if self.state.started_at.is_some() {
            return None;
        }
        Some(match self.plan.lock {
            _ if self.state.is_paused() => Action::Wait { until: None },
            Some(_) if !self.state.holds_lock() => self.ask_or_wait(Action::Lock),
            _ => Action::Record(Event::RunStarted),
        })
    }

    /// Asks somebody outside, unless it is too early to ask again.
    fn ask_or_wait(&self, ask: Action) -> Action {
        match self.seen.ask_at {
            Some(ask_at) if self.now < ask_at => Action::Wait { until: Some(ask_at) },
            _ => ask,
        }
    }

    /// What ends the run before its own end.
    fn cut_short(&self) -> Option<Event> {
        if let Some(abort) = &self.seen.abort {
            return Some(self.aborted(abort.clone()));
        }
        if !self.state.fits(self.plan) {
            // Nothing of it can be trusted.
            let message = "the status has other stages, hooks or steps than the run's plan: it was changed by hand";
            let (reason, message) = ("PlanMismatch".to_owned(), Some(message.to_owned()));
            return Some(Event::Ended { phase: RunPhase::Failed, reason, message });
        }
        self.deadline().filter(|deadline| self.now >= *deadline)?;
        let timeout = self.plan.timeout.unwrap_or_default();
        let message = format!("the run took longer than its timeout of {timeout:#}");
        Some(self.aborted(Abort { reason: AbortReason::RunTimeout, message }))
    }

    fn aborted(&self, why: Abort) -> Event {
        Event::Aborted { why, unsettled: self.unsettled() }
    }

    /// When the run times out.
    fn deadline(&self) -> Option<Timestamp> {
        let RunState { started_at, held_seconds, held_since, .. } = self.state;
        clock::deadline(*started_at, self.plan.timeout, (*held_seconds, *held_since))
    }

    /// The next action before the result is decided.
    fn go_on(&self) -> Action {
        match (self.running_hook(), self.due_hook()) {
            (Some(hook), _) => {
                let mut lanes = Lanes::default();
                lanes.add(hook);
                self.go_on_with_what_runs(&mut lanes);
                lanes.action()
            }
            (None, Some(due)) => due,
            (None, None) => self.flow(),
        }
    }

    /// The next action after the result was decided: nothing is under way any more but what follows it.
    fn wind_up(&self) -> Action {
        let mut lanes = Lanes::default();
        self.take_back_everything(&mut lanes);
        if lanes.is_empty() {
            let hook = self.running_hook().or_else(|| self.due_hook());
            lanes.add(hook.unwrap_or(Action::Record(Event::RunFinished)));
        }
        lanes.action()
    }
}

/// The earlier of two times, where `None` is never.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
