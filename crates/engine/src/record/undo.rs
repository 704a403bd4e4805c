//! Taking effects back.

use jiff::{SignedDuration, Timestamp};

use crate::{Backoff, Failure, RunState, Step, StepAt, StepState, Undo, UndoPhase, event::later};

/// How long it is tried.
const TRIED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The pauses between attempts: the other side may still be at it.
const PAUSES: Backoff =
    Backoff { initial: SignedDuration::from_secs(1), factor: 2, max: SignedDuration::from_secs(10) };

/// From now on the step's effect is taken back, if it can be and there may be one.
pub(super) fn ask(step: &mut StepState, plan: &Step, now: Timestamp) {
    // An abort may come while a stage that is tried again takes its effects back.
    let is_undone = step.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Undone);
    if plan.undo && step.key.is_some() && !is_undone {
        step.undo = Some(Undo::since(now));
    }
}

pub(super) fn record(run: &mut RunState, at: StepAt, result: Result<(), Failure>, now: Timestamp) {
    let undo = at.of_mut(run).and_then(|step| step.undo.as_mut());
    let Some(undo) = undo.filter(|undo| undo.phase == UndoPhase::Pending) else { return };
    undo.retry_at = None;
    match result {
        Ok(()) => {
            undo.phase = UndoPhase::Undone;
            undo.message = None;
        }
        Err(failure) => {
            let is_late = now >= later(undo.since, TRIED_FOR);
            undo.message = Some(failure.message);
            if failure.transient && !is_late {
                undo.attempt = undo.attempt.saturating_add(1);
                let pause = PAUSES.before(undo.attempt).max(failure.retry_after.unwrap_or_default());
                undo.retry_at = Some(later(now, pause).min(later(undo.since, TRIED_FOR)));
            } else {
                undo.phase = UndoPhase::Failed;
            }
        }
    }
}
