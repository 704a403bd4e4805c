//! Decides the next action. Pure: equal input gives equal output.

mod ended;
mod flow;
mod hooks;

use jiff::Timestamp;

pub use flow::TIMEOUT;

use crate::{Abort, AbortReason, Action, Event, Observed, Plan, RunPhase, RunState, event::later};

/// What everything below looks at.
struct Scene<'a> {
    plan: &'a Plan,
    state: &'a RunState,
    seen: &'a Observed,
    now: Timestamp,
}

/// The next action of a run.
///
/// The order of the rules is the order of the lines: an abort comes before anything else, hooks before
/// the flow goes on, and the run ends when its hooks have.
///
/// A driver calls this again after each recorded event. [`Action::Wait`] and [`Action::Finished`] change
/// nothing, so calling again early is harmless.
pub fn decide(plan: &Plan, state: &RunState, seen: &Observed, now: Timestamp) -> Action {
    let scene = Scene { plan, state, seen, now };
    if state.is_finished() {
        return Action::Finished;
    }
    if state.started_at.is_none() {
        return Action::Record(Event::RunStarted);
    }
    let action = scene
        .abort()
        .or_else(|| scene.mismatch())
        .or_else(|| scene.running_hook())
        .or_else(|| scene.due_hook())
        .or_else(|| state.ending.as_ref().map(|_| Action::Record(Event::RunFinished)))
        .unwrap_or_else(|| scene.flow());
    scene.no_later_than_the_runs_deadline(action)
}

impl Scene<'_> {
    fn abort(&self) -> Option<Action> {
        if self.state.ending.is_some() {
            return None;
        }
        let abort = match &self.seen.abort {
            Some(request) => request.clone(),
            None if self.deadline().is_some_and(|deadline| self.now >= deadline) => {
                let timeout = self.plan.timeout.unwrap_or_default();
                let message = format!("the run took longer than its timeout of {timeout:#}");
                Abort { reason: AbortReason::RunTimeout, message }
            }
            None => return None,
        };
        Some(Action::Record(Event::Aborted(abort)))
    }

    /// Ends a run whose state is not that of a run of its plan: nothing of it can be trusted.
    fn mismatch(&self) -> Option<Action> {
        if self.state.ending.is_some() || self.state.fits(self.plan) {
            return None;
        }
        let message = "the status has other stages, hooks or steps than the run's plan: it was changed by hand";
        let (reason, message) = ("PlanMismatch".to_owned(), Some(message.to_owned()));
        Some(Action::Record(Event::Ended { phase: RunPhase::Failed, reason, message }))
    }

    /// When the run times out.
    fn deadline(&self) -> Option<Timestamp> {
        Some(later(self.state.started_at?, self.plan.timeout?))
    }

    fn no_later_than_the_runs_deadline(&self, action: Action) -> Action {
        match action {
            Action::Wait { until } if self.state.ending.is_none() => {
                Action::Wait { until: earlier(until, self.deadline()) }
            }
            action => action,
        }
    }
}

/// The earlier of two times, where `None` is never.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
