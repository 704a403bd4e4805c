//! How a run ends.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{lock, step, undo};
use crate::{
    Abort, Ending, Failure, Outputs, Plan, RunPhase, RunState, StagePhase, StageState, StepPhase,
    limits::{SHORT_MESSAGE, cut_to},
};

/// Every stage is done: the run succeeds with these outputs, or fails for want of them.
pub(super) fn compute_outputs(run: &mut RunState, outputs: Result<Outputs, Failure>, now: Timestamp) {
    if run.ending.is_some() {
        return;
    }
    match outputs.and_then(|outputs| step::keepable(run, outputs)) {
        Ok(outputs) => {
            run.outputs = outputs;
            decide(run, RunPhase::Succeeded, "Succeeded".to_owned(), None, now);
        }
        Err(failure) => {
            let message = format!("the outputs of the run cannot be computed: {}", failure.message);
            decide(run, RunPhase::Failed, "OutputsFailed".to_owned(), Some(message), now);
        }
    }
}

/// Decides the result, once: hooks may still run. Nobody is asked for approvals any more.
pub(super) fn decide(run: &mut RunState, phase: RunPhase, reason: String, message: Option<String>, now: Timestamp) {
    if run.ending.is_some() {
        return;
    }
    run.stages.iter_mut().filter(|stage| stage.awaits_approval()).for_each(omit);
    run.ending = Some(Ending { phase, reason, message, at: now });
}

/// It never starts.
fn omit(stage: &mut StageState) {
    stage.phase = StagePhase::Omitted;
    step::end_unstarted(&mut stage.steps, StepPhase::Omitted);
}

/// Ends everything that is under way, and asks for its effects back; what never started is omitted when the run finishes.
pub(super) fn abort(
    plan: &Plan,
    run: &mut RunState,
    Abort { reason, message }: Abort,
    unsettled: &BTreeSet<String>,
    now: Timestamp,
) {
    if run.ending.is_some() {
        return;
    }
    let reason = reason.as_str().to_owned();
    // Without its lock it takes back nothing: another run may be at it.
    if !run.lacks_lock(plan) {
        ask_for_effects(plan, run, now);
    }
    step::tell_unsettled(plan, run, unsettled);
    abort_stages(run, &reason, &message, now);
    abort_hooks(run, now);
    decide(run, RunPhase::Aborted, reason, Some(message), now);
}

/// The effects of every stage, and of the hooks that end with the run.
fn ask_for_effects(plan: &Plan, run: &mut RunState, now: Timestamp) {
    for stage in &mut run.stages {
        let steps = plan.stage(&stage.name).map(|stage| stage.steps.as_slice()).unwrap_or_default();
        stage.steps.iter_mut().zip(steps).for_each(|(step, plan)| undo::ask(step, plan, now));
    }
    for hook in run.hooks.iter_mut().filter(|hook| !hook.phase.is_ended()) {
        let steps = plan.hook(&hook.hook).map(|hook| hook.steps.as_slice()).unwrap_or_default();
        hook.steps.iter_mut().zip(steps).for_each(|(step, plan)| undo::ask(step, plan, now));
    }
}

fn abort_stages(run: &mut RunState, reason: &str, message: &str, now: Timestamp) {
    for stage in run.stages.iter_mut().filter(|stage| stage.is_under_way()) {
        stage.phase = StagePhase::Aborted;
        stage.next = None;
        stage.resume_at = None;
        stage.finished_at = Some(now);
        stage.reason = Some(reason.to_owned());
        // The ending has all of it.
        stage.message = Some(cut_to(SHORT_MESSAGE, message.to_owned()));
        step::abort_all(&mut stage.steps, now);
    }
}

fn abort_hooks(run: &mut RunState, now: Timestamp) {
    for hook in run.hooks.iter_mut().filter(|hook| !hook.phase.is_ended()) {
        hook.phase = StagePhase::Aborted;
        hook.finished_at = Some(now);
        step::abort_all(&mut hook.steps, now);
    }
}

pub(super) fn finish(plan: &Plan, run: &mut RunState, now: Timestamp) {
    run.phase = run.ending.as_ref().map_or(RunPhase::Failed, |ending| ending.phase);
    run.finished_at = Some(now);
    // Only a state that did not fit its plan, or lost it, still has something under way here.
    abort_hooks(run, now);
    if let Some(Ending { reason, message, .. }) = run.ending.clone() {
        abort_stages(run, &reason, message.as_deref().unwrap_or_default(), now);
    }
    run.stages.iter_mut().filter(|stage| !stage.phase.is_ended()).for_each(omit);
    run.paused = None;
    run.suspended = None;
    lock::at_end(plan, run);
}
