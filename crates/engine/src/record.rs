//! Records what happened: the only function that changes a state. Pure.

mod step;

use jiff::Timestamp;

use crate::{
    Abort, Ending, Event, HookState, Plan, Question, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState,
    limits::cut,
};

/// The state that follows the event.
///
/// An event that does not fit the state (a step that is not there, or one that has ended) changes nothing:
/// what has ended stays as it is, and the state is always one that [`crate::decide`] can go on from.
#[must_use]
pub fn record(plan: &Plan, mut state: RunState, event: Event, now: Timestamp) -> RunState {
    if state.is_finished() {
        return state;
    }
    let run = &mut state;
    match event {
        Event::RunStarted => {
            run.phase = RunPhase::Running;
            run.started_at.get_or_insert(now);
        }
        Event::Answered(Question::StageWhen(stage), answer) => answer_stage(run, stage, answer, now),
        Event::Answered(Question::StepWhen(at), answer) => step::answer(run, at, answer, now),
        Event::StageStarted(stage) => start_stage(run, stage, now),
        Event::StageEnded { stage, phase, why } => end_stage(run, stage, phase, why, now),
        Event::StageTimedOut(stage) => time_out_stage(plan, run, stage, now),
        Event::StepStarted(at) => step::start(run, at),
        Event::Claimed { at, key, waiting_on } => step::claim(run, at, &key, waiting_on, now),
        Event::Progressed { at, message, progress } => step::progress(run, at, message, progress),
        Event::Succeeded { at, outputs } => step::succeed(run, at, outputs, now),
        Event::Failed { at, failure, retry } => step::fail(plan, run, at, failure, retry, now),
        Event::HookStarted { hook, event, subject, attempt } => {
            let steps = plan.hook(&hook).map(|hook| StepState::of_all(&hook.steps)).unwrap_or_default();
            let phase = StagePhase::Running;
            run.hooks.push(HookState {
                hook,
                event,
                subject,
                attempt,
                phase,
                started_at: Some(now),
                finished_at: None,
                steps,
            });
        }
        Event::HookEnded { hook, phase } => end_hook(run, hook, phase, now),
        Event::Aborted(why) => abort(run, why, now),
        Event::Ended { phase, reason, message } => {
            run.ending.get_or_insert(Ending { phase, reason, message: message.map(cut), at: now });
        }
        Event::RunFinished => finish(run, now),
    }
    state
}

fn answer_stage(run: &mut RunState, stage: usize, answer: Result<bool, crate::Failure>, now: Timestamp) {
    match answer {
        Ok(true) => start_stage(run, stage, now),
        Ok(false) => {
            let why = ("ConditionFalse".to_owned(), "its condition `when` is false".to_owned());
            end_stage(run, stage, StagePhase::Skipped, Some(why), now);
        }
        Err(failure) => end_stage(run, stage, StagePhase::Failed, Some((failure.reason, failure.message)), now),
    }
}

/// The stage, if anything can still happen to it.
fn open(run: &mut RunState, stage: usize) -> Option<&mut StageState> {
    run.stages.get_mut(stage).filter(|stage| !stage.phase.is_ended())
}

fn start_stage(run: &mut RunState, stage: usize, now: Timestamp) {
    if let Some(stage) = open(run, stage).filter(|stage| stage.phase == StagePhase::Pending) {
        stage.phase = StagePhase::Running;
        stage.started_at = Some(now);
    }
}

fn end_stage(run: &mut RunState, stage: usize, phase: StagePhase, why: Option<(String, String)>, now: Timestamp) {
    let Some(stage) = open(run, stage) else { return };
    stage.phase = phase;
    stage.finished_at = Some(now);
    let (reason, message) = why.unzip();
    stage.reason = reason;
    stage.message = message.map(cut);
    let unused = if phase == StagePhase::Skipped { StepPhase::Skipped } else { StepPhase::Omitted };
    end_unstarted(&mut stage.steps, unused);
}

fn time_out_stage(plan: &Plan, run: &mut RunState, index: usize, now: Timestamp) {
    let Some(stage) = open(run, index) else { return };
    let timeout = plan.stage(&stage.name).and_then(|plan| plan.timeout).unwrap_or_default();
    let mut message = format!("the stage took longer than its timeout of {timeout:#}");
    for step in stage.steps.iter_mut().filter(|step| matches!(step.phase, StepPhase::Starting | StepPhase::Running)) {
        let last = step.message.take().map(|last| format!("; last seen: {last}")).unwrap_or_default();
        message = format!("{message}; step {} had not ended{last}", step.name);
        step::end(step, StepPhase::Failed, now);
        step.reason = Some("StageTimeout".to_owned());
        step.message = Some(cut(message.clone()));
    }
    end_stage(run, index, StagePhase::Failed, Some(("StageTimeout".to_owned(), message)), now);
}

fn end_hook(run: &mut RunState, hook: usize, phase: StagePhase, now: Timestamp) {
    let Some(hook) = run.hooks.get_mut(hook).filter(|hook| !hook.phase.is_ended()) else { return };
    hook.phase = phase;
    hook.finished_at = Some(now);
    abort_steps(&mut hook.steps, now);
}

/// Ends everything that is under way; what never started is omitted when the run finishes.
fn abort(run: &mut RunState, Abort { reason, message }: Abort, now: Timestamp) {
    if run.ending.is_some() {
        return;
    }
    let reason = reason.as_str().to_owned();
    abort_stages(run, &reason, &message, now);
    abort_hooks(run, now);
    run.ending = Some(Ending { phase: RunPhase::Aborted, reason, message: Some(cut(message)), at: now });
}

fn abort_stages(run: &mut RunState, reason: &str, message: &str, now: Timestamp) {
    for stage in run.stages.iter_mut().filter(|stage| stage.phase == StagePhase::Running) {
        stage.phase = StagePhase::Aborted;
        stage.finished_at = Some(now);
        stage.reason = Some(reason.to_owned());
        stage.message = Some(cut(message.to_owned()));
        abort_steps(&mut stage.steps, now);
    }
}

fn abort_hooks(run: &mut RunState, now: Timestamp) {
    for hook in run.hooks.iter_mut().filter(|hook| !hook.phase.is_ended()) {
        hook.phase = StagePhase::Aborted;
        hook.finished_at = Some(now);
        abort_steps(&mut hook.steps, now);
    }
}

fn abort_steps(steps: &mut [StepState], now: Timestamp) {
    for step in steps.iter_mut().filter(|step| matches!(step.phase, StepPhase::Starting | StepPhase::Running)) {
        step::end(step, StepPhase::Aborted, now);
    }
    end_unstarted(steps, StepPhase::Omitted);
}

fn finish(run: &mut RunState, now: Timestamp) {
    run.phase = run.ending.as_ref().map_or(RunPhase::Failed, |ending| ending.phase);
    run.finished_at = Some(now);
    // Only a state that did not fit its plan, or lost it, still has something under way here.
    abort_hooks(run, now);
    if let Some(Ending { reason, message, .. }) = run.ending.clone() {
        abort_stages(run, &reason, message.as_deref().unwrap_or_default(), now);
    }
    for stage in run.stages.iter_mut().filter(|stage| stage.phase == StagePhase::Pending) {
        stage.phase = StagePhase::Omitted;
        end_unstarted(&mut stage.steps, StepPhase::Omitted);
    }
}

fn end_unstarted(steps: &mut [StepState], phase: StepPhase) {
    steps.iter_mut().filter(|step| step.phase == StepPhase::Pending).for_each(|step| step.phase = phase);
}
