//! What happened to one hook.

use jiff::Timestamp;

use super::step;
use crate::{HookEvent, HookState, Occasion, Plan, RunState, StagePhase, StepState, Subject, limits::MAX_PAST_HOOKS};

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
    let Occasion { item, iteration, attempt } = occasion;
    run.hooks.push(HookState {
        hook,
        event,
        subject,
        item,
        iteration,
        attempt,
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

/// Forgets the oldest hooks of earlier attempts and iterations of the stage: they cannot be due again, and a loop of a
/// thousand iterations must not fill the status.
pub(super) fn forget_past(plan: &Plan, run: &mut RunState, stage: usize) {
    let Some(stage) = run.stages.get(stage) else { return };
    let is_for_it = |hook: &HookState| match plan.hook(&hook.hook).map(|hook| &hook.subject) {
        Some(Subject::Stage(name)) => *name == stage.name,
        Some(Subject::Step(name)) => stage.steps.iter().any(|step| step.name == *name),
        Some(Subject::Pipeline) | None => false,
    };
    let is_past = |hook: &HookState| {
        is_for_it(hook) && hook.item == stage.item && (hook.attempt, hook.iteration) < (stage.attempt, stage.iteration)
    };
    let mut too_many = run.hooks.iter().filter(|hook| is_past(hook)).count().saturating_sub(MAX_PAST_HOOKS);
    run.hooks.retain(|hook| {
        let forget = too_many > 0 && is_past(hook);
        too_many -= usize::from(forget);
        !forget
    });
}
