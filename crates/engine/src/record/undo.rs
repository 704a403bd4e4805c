//! Taking effects back.

use jiff::{SignedDuration, Timestamp};

use crate::{Backoff, Failure, RunState, Step, StepAt, StepState, Undo, UndoPhase, Undone, event::later};

/// How long it is tried while it fails.
const TRIED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// How long it may take altogether: what ends may have hooks of its own to run.
const AWAITED_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What is on its way is looked at again after a pause as long as it has taken, between these two.
const LOOK_AFTER: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(1), SignedDuration::from_secs(10));

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

pub(super) fn record(run: &mut RunState, at: StepAt, result: Result<Undone, Failure>, now: Timestamp) {
    let Some(step) = at.of_mut(run) else { return };
    let Some(undo) = step.undo.as_mut().filter(|undo| undo.phase == UndoPhase::Pending) else { return };
    undo.retry_at = None;
    match result {
        Ok(Undone::Done) => {
            undo.phase = UndoPhase::Undone;
            undo.failing_since = None;
            undo.message = None;
            // It was looked for: what became of it is known now.
            step.effect_unknown = false;
        }
        Ok(Undone::NotYet { message }) => {
            undo.message = Some(message);
            undo.attempt = 1;
            undo.failing_since = None;
            let (least, most) = LOOK_AFTER;
            again(undo, now.duration_since(undo.since).clamp(least, most), now);
        }
        Err(failure) => {
            undo.message = Some(failure.message);
            undo.failing_since.get_or_insert(now);
            if failure.transient {
                undo.attempt = undo.attempt.saturating_add(1);
                let pause = PAUSES.before(undo.attempt).max(failure.retry_after.unwrap_or_default());
                again(undo, pause, now);
            } else {
                undo.phase = UndoPhase::Failed;
            }
        }
    }
}

/// Has it tried again after the pause, unless its time is over.
fn again(undo: &mut Undo, pause: SignedDuration, now: Timestamp) {
    let failing = undo.failing_since.map(|since| later(since, TRIED_FOR));
    let awaited = later(undo.since, AWAITED_FOR);
    let end = failing.map_or(awaited, |failing| failing.min(awaited));
    if now < end {
        undo.retry_at = Some(later(now, pause).min(end));
    } else {
        undo.phase = UndoPhase::Failed;
    }
}
