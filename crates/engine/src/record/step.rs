//! What happened to one step.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    End, Failure, Key, Outputs, Plan, Retry, RunState, StepAt, StepPhase, StepState, WaitKind, WaitTarget, WaitingOn,
    event::later,
    limits::{MAX_OUTPUTS_OF_A_RUN, MAX_OUTPUTS_OF_A_STEP, cut, json_size, normalize, normalize_value},
};

pub(super) fn answer(run: &mut RunState, at: StepAt, answer: Result<bool, Failure>, now: Timestamp) {
    match answer {
        Ok(true) => start(run, at),
        Ok(false) => {
            if let Some(step) = at.of_mut(run) {
                end(step, StepPhase::Skipped, now);
                step.reason = Some("ConditionFalse".to_owned());
                step.message = Some("its condition `when` is false".to_owned());
            }
        }
        Err(failure) => {
            if let Some(step) = at.of_mut(run) {
                end_failed(step, failure, now);
            }
        }
    }
}

pub(super) fn start(run: &mut RunState, at: StepAt) {
    if let Some(step) = at.of_mut(run) {
        step.phase = StepPhase::Starting;
    }
}

pub(super) fn claim(run: &mut RunState, at: StepAt, key: &Key, waiting_on: Option<WaitTarget>, now: Timestamp) {
    let Some(step) = at.of_mut(run) else { return };
    let is_new_attempt = step.phase != StepPhase::Running;
    step.phase = StepPhase::Running;
    step.claims = step.claims.saturating_add(1);
    step.key = Some(key.as_str().to_owned());
    step.retry_at = None;
    if is_new_attempt {
        step.started_at = Some(now);
        step.reason = None;
        step.message = None;
        step.progress = None;
        step.waiting_on = None;
    }
    if step.waiting_on.is_none() {
        step.waiting_on = waiting_on.map(|WaitTarget { kind, key }| WaitingOn { kind, key, since: now });
    }
}

pub(super) fn progress(run: &mut RunState, at: StepAt, message: Option<String>, mut progress: Option<Value>) {
    let Some(step) = at.of_mut(run) else { return };
    if let Some(progress) = &mut progress {
        normalize_value(progress);
    }
    // A sight too large to keep is no reason to fail: the message still tells.
    let fits = progress.as_ref().is_none_or(|progress| json_size(progress) <= MAX_OUTPUTS_OF_A_STEP);
    step.message = message.map(cut);
    if fits {
        step.progress = progress;
    }
}

pub(super) fn succeed(run: &mut RunState, at: StepAt, mut outputs: Outputs, now: Timestamp) {
    normalize(&mut outputs);
    if let Err(failure) = fits(run, &outputs) {
        if let Some(step) = at.of_mut(run) {
            end_failed(step, failure, now);
        }
        return;
    }
    let Some(step) = at.of_mut(run) else { return };
    end(step, StepPhase::Succeeded, now);
    step.reason = None;
    step.message = None;
    step.outputs = outputs;
}

fn fits(run: &RunState, outputs: &Outputs) -> Result<(), Failure> {
    let size = json_size(outputs);
    if size > MAX_OUTPUTS_OF_A_STEP {
        let message = format!("the outputs take {size} bytes; at most {MAX_OUTPUTS_OF_A_STEP} are kept");
        return Err(Failure::definite("OutputTooLarge", message));
    }
    let kept: usize = run.steps().filter(|step| !step.outputs.is_empty()).map(|step| json_size(&step.outputs)).sum();
    if kept + size > MAX_OUTPUTS_OF_A_RUN {
        let message = format!(
            "the outputs take {size} bytes besides the {kept} of earlier steps; at most {MAX_OUTPUTS_OF_A_RUN} are kept of a run"
        );
        return Err(Failure::definite("OutputTooLarge", message));
    }
    Ok(())
}

pub(super) fn fail(plan: &Plan, run: &mut RunState, at: StepAt, failure: Failure, retry: bool, now: Timestamp) {
    let policy = policy(plan, run, at);
    let Some(step) = at.of_mut(run) else { return };
    match policy.filter(|policy| retry && failure.end != End::Unresolved && step.attempt <= policy.limit) {
        Some(policy) => try_again(step, &policy, failure, now),
        None => end_failed(step, failure, now),
    }
}

fn policy(plan: &Plan, run: &RunState, at: StepAt) -> Option<Retry> {
    let steps = match at {
        StepAt::Stage { stage, .. } => &plan.stage(&run.stages.get(stage)?.name)?.steps,
        StepAt::Hook { hook, .. } => &plan.hook(&run.hooks.get(hook)?.hook)?.steps,
    };
    Some(steps.get(at.step())?.retry.clone())
}

fn try_again(step: &mut StepState, policy: &Retry, failure: Failure, now: Timestamp) {
    step.attempt += 1;
    if failure.end == End::Known {
        step.epoch += 1;
        step.key = None;
        step.claims = 0;
    }
    let pause = policy.backoff.before(step.attempt).max(failure.retry_after.unwrap_or_default());
    let retry_at = later(now, pause);
    step.phase = StepPhase::Starting;
    step.retry_at = Some(retry_at);
    step.reason = Some(failure.reason);
    step.message = Some(cut(failure.message));
    step.waiting_on = Some(WaitingOn { kind: WaitKind::Time, key: retry_at.to_string(), since: now });
}

fn end_failed(step: &mut StepState, failure: Failure, now: Timestamp) {
    let unresolved = failure.end == End::Unresolved;
    end(step, if unresolved { StepPhase::Unknown } else { StepPhase::Failed }, now);
    step.reason = Some(failure.reason);
    step.message = Some(cut(failure.message));
}

pub(super) fn end(step: &mut StepState, phase: StepPhase, now: Timestamp) {
    step.phase = phase;
    step.finished_at = Some(now);
    step.retry_at = None;
    step.waiting_on = None;
}
