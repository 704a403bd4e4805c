//! What happened to one step.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    End, Failure, Key, Nature, Outputs, Plan, Retry, RunState, Step, StepAt, StepPhase, StepState, WaitKind,
    WaitTarget, WaitingOn,
    event::later,
    limits::{
        MAX_DEPTH, MAX_MESSAGE, MAX_OUTPUTS_OF_A_RUN, MAX_OUTPUTS_OF_A_STEP, cut_to, json_size, nests_at_most,
        normalize, normalize_value, room_for_a_message,
    },
};

/// The step, if anything can still happen to it.
fn open(run: &mut RunState, at: StepAt) -> Option<&mut StepState> {
    at.of_mut(run).filter(|step| !step.phase.is_ended())
}

pub(super) fn answer(run: &mut RunState, at: StepAt, answer: Result<bool, Failure>, now: Timestamp) {
    match answer {
        Ok(true) => start(run, at),
        Ok(false) => {
            if let Some(step) = open(run, at) {
                end(step, StepPhase::Skipped, now);
                step.reason = Some("ConditionFalse".to_owned());
                step.message = Some("its condition `when` is false".to_owned());
            }
        }
        Err(failure) => {
            if let Some(step) = open(run, at) {
                end_failed(step, failure, now);
            }
        }
    }
}

pub(super) fn start(run: &mut RunState, at: StepAt) {
    if let Some(step) = open(run, at).filter(|step| step.phase == StepPhase::Pending) {
        step.phase = StepPhase::Starting;
    }
}

pub(super) fn claim(run: &mut RunState, at: StepAt, key: &Key, waiting_on: Option<WaitTarget>, now: Timestamp) {
    let room = room_for_a_message(run);
    let Some(step) = open(run, at) else { return };
    let is_new_attempt = step.phase != StepPhase::Running;
    step.phase = StepPhase::Running;
    step.claims = step.claims.saturating_add(1);
    step.key = Some(key.as_str().to_owned());
    step.retry_at = None;
    if is_new_attempt {
        step.held_seconds = 0;
        step.held_since = None;
        // Why the attempt before failed stays until something newer is seen: a timeout must not hide it.
        step.started_at = Some(now);
        step.progress = None;
        step.waiting_on = None;
    }
    if step.waiting_on.is_none() {
        step.waiting_on = waiting_on.map(|WaitTarget { kind, key }| {
            // An expression is for people alone; by the name of an object its events find the step.
            let room = if kind == WaitKind::Condition { room } else { MAX_MESSAGE };
            WaitingOn { kind, key: cut_to(room, key), since: now }
        });
    }
}

pub(super) fn progress(run: &mut RunState, at: StepAt, message: Option<String>, mut progress: Option<Value>) {
    let Some(kept) = open(run, at).map(|step| step.progress.take()) else { return };
    if let Some(progress) = &mut progress {
        normalize_value(progress);
    }
    // A sight too large to keep is no reason to fail: the message still tells.
    let size = progress.as_ref().map_or(0, json_size);
    let is_shallow = progress.as_ref().is_none_or(|progress| nests_at_most(progress, MAX_DEPTH));
    let fits = is_shallow && size <= MAX_OUTPUTS_OF_A_STEP && kept_by(run) + size <= MAX_OUTPUTS_OF_A_RUN;
    let Some(step) = open(run, at) else { return };
    step.progress = if fits { progress.filter(|progress| !progress.is_null()) } else { kept };
    if let Some(message) = message {
        step.reason = None;
        step.message = Some(message);
    }
}

pub(super) fn succeed(run: &mut RunState, at: StepAt, outputs: Outputs, now: Timestamp) {
    let outputs = keepable(run, outputs);
    let Some(step) = open(run, at) else { return };
    match outputs {
        Err(failure) => end_failed(step, failure, now),
        Ok(outputs) => {
            end(step, StepPhase::Succeeded, now);
            step.effect_unknown = false;
            step.reason = None;
            step.message = None;
            step.progress = None;
            step.outputs = outputs;
        }
    }
}

/// The outputs as they are kept, if there is room for them.
pub(super) fn keepable(run: &RunState, mut outputs: Outputs) -> Result<Outputs, Failure> {
    normalize(&mut outputs);
    fits(run, &outputs).map(|()| outputs)
}

/// Whether there is room for these outputs. Nothing always fits.
fn fits(run: &RunState, outputs: &Outputs) -> Result<(), Failure> {
    if outputs.is_empty() {
        return Ok(());
    }
    if !outputs.values().all(|value| nests_at_most(value, MAX_DEPTH)) {
        let message = format!("the outputs nest deeper than {MAX_DEPTH} levels");
        return Err(Failure::definite("OutputTooDeep", message));
    }
    let size = json_size(outputs);
    if size > MAX_OUTPUTS_OF_A_STEP {
        let message = format!("the outputs take {size} bytes; at most {MAX_OUTPUTS_OF_A_STEP} are kept");
        return Err(Failure::definite("OutputTooLarge", message));
    }
    let kept: usize = run.steps().map(outputs_of).sum();
    if kept + size > MAX_OUTPUTS_OF_A_RUN {
        let message = format!(
            "the outputs take {size} bytes besides the {kept} of earlier steps; at most {MAX_OUTPUTS_OF_A_RUN} are kept of a run"
        );
        return Err(Failure::definite("OutputTooLarge", message));
    }
    Ok(())
}

/// Bytes of the step's outputs.
fn outputs_of(step: &StepState) -> usize {
    if step.outputs.is_empty() { 0 } else { json_size(&step.outputs) }
}

/// Bytes of everything that the run keeps of its steps' results and sights.
fn kept_by(run: &RunState) -> usize {
    run.steps().map(|step| outputs_of(step) + step.progress.as_ref().map_or(0, json_size)).sum()
}

pub(super) fn fail(plan: &Plan, run: &mut RunState, at: StepAt, failure: Failure, retry: bool, now: Timestamp) {
    let policy = planned(plan, run, at).map(|step| step.retry.clone());
    let Some(step) = open(run, at) else { return };
    match policy.filter(|policy| retry && failure.end != End::Unresolved && step.attempt <= policy.limit) {
        Some(policy) => try_again(step, &policy, failure, now),
        None => end_failed(step, failure, now),
    }
}

fn planned<'p>(plan: &'p Plan, run: &RunState, at: StepAt) -> Option<&'p Step> {
    let steps = match at {
        StepAt::Stage { stage, .. } => &plan.stage(&run.stages.get(stage)?.name)?.steps,
        StepAt::Hook { hook, .. } => &plan.hook(&run.hooks.get(hook)?.hook)?.steps,
    };
    steps.get(at.step())
}

fn try_again(step: &mut StepState, policy: &Retry, failure: Failure, now: Timestamp) {
    step.attempt = step.attempt.saturating_add(1);
    step.effect_unknown = failure.end != End::Known;
    if failure.end == End::Known {
        step.epoch = step.epoch.saturating_add(1);
        step.key = None;
        step.claims = 0;
    }
    let pause = policy.backoff.before(step.attempt).max(failure.retry_after.unwrap_or_default());
    let retry_at = later(now, pause);
    step.phase = StepPhase::Starting;
    step.retry_at = Some(retry_at);
    step.reason = Some(failure.reason);
    step.message = Some(failure.message);
    step.waiting_on = Some(WaitingOn { kind: WaitKind::Time, key: retry_at.to_string(), since: now });
}

fn end_failed(step: &mut StepState, failure: Failure, now: Timestamp) {
    let unresolved = failure.end == End::Unresolved;
    end(step, if unresolved { StepPhase::Unknown } else { StepPhase::Failed }, now);
    step.effect_unknown = failure.end != End::Known && step.key.is_some();
    step.transient = failure.transient;
    step.reason = Some(failure.reason);
    step.message = Some(failure.message);
}

pub(super) fn end(step: &mut StepState, phase: StepPhase, now: Timestamp) {
    step.phase = phase;
    step.finished_at = Some(now);
    step.retry_at = None;
    step.waiting_on = None;
}

/// Ends what has begun as aborted, and what has not as omitted.
pub(super) fn abort_all(steps: &mut [StepState], now: Timestamp) {
    for step in steps.iter_mut().filter(|step| step.phase.is_under_way()) {
        end(step, StepPhase::Aborted, now);
    }
    end_unstarted(steps, StepPhase::Omitted);
}

/// What a person is told of an aborted step that may have acted.
const ACTED_UNSEEN: &str =
    "it was aborted, and it is not known whether its request was carried out: look at what it changes";

/// Marks the steps under these keys that may have acted: nothing is recorded of it, and nobody will look for it.
pub(super) fn tell_unsettled(plan: &Plan, run: &mut RunState, unsettled: &BTreeSet<String>) {
    let places = run.places().collect::<Vec<_>>();
    for at in places {
        let acts_for_good = planned(plan, run, at).is_some_and(|step| step.nature == Nature::Acts && !step.undo);
        let Some(step) = open(run, at).filter(|step| acts_for_good && step.phase == StepPhase::Running) else {
            continue;
        };
        // A message with a reason is the failure of the attempt before.
        let was_seen = step.progress.is_some() || (step.message.is_some() && step.reason.is_none());
        if !was_seen && step.key.as_ref().is_some_and(|key| unsettled.contains(key)) {
            step.effect_unknown = true;
            step.reason = Some("EffectUnknown".to_owned());
            step.message = Some(ACTED_UNSEEN.to_owned());
        }
    }
}

pub(super) fn end_unstarted(steps: &mut [StepState], phase: StepPhase) {
    steps.iter_mut().filter(|step| step.phase == StepPhase::Pending).for_each(|step| step.phase = phase);
}
