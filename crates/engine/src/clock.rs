//! The clocks of timeouts: they stand still while nothing but people and locks is waited for.

use jiff::{SignedDuration, Timestamp};

use crate::{RunState, StageState, StepState, event::later};

/// When a timeout is over that began at `started`; never while its clock stands still.
pub(crate) fn deadline(
    started: Option<Timestamp>,
    timeout: Option<SignedDuration>,
    held: (i64, Option<Timestamp>),
) -> Option<Timestamp> {
    let (seconds, since) = held;
    if since.is_some() {
        return None;
    }
    Some(later(later(started?, timeout?), SignedDuration::from_secs(seconds)))
}

/// Stops the clocks of what waits for people and locks alone since the last event, and starts those that go on.
pub(crate) fn keep(run: &mut RunState, now: Timestamp) {
    if run.started_at.is_none() || run.is_finished() {
        return;
    }
    // Once the result is decided nothing is waited for any more.
    let (is_held, is_paused) = (run.ending.is_none() && run.is_held(), run.is_paused());
    turn(is_held, &mut run.held_since, &mut run.held_seconds, now);
    for stage in &mut run.stages {
        let is_held = stage.is_held(is_paused);
        let StageState { held_since, held_seconds, .. } = stage;
        turn(is_held, held_since, held_seconds, now);
    }
    let hooks = run.hooks.iter_mut().flat_map(|hook| &mut hook.steps);
    for step in run.stages.iter_mut().flat_map(|stage| &mut stage.steps).chain(hooks) {
        let is_held = step.is_held();
        let StepState { held_since, held_seconds, .. } = step;
        turn(is_held, held_since, held_seconds, now);
    }
}

fn turn(is_held: bool, since: &mut Option<Timestamp>, seconds: &mut i64, now: Timestamp) {
    match *since {
        None if is_held => *since = Some(now),
        Some(start) if !is_held => {
            *seconds = seconds.saturating_add(now.duration_since(start).as_secs().max(0));
            *since = None;
        }
        _ => {}
    }
}
