//! The lock that a run needs before it starts.

use jiff::Timestamp;

use super::end;
use crate::{Failure, Lock, LockAnswer, Plan, RunPhase, RunState};

/// The reason of a run that ends because another one has its lock.
const LOCKED: &str = "Locked";

/// The run has its lock, or waits for its turn, or ends.
pub(super) fn answer(plan: &Plan, run: &mut RunState, answer: LockAnswer, now: Timestamp) {
    if run.started_at.is_some() || run.ending.is_some() {
        return;
    }
    let since = run.lock.as_ref().map_or(now, |lock| lock.since);
    match answer {
        LockAnswer::Held { group } => run.lock = Some(Lock { group, since, position: 0, holder: None }),
        LockAnswer::Taken { group, holder, .. } if plan.lock.is_some_and(|lock| lock.ends_when_taken) => {
            let message = format!("run {holder} holds the lock {group:?}, and the pipeline wants no queue");
            end::decide(run, RunPhase::Cancelled, LOCKED.to_owned(), Some(message), now);
        }
        LockAnswer::Taken { group, position, holder } => {
            run.lock = Some(Lock { group, since, position: position.max(1), holder: Some(holder) });
        }
        LockAnswer::Failed(Failure { reason, message, .. }) => {
            end::decide(run, RunPhase::Failed, reason, Some(message), now);
        }
    }
}

/// The run ends: it keeps the lock that it has, if its plan says so, and it is not done.
pub(super) fn at_end(plan: &Plan, run: &mut RunState) {
    let is_kept = plan.lock.is_some_and(|lock| lock.kept_unless_succeeded) && run.phase != RunPhase::Succeeded;
    run.lock.take_if(|lock| !(is_kept && lock.is_held()));
}
