//! The log of a run: one line for each thing that happened, with the words that a person searches for.

use sluice_api::RunIdentity;
use sluice_engine::{Abort, Event, LockAnswer, RunState, StepAt, Undone};

use super::stage_of;

/// Logs the event; `state` is the one before it.
pub(super) fn log(run: &RunIdentity, state: &RunState, event: &Event) {
    match event {
        // Said by what follows from it.
        Event::Progressed { .. } | Event::Answered(..) | Event::StepStarted(_) | Event::StageJudged { .. } => {}
        Event::Asked { action, .. } => of_run(run, "asked", &format!("{:?} by {}", action.r#type, action.by)),
        Event::Suspended(Some(reason)) => of_run(run, "pipeline suspended", reason),
        Event::Suspended(None) => of_run(run, "pipeline no longer suspended", ""),
        Event::Lock(LockAnswer::Held { group }) => of_run(run, "lock taken", group),
        // Looked at again.
        Event::Lock(LockAnswer::Taken { .. }) if state.lock.is_some() => {}
        Event::Lock(LockAnswer::Taken { group, holder, .. }) => {
            of_run(run, "lock taken by another run", &format!("{group}: {holder}"));
        }
        Event::Lock(LockAnswer::Failed(failure)) => of_run(run, "no lock", &failure.message),
        Event::Bound { stage, approval } => {
            let why = approval.as_ref().err().map(|failure| failure.message.as_str()).unwrap_or_default();
            of_stage(run, state, *stage, "stage bound", why);
        }
        Event::Claimed { at, key, .. } => of_step(run, state, *at, key.as_str(), "claimed", ""),
        Event::Succeeded { at, .. } => of_step(run, state, *at, "", "succeeded", ""),
        Event::Failed { at, failure, retry } => {
            let message = if *retry { "attempt failed" } else { "failed" };
            of_step(run, state, *at, "", message, &format!("{}: {}", failure.reason, failure.message));
        }
        Event::StageStarted(stage) => of_stage(run, state, *stage, "stage started", ""),
        Event::StageTimedOut(stage) => of_stage(run, state, *stage, "stage timed out", ""),
        Event::Listed { stage, items } => {
            let detail =
                items.as_ref().map_or_else(|error| error.message.clone(), |items| format!("{} items", items.len()));
            of_stage(run, state, *stage, "stage listed", &detail);
        }
        Event::StageGivenUp(stage) => {
            of_stage(run, state, *stage, "stage is not tried again", "what it did is still there")
        }
        Event::StageBegunAgain(stage) => of_stage(run, state, *stage, "stage begins again", ""),
        Event::StageResumed(stage) => of_stage(run, state, *stage, "stage resumed", ""),
        Event::Undone(at, result) => {
            let (message, why) = match result {
                Ok(Undone::Done) => ("taken back", String::new()),
                Ok(Undone::NotYet { message }) => ("being taken back", message.clone()),
                Err(error) => ("not taken back", format!("{}: {}", error.reason, error.message)),
            };
            of_step(run, state, *at, "", message, &why);
        }
        Event::OutputsComputed(outputs) => {
            let detail = outputs.as_ref().err().map(|error| error.message.as_str()).unwrap_or_default();
            of_run(run, "outputs computed", detail);
        }
        Event::StageEnded { stage, phase, .. } => of_stage(run, state, *stage, "stage ended", &format!("{phase:?}")),
        Event::HookStarted { hook, event, subject, .. } => {
            of_run(run, "hook started", &format!("{hook}, on {event:?} of {subject}"));
        }
        Event::HookEnded { hook, phase } => {
            let name = state.hooks.get(*hook).map_or("", |hook| hook.hook.as_str());
            of_run(run, "hook ended", &format!("{name}: {phase:?}"));
        }
        Event::RunStarted => of_run(run, "run started", ""),
        Event::Aborted { why: Abort { reason, message }, .. } => {
            of_run(run, "run aborted", &format!("{reason}: {message}"));
        }
        Event::Ended { phase, message, .. } => {
            of_run(run, "result decided", &format!("{phase:?}: {}", message.as_deref().unwrap_or("all stages done")));
        }
        Event::RunFinished => of_run(run, "run finished", ""),
    }
}

fn of_run(run: &RunIdentity, message: &str, detail: &str) {
    let RunIdentity { name, namespace, .. } = run;
    tracing::info!(%namespace, run = %name, detail, "{message}");
}

fn of_stage(run: &RunIdentity, state: &RunState, stage: usize, message: &str, detail: &str) {
    let RunIdentity { name, namespace, .. } = run;
    let Some(stage) = state.stages.get(stage) else { return };
    let (stage, item, attempt) = (&stage.name, stage.item.as_deref(), stage.attempt);
    tracing::info!(%namespace, run = %name, %stage, item, attempt, detail, "{message}");
}

/// `key` is the one that is new with the event; otherwise the step's own.
fn of_step(run: &RunIdentity, state: &RunState, at: StepAt, key: &str, message: &str, detail: &str) {
    let RunIdentity { name, namespace, .. } = run;
    let Some(step) = at.of(state) else { return };
    let key = if key.is_empty() { step.key.as_deref().unwrap_or_default() } else { key };
    let (stage, epoch, attempt) = (stage_of(state, at), step.epoch, step.attempt);
    tracing::info!(%namespace, run = %name, stage, step = %step.name, epoch, attempt, key, detail, "{message}");
}
