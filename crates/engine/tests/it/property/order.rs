//! Nothing runs before what precedes it, told from the plan alone.

use sluice_engine::{
    Event, HookEvent, HookState, Plan, RunPhase, RunState, StagePhase, StageState, StepAt, StepPhase, StepState,
    Subject,
};

/// Asserts that the event may happen now.
pub(super) fn check(plan: &Plan, state: &RunState, event: &Event) {
    let at = match event {
        Event::Claimed { at, .. } => Some(*at),
        Event::Succeeded { at, .. } if at.of(state).is_some_and(|step| step.phase == StepPhase::Starting) => Some(*at),
        _ => None,
    };
    match (at, event) {
        (Some(at @ StepAt::Stage { stage, step }), _) => {
            assert!(state.ending.is_none(), "no step runs once the result is decided");
            let preceding = &state.stages[..stage];
            assert!(preceding.iter().all(passed), "every stage before {at:?} succeeded or was skipped");
            let siblings = &state.stages[stage].steps[..step];
            assert!(siblings.iter().all(passed_step), "every step before {at:?} succeeded or was skipped");
            assert_started_hooks_ended(plan, state, &state.stages[stage], &state.stages[stage].steps[step]);
            assert_end_hooks_ended(plan, state, HookEvent::Success);
        }
        (Some(StepAt::Hook { hook, step }), _) => {
            assert!(state.hooks[hook].steps[..step].iter().all(passed_step), "the hook's steps run in order");
            assert!(state.hooks[..hook].iter().all(|hook| hook.phase.is_ended()), "hooks run one after the other");
        }
        (None, Event::StageStarted(stage)) => {
            assert!(state.stages[..*stage].iter().all(passed), "stages start in order");
            assert_end_hooks_ended(plan, state, HookEvent::Success);
        }
        (None, Event::HookStarted { event: HookEvent::Started, .. }) => {
            assert!(state.ending.is_none(), "nothing starts once the result is decided");
        }
        (None, Event::RunFinished) => {
            for event in [HookEvent::Success, HookEvent::Failure, HookEvent::Abortion] {
                assert_end_hooks_ended(plan, state, event);
            }
        }
        _ => {}
    }
}

/// Asserts that no hook ran twice for the same event, and none for what never ran.
pub(super) fn check_hooks(state: &RunState) {
    let identity =
        |hook: &HookState| (hook.hook.clone(), format!("{:?}", hook.event), hook.subject.clone(), hook.attempt);
    let mut seen: Vec<_> = state.hooks.iter().map(identity).collect();
    seen.sort();
    let all = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), all, "each hook runs once per subject, event and attempt");
    for hook in &state.hooks {
        assert!(hook.phase.is_ended(), "every hook has ended");
        if let Some(step) = hook.subject.strip_prefix("step/") {
            let step = state.stages.iter().flat_map(|stage| &stage.steps).find(|state| state.name == step).unwrap();
            assert!(!matches!(step.phase, StepPhase::Skipped | StepPhase::Omitted), "no hook for {}", step.name);
        }
        if let Some(stage) = hook.subject.strip_prefix("stage/") {
            let stage = state.stages.iter().find(|state| state.name == stage).unwrap();
            assert!(!matches!(stage.phase, StagePhase::Skipped | StagePhase::Omitted), "no hook for {}", stage.name);
        }
    }
}

fn passed(stage: &StageState) -> bool {
    matches!(stage.phase, StagePhase::Succeeded | StagePhase::Skipped)
}

fn passed_step(step: &StepState) -> bool {
    matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped)
}

fn assert_started_hooks_ended(plan: &Plan, state: &RunState, stage: &StageState, step: &StepState) {
    let subjects = [Subject::Pipeline, Subject::Stage(stage.name.clone()), Subject::Step(step.name.clone())];
    for subject in subjects {
        assert_ended(plan, state, &subject, HookEvent::Started);
    }
}

/// Asserts that the hooks of everything that ended like this have ended.
fn assert_end_hooks_ended(plan: &Plan, state: &RunState, event: HookEvent) {
    for stage in &state.stages {
        for step in &stage.steps {
            let is_it = match step.phase {
                StepPhase::Succeeded => event == HookEvent::Success,
                StepPhase::Failed | StepPhase::Unknown => event == HookEvent::Failure,
                StepPhase::Aborted => event == HookEvent::Abortion,
                _ => false,
            };
            if is_it {
                assert_ended(plan, state, &Subject::Step(step.name.clone()), event);
            }
        }
        let is_it = match stage.phase {
            StagePhase::Succeeded => event == HookEvent::Success,
            StagePhase::Failed => event == HookEvent::Failure,
            StagePhase::Aborted => event == HookEvent::Abortion,
            _ => false,
        };
        if is_it {
            assert_ended(plan, state, &Subject::Stage(stage.name.clone()), event);
        }
    }
    let is_it = state.ending.as_ref().is_some_and(|ending| match ending.phase {
        RunPhase::Succeeded => event == HookEvent::Success,
        RunPhase::Failed => event == HookEvent::Failure,
        _ => event == HookEvent::Abortion,
    });
    if is_it {
        assert_ended(plan, state, &Subject::Pipeline, event);
    }
}

fn assert_ended(plan: &Plan, state: &RunState, subject: &Subject, event: HookEvent) {
    for hook in plan.hooks.iter().filter(|hook| hook.subject == *subject && hook.events.contains(&event)) {
        let is_it = |state: &&HookState| {
            state.hook == hook.name && state.event == event && state.subject == subject.to_string()
        };
        let found = state.hooks.iter().find(is_it);
        assert!(found.is_some_and(|found| found.phase.is_ended()), "{} of {subject} ended before", hook.name);
    }
}
