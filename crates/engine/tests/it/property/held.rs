//! Nothing happens that people, or a lock, hold back; and what they say counts once.

use std::collections::BTreeSet;

use sluice_engine::{
    ActionOutcome, Event, HookEvent, Plan, Question, RunState, StagePhase, StageState, StepAt, StepPhase,
};

/// Asserts that the event could make this of that.
pub(super) fn check(plan: &Plan, before: &RunState, after: &RunState, event: &Event) {
    check_answers(before, after, event);
    if starts_something(before, event) {
        assert!(!before.is_paused(), "{event:?} starts nothing in a run that is paused");
        assert!(plan.lock.is_none() || before.holds_lock(), "{event:?} needs the lock");
    }
    for stage in &after.stages {
        check_approvals(plan, stage);
        let is_it = |old: &&StageState| old.name == stage.name && old.item == stage.item;
        let Some(old) = before.stages.iter().find(is_it) else { continue };
        check_approvals_since(old, stage);
        let has_started = old.phase == StagePhase::AwaitingApproval && stage.phase == StagePhase::Running;
        assert!(!has_started || may_start(before), "{} starts when it may", stage.title());
    }
}

/// Each entry has one answer, for good.
fn check_answers(before: &RunState, after: &RunState, event: &Event) {
    let is_answer = matches!(event, Event::Asked { .. });
    let (old, new) = after.actions.split_at(before.actions.len());
    assert_eq!(old, before.actions, "an answer stays");
    assert_eq!(new.len(), usize::from(is_answer), "an entry has one answer");
    for answer in new {
        assert_eq!(usize::try_from(answer.index), Ok(old.len()), "in their order");
        let is_ignored = answer.result == ActionOutcome::Ignored;
        assert_eq!(answer.message.is_some(), is_ignored, "what is ignored has a reason");
        let mut same = after.clone();
        same.actions.pop();
        assert!(!is_ignored || same == *before, "what is ignored changes nothing");
    }
}

/// Whether it begins something that was not under way.
fn starts_something(state: &RunState, event: &Event) -> bool {
    let is_running = |at: &StepAt| at.of(state).is_some_and(|step| step.phase == StepPhase::Running);
    match event {
        Event::StageStarted(_) | Event::Bound { .. } | Event::Listed { .. } => true,
        Event::StageBegunAgain(_) | Event::StageResumed(_) => true,
        Event::StepStarted(StepAt::Stage { .. }) => true,
        Event::Answered(Question::StageWhen(_), _) => true,
        Event::Answered(Question::StepWhen(StepAt::Stage { .. }), _) => true,
        Event::Claimed { at: at @ StepAt::Stage { .. }, .. } => !is_running(at),
        Event::Succeeded { at: at @ StepAt::Stage { .. }, .. } => !is_running(at),
        Event::HookStarted { event, .. } => *event == HookEvent::Started,
        _ => false,
    }
}

/// Nothing of a stage begins before as many different people as have to have approved this attempt of it.
fn check_approvals(plan: &Plan, stage: &StageState) {
    let names: BTreeSet<_> = stage.approval.iter().flat_map(|approval| &approval.by).map(|by| &by.name).collect();
    let count = stage.approval.as_ref().map_or(0, |approval| approval.by.len());
    assert_eq!(names.len(), count, "nobody approves twice");
    let required = plan.stage(&stage.name).and_then(|plan| plan.approval);
    let required = required.or(stage.approval.as_ref().map(|approval| approval.required)).unwrap_or_default();
    let is_begun = |phase| !matches!(phase, StepPhase::Pending | StepPhase::Omitted | StepPhase::Skipped);
    let has_begun = stage.steps.iter().any(|step| is_begun(step.phase) && !step.kept);
    if (stage.phase == StagePhase::Running && stage.resume_at.is_none()) || (has_begun && stage.finished_at.is_some()) {
        assert!(count >= usize::try_from(required).unwrap(), "{} is approved before it starts", stage.title());
    }
}

/// An approval is for one attempt.
fn check_approvals_since(old: &StageState, new: &StageState) {
    let by = |stage: &StageState| stage.approval.as_ref().map(|approval| approval.by.clone()).unwrap_or_default();
    let (before, after) = (by(old), by(new));
    if old.attempt == new.attempt {
        assert!(after.starts_with(&before), "{} stays approved in one attempt", new.title());
        assert!(after.len() <= before.len() + 1, "one entry approves once");
    } else {
        assert!(old.attempt < new.attempt, "attempts rise");
        assert!(after.is_empty(), "{} is approved anew in another attempt", new.title());
    }
}

/// Whether anything may start: a failure, or the end, rules it out.
fn may_start(state: &RunState) -> bool {
    state.ending.is_none() && !state.stages.iter().any(StageState::has_failed)
}
