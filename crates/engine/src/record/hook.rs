//! What happened to one hook.

use jiff::Timestamp;

use super::step;
use crate::{
    HookEvent, HookState, Occasion, Plan, RunState, StagePhase, StageState, StepState, Subject, limits::MAX_PAST_HOOKS,
};

pub(super) fn start(
    plan: &Plan,
    run: &mut RunState,
    hook: String,
    event: HookEvent,
    subject: String,
    occasion: Occasion,
    now: Timestamp,
) {
    let steps = plan.hook(&hook).map(|hook| StepState::of_all(&hook.steps)).unwrap_or_default();
    let Occasion { item, iteration, attempt, round } = occasion;
    run.hooks.push(HookState {
        hook,
        event,
        subject,
        item,
        iteration,
        attempt,
        round,
        phase: StagePhase::Running,
        started_at: Some(now),
        finished_at: None,
        steps,
    });
}

pub(super) fn end(run: &mut RunState, hook: usize, phase: StagePhase, now: Timestamp) {
    let Some(hook) = run.hooks.get_mut(hook).filter(|hook| !hook.phase.is_ended()) else { return };
    hook.phase = phase;
    hook.finished_at = Some(now);
    step::abort_all(&mut hook.steps, now);
}

/// Forgets the oldest hooks of earlier attempts and iterations of stages: they cannot be due again, and a loop of a
/// thousand iterations must not fill the status.
pub(super) fn forget_past(plan: &Plan, run: &mut RunState) {
    let is_past: Vec<bool> = run.hooks.iter().map(|hook| is_past(plan, run, hook)).collect();
    let mut too_many = is_past.iter().filter(|is_past| **is_past).count().saturating_sub(MAX_PAST_HOOKS);
    let mut is_past = is_past.into_iter();
    run.hooks.retain(|_| {
        let forget = is_past.next() == Some(true) && too_many > 0;
        too_many -= usize::from(forget);
        !forget
    });
}

/// Whether the hook followed an execution of a stage, or of the run, that was followed by another one.
fn is_past(plan: &Plan, run: &RunState, hook: &HookState) -> bool {
    let subject = plan.hook(&hook.hook).map(|hook| &hook.subject);
    let is_subject = |stage: &StageState| match subject {
        Some(Subject::Stage(name)) => *name == stage.name,
        Some(Subject::Step(name)) => stage.steps.iter().any(|step| step.name == *name),
        Some(Subject::Pipeline) | None => false,
    };
    if subject == Some(&Subject::Pipeline) {
        return hook.round < run.round;
    }
    // An item that is not there any more belonged to a list that was made anew, in a later attempt.
    let entries = || run.stages.iter().filter(|stage| is_subject(stage));
    let stage = entries().find(|stage| stage.item == hook.item).or_else(|| entries().next());
    stage.is_some_and(|stage| (hook.attempt, hook.iteration) < (stage.attempt, stage.iteration))
}
