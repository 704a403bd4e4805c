//! What a person passes: a step, or all of a stage that has not ended.

use jiff::Timestamp;

use super::{again, asked::named, step};
use crate::{
    Plan, RunAction, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState,
    limits::{cut_to, room_for_a_message},
};

/// The reason of what a person has passed.
const SKIPPED: &str = "SkippedByPerson";

pub(super) fn skip(plan: &Plan, run: &mut RunState, action: &RunAction, now: Timestamp) -> Result<(), String> {
    let places = named(run, action)?;
    let open: Vec<usize> = places.into_iter().filter(|place| is_open(&run.stages[*place], action)).collect();
    if open.is_empty() {
        return Err(match &action.step {
            None => "nothing of the stage is left to be passed".to_owned(),
            Some(step) => format!("the stage has no step {step:?}, or it has succeeded or was skipped"),
        });
    }
    if open.iter().any(|place| run.stages[*place].next.is_some()) {
        return Err("the stage is about to be done again; pass it once that has begun".to_owned());
    }
    let revives = revives(plan, run, action, &open)?;
    let message = cut_to(room_for_a_message(run), action.told("skipped"));
    let guard = open.first().and_then(|place| run.stages[*place].guard.clone());
    for place in open {
        let entry = &mut run.stages[place];
        if entry.is_final() {
            again::go_on(entry);
        }
        pass(entry, action.step.as_deref(), &message, now);
    }
    if revives {
        again::revive(run, guard.as_ref());
    }
    Ok(())
}

/// Whether the run, which has ended, goes on: when nothing that failed is left. Whoever may pass something cannot thereby have
/// something else done again.
fn revives(plan: &Plan, run: &RunState, action: &RunAction, open: &[usize]) -> Result<bool, String> {
    match &run.ending {
        None => return Ok(false),
        Some(ending) if ending.phase == RunPhase::Succeeded => return Err("the run has succeeded".to_owned()),
        Some(_) => again::fits(plan, run)?,
    }
    let (passed, left): (Vec<_>, Vec<_>) = (0..run.stages.len())
        .filter(|place| run.stages[*place].has_ended_badly())
        .partition(|place| open.contains(place));
    match left.first() {
        None if !passed.is_empty() => Ok(true),
        // A stage that is passed as a whole is so when the run is retried.
        _ if action.step.is_none() => Ok(false),
        None => Err("the run did not fail there; retry it first".to_owned()),
        Some(left) => {
            let left = run.stages[*left].title();
            Err(format!("stage {left} has failed, too; pass that one first, or retry the run"))
        }
    }
}

/// Whether there is anything in it that can be passed.
fn is_open(entry: &StageState, action: &RunAction) -> bool {
    let is_left = |step: &StepState| !matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped);
    match &action.step {
        Some(name) => entry.steps.iter().any(|step| step.name == *name && is_left(step)),
        None => !matches!(entry.phase, StagePhase::Succeeded | StagePhase::Skipped),
    }
}

fn pass(entry: &mut StageState, only: Option<&str>, message: &str, now: Timestamp) {
    for step in entry.steps.iter_mut().filter(|step| only.is_none_or(|only| step.name == only)) {
        if !step.phase.is_ended() {
            step.effect_unknown |= step.phase == StepPhase::Running;
            step::end(step, StepPhase::Skipped, now);
            step.reason = Some(SKIPPED.to_owned());
            // The stage has it, where all of it is passed.
            step.message = only.map(|_| message.to_owned());
        }
    }
    if only.is_none() {
        entry.phase = StagePhase::Skipped;
        entry.resume_at = None;
        entry.finished_at = Some(now);
        entry.reason = Some(SKIPPED.to_owned());
        entry.message = Some(message.to_owned());
    }
}
