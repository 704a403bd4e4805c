//! What people asked for: each entry is done, or it is said why not. None is lost.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{again, end, skip, stage};
use crate::{
    Abort, AbortReason, ActionOutcome, ActionResult, ActionType, Approver, Paused, Plan, RunAction, RunState,
    StageState,
    limits::{cut_to, room_for_a_message},
};

/// Why an entry changes nothing.
type Refusal = String;

/// Answers the next entry that is not answered yet.
pub(super) fn answer(
    plan: &Plan,
    run: &mut RunState,
    action: &RunAction,
    is_enforced: bool,
    unsettled: &BTreeSet<String>,
    now: Timestamp,
) {
    let done = |result: Result<(), Refusal>| result.map(|()| None);
    let outcome = match action.r#type {
        kind if kind.needs_authority() && !is_enforced => Err(NOT_ENFORCED.to_owned()),
        ActionType::Approve => done(approve(plan, run, action, now)),
        ActionType::Reject => done(reject(plan, run, action, now)),
        ActionType::Abort => done(abort(plan, run, action, unsettled, now)),
        ActionType::Pause => done(pause(run, action, now)),
        ActionType::Resume => done(resume(run)),
        ActionType::Retry => again::retry(plan, run, action),
        ActionType::Skip => done(skip::skip(plan, run, action, now)),
        ActionType::Unlock => done(unlock(run)),
    };
    // What is still missing after it was done, or why it was not.
    let (result, message) = match outcome {
        Ok(message) => (ActionOutcome::Applied, message),
        Err(refusal) => (ActionOutcome::Ignored, Some(cut_to(room_for_a_message(run), refusal))),
    };
    let index = i32::try_from(run.actions.len()).unwrap_or(i32::MAX);
    run.actions.push(ActionResult { index, result, message, at: Some(now) });
}

/// What is said where anybody could have written the entry.
const NOT_ENFORCED: &str = "nobody checks who asks for what: the admission policies of Sluice are not in force in this \
                            namespace; install them, and ask again";

fn approve(plan: &Plan, run: &mut RunState, action: &RunAction, now: Timestamp) -> Result<(), Refusal> {
    not_decided(run)?;
    let places = awaiting(run, action)?;
    if let Some(failed) = run.stages.iter().find(|stage| stage.has_failed()) {
        return Err(format!("the run is going to fail: stage {} has failed", failed.title()));
    }
    let has_not_yet = |place: &usize| {
        let by = run.stages[*place].approval.iter().flat_map(|approval| &approval.by);
        by.into_iter().all(|approver| approver.name != action.by)
    };
    let places: Vec<usize> = places.into_iter().filter(has_not_yet).collect();
    if places.is_empty() {
        return Err(format!("{} has approved it before; somebody else has to", action.by));
    }
    for place in places {
        // The entry has all of it.
        let reason = action.reason.clone().map(|reason| cut_to(room_for_a_message(run), reason));
        let entry = &mut run.stages[place];
        let approver = Approver { name: action.by.clone(), at: now, reason };
        let Some(approval) = &mut entry.approval else { continue };
        approval.by.push(approver);
        if approval.missing() == 0 {
            stage::enter(plan, entry, now);
        }
    }
    Ok(())
}

fn reject(plan: &Plan, run: &mut RunState, action: &RunAction, now: Timestamp) -> Result<(), Refusal> {
    not_decided(run)?;
    for place in awaiting(run, action)? {
        stage::reject(plan, run, place, action.told("rejected"), now);
    }
    Ok(())
}

/// The entries of the stage that wait for approvals.
fn awaiting(run: &RunState, action: &RunAction) -> Result<Vec<usize>, Refusal> {
    let places = named(run, action)?;
    let waits =
        |entry: &StageState| entry.awaits_approval() && action.attempt.is_none_or(|attempt| attempt == entry.attempt);
    let found: Vec<usize> = places.iter().copied().filter(|place| waits(&run.stages[*place])).collect();
    match (found.is_empty(), action.attempt) {
        (false, _) => Ok(found),
        (true, Some(attempt)) => {
            let now = run.stages[places[0]].attempt;
            Err(format!("attempt {attempt} of it waits for no approval; it is at attempt {now}"))
        }
        (true, None) => Err("it waits for no approval".to_owned()),
    }
}

/// The places of the stage, or of the item of it, that is meant; at least one.
pub(super) fn named(run: &RunState, action: &RunAction) -> Result<Vec<usize>, Refusal> {
    let Some(name) = &action.stage else { return Err("it names no stage".to_owned()) };
    let is_meant = |entry: &StageState| {
        entry.name == *name && action.item.as_ref().is_none_or(|item| entry.item.as_ref() == Some(item))
    };
    let places: Vec<usize> =
        run.stages.iter().enumerate().filter(|(_, entry)| is_meant(entry)).map(|(place, _)| place).collect();
    match (places.is_empty(), &action.item) {
        (false, _) => Ok(places),
        (true, None) => Err(format!("there is no stage {name:?}")),
        (true, Some(item)) => Err(format!("stage {name:?} has no item {item:?}")),
    }
}

fn abort(
    plan: &Plan,
    run: &mut RunState,
    action: &RunAction,
    unsettled: &BTreeSet<String>,
    now: Timestamp,
) -> Result<(), Refusal> {
    not_decided(run)?;
    let why = Abort { reason: AbortReason::Aborted, message: action.told("aborted") };
    end::abort(plan, run, why, unsettled, now);
    Ok(())
}

fn pause(run: &mut RunState, action: &RunAction, now: Timestamp) -> Result<(), Refusal> {
    not_decided(run)?;
    if let Some(paused) = &run.paused {
        return Err(format!("it was paused before, by {}", paused.by));
    }
    run.paused = Some(Paused { by: action.by.clone(), reason: action.reason.clone(), since: now });
    Ok(())
}

fn resume(run: &mut RunState) -> Result<(), Refusal> {
    not_decided(run)?;
    run.paused.take().map(drop).ok_or_else(|| match run.suspended {
        Some(_) => "nobody has paused the run: its pipeline is suspended".to_owned(),
        None => "it is not paused".to_owned(),
    })
}

fn unlock(run: &mut RunState) -> Result<(), Refusal> {
    if !run.is_finished() {
        return Err("the run has not ended; abort it instead".to_owned());
    }
    run.lock.take().map(drop).ok_or_else(|| "the run holds no lock".to_owned())
}

/// Whether the run can still go another way.
fn not_decided(run: &RunState) -> Result<(), Refusal> {
    match run.ending {
        Some(_) => Err("the run's result was decided before".to_owned()),
        None => Ok(()),
    }
}
