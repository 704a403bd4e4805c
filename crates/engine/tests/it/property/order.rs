//! Nothing happens before what precedes it, told from the plan alone.

use sluice_engine::{
    Event, Hook, HookEvent, HookState, Next, Occasion, Plan, Question, RunPhase, RunState, Stage, StagePhase,
    StageState, StepAt, StepPhase, StepState, Subject, UndoPhase,
};

/// Asserts that the event may happen now.
pub(super) fn check(plan: &Plan, state: &RunState, event: &Event) {
    match event {
        Event::StageStarted(stage) => {
            let stage = &state.stages[*stage];
            assert!(stage.item.is_some() || !planned(plan, stage).is_bound, "the place of a bound stage is asked");
            check_stage(plan, state, stage);
        }
        Event::Bound { stage, .. } => check_stage(plan, state, &state.stages[*stage]),
        Event::Answered(Question::StageWhen(stage), _) => {
            assert_eq!(state.stages[*stage].item, None, "a stage's condition is asked for once, before its items");
            check_stage(plan, state, &state.stages[*stage]);
        }
        Event::Listed { stage, .. } => check_needs(plan, state, &state.stages[*stage]),
        Event::StepStarted(at) | Event::Answered(Question::StepWhen(at), Ok(true)) => check_step(plan, state, *at),
        Event::Claimed { at, .. } => check_act(plan, state, *at),
        Event::Succeeded { at, .. } if is_starting(state, *at) => check_act(plan, state, *at),
        Event::HookStarted { hook, event, subject, occasion } => {
            check_hook(plan, state, plan.hook(hook).unwrap(), *event, subject, occasion);
        }
        Event::StageBegunAgain(stage) => check_begun_again(plan, state, &state.stages[*stage]),
        Event::Undone(at, _) => check_undone(plan, state, *at),
        Event::Ended { phase: RunPhase::Succeeded, .. } | Event::OutputsComputed(_) => {
            assert!(state.stages.iter().all(has_passed), "a run succeeds when all its stages did");
            check_all_hooks_ended(plan, state);
        }
        Event::Ended { .. } => {
            assert!(!state.stages.iter().any(StageState::is_under_way), "what is under way ends before its run");
            check_all_hooks_ended(plan, state);
        }
        Event::RunFinished => {
            check_all_hooks_ended(plan, state);
            assert!(state.steps().filter_map(|step| step.undo.as_ref()).all(|undo| undo.phase != UndoPhase::Pending));
        }
        _ => {}
    }
}

/// Nothing starts after a failure, before what is needed, beside too many siblings, or while a hook is due.
fn check_stage(plan: &Plan, state: &RunState, stage: &StageState) {
    assert!(state.ending.is_none(), "no stage starts once the result is decided");
    assert!(!state.stages.iter().any(StageState::has_failed), "no stage starts after another has failed");
    check_needs(plan, state, stage);
    let has_place = |sibling: &&StageState| sibling.is_under_way() || sibling.awaits_approval();
    let siblings = state.stages.iter().filter(|sibling| sibling.name == stage.name).filter(has_place);
    let most = planned(plan, stage).for_each.as_ref().and_then(|for_each| for_each.max_parallel);
    assert!(most.is_none_or(|most| siblings.count() < most), "no more items are under way than may be");
    check_all_hooks_ended(plan, state);
}

/// Everything that it needs, directly or through others, is done.
fn check_needs(plan: &Plan, state: &RunState, stage: &StageState) {
    let mut needs = planned(plan, stage).needs.clone();
    while let Some(need) = needs.pop() {
        let need = &plan.stages[need];
        let mut entries = state.stages.iter().filter(|entry| entry.name == need.name);
        assert!(entries.all(has_passed), "{} succeeded or was skipped before {}", need.name, stage.title());
        needs.extend(&need.needs);
    }
}

/// No step starts before those that precede it, or while a hook is due.
fn check_step(plan: &Plan, state: &RunState, at: StepAt) {
    match at {
        StepAt::Stage { stage, step } => {
            let stage = &state.stages[stage];
            assert!(state.ending.is_none(), "no step starts once the result is decided");
            assert!(stage.phase == StagePhase::Running && stage.resume_at.is_none(), "a step starts within its stage");
            assert!(
                stage.item.is_some() || planned(plan, stage).for_each.is_none(),
                "steps of a list belong to an item"
            );
            check_needs(plan, state, stage);
            let before = &stage.steps[..step];
            assert!(planned(plan, stage).parallel || before.iter().all(has_passed_step), "steps start in order");
            check_all_hooks_ended(plan, state);
        }
        StepAt::Hook { hook, step } => {
            assert!(state.hooks[hook].steps[..step].iter().all(has_passed_step), "the hook's steps run in order");
            assert!(state.hooks[..hook].iter().all(|hook| hook.phase.is_ended()), "hooks run one after the other");
        }
    }
}

/// Nothing is done before the step has started with its hooks. What was begun may go on beside a hook.
fn check_act(plan: &Plan, state: &RunState, at: StepAt) {
    let StepAt::Stage { stage: index, step } = at else { return check_step(plan, state, at) };
    let stage = &state.stages[index];
    if stage.steps[step].phase == StepPhase::Starting {
        check_step(plan, state, at);
    }
    assert!(state.ending.is_none(), "nothing is done once the result is decided");
    let occasion = occasion(stage);
    let step = &stage.steps[step].name;
    assert_ended(plan, state, &Subject::Pipeline, HookEvent::Started, &of_run(state));
    assert_ended(plan, state, &Subject::Stage(stage.name.clone()), HookEvent::Started, &occasion);
    assert_ended(plan, state, &Subject::Step(step.clone()), HookEvent::Started, &occasion);
}

/// A hook runs once for its event, alone, and after its event.
fn check_hook(plan: &Plan, state: &RunState, hook: &Hook, event: HookEvent, subject: &str, occasion: &Occasion) {
    assert!(state.hooks.iter().all(|hook| hook.phase.is_ended()), "hooks run one after the other");
    let is_it = |state: &&HookState| {
        state.hook == hook.name && state.event == event && state.subject == subject && is_on(state, occasion)
    };
    assert_eq!(state.hooks.iter().find(is_it), None, "a hook runs once for its event");
    assert!(hook.events.contains(&event) && hook.subject.to_string() == subject);
    let find = |name: &str, is_step: bool| {
        let has = |stage: &&StageState| {
            let is_named = stage.name == name || is_step && stage.steps.iter().any(|step| step.name == name);
            is_named && self::occasion(stage) == *occasion
        };
        state.stages.iter().find(has).unwrap_or_else(|| panic!("{name} is there in {occasion:?}"))
    };
    let happened = match &hook.subject {
        Subject::Pipeline => event_of_run(state) == Some(event),
        Subject::Stage(name) => event_of_stage(find(name, false)) == Some(event),
        Subject::Step(name) => {
            let stage = find(name, true);
            event_of_step(stage.steps.iter().find(|step| step.name == *name).unwrap()) == Some(event)
        }
    };
    assert!(happened, "{} follows {event:?} of {subject} when it has happened", hook.name);
    if subject == "pipeline" && event == HookEvent::Started {
        let has_begun = |stage: &StageState| stage.is_under_way() || stage.awaits_approval() || stage.has_failed();
        assert!(!state.stages.iter().any(has_begun), "the round's first action");
    }
    // Nearest first: what is inside has had its hooks.
    match &hook.subject {
        _ if event == HookEvent::Started => {}
        Subject::Pipeline => state.stages.iter().for_each(|stage| check_hooks_of_stage_ended(plan, state, stage)),
        Subject::Stage(name) => find(name, false).steps.iter().filter(|step| !step.kept).for_each(|step| {
            check_hooks_of_step_ended(plan, state, step, occasion);
        }),
        Subject::Step(_) => {}
    }
}

/// The hooks of the last execution ran, and what it did was taken back if it failed.
fn check_begun_again(plan: &Plan, state: &RunState, stage: &StageState) {
    check_all_hooks_ended(plan, state);
    for (step, planned) in stage.steps.iter().zip(&planned(plan, stage).steps) {
        let is_asked = stage.next == Some(Next::Retry) && planned.undo && step.key.is_some();
        let undo = step.undo.as_ref().map(|undo| undo.phase);
        let expected = is_asked.then_some(UndoPhase::Undone);
        assert_eq!(undo, expected, "{} is taken back before a retry, and only then", step.name);
    }
}

/// Effects are taken back after an abort, and before the next attempt of their stage.
fn check_undone(plan: &Plan, state: &RunState, at: StepAt) {
    let is_aborted = state.ending.as_ref().is_some_and(|ending| ending.phase == RunPhase::Aborted);
    let (is_due, undo) = match at {
        StepAt::Stage { stage, step } => {
            let stage = &state.stages[stage];
            (stage.next == Some(Next::Retry), planned(plan, stage).steps[step].undo)
        }
        StepAt::Hook { hook, step } => (false, plan.hook(&state.hooks[hook].hook).unwrap().steps[step].undo),
    };
    assert!(undo && (is_aborted || is_due), "{at:?} is taken back");
    let is_of_this_round = |hook: &HookState| {
        let is_subject = |stage: &StageState| {
            let mut steps = stage.steps.iter().map(|step| format!("step/{}", step.name));
            hook.subject == format!("stage/{}", stage.name) || steps.any(|step| hook.subject == step)
        };
        let is_aborted = |stage: &StageState| stage.phase == StagePhase::Aborted && is_on(hook, &occasion(stage));
        let has_it = |stage: &StageState| is_aborted(stage) && is_subject(stage);
        if hook.subject == "pipeline" { hook.round == state.round } else { state.stages.iter().any(has_it) }
    };
    let is_abortion = |hook: &HookState| hook.event == HookEvent::Abortion && is_of_this_round(hook);
    assert!(
        !is_aborted || !state.hooks.iter().any(is_abortion),
        "effects are taken back before the hooks of the abort"
    );
}

/// Asserts what holds of every run that has ended.
pub(super) fn check_end(plan: &Plan, state: &RunState) {
    for hook in &state.hooks {
        assert!(hook.phase.is_ended(), "every hook has ended");
    }
    let has_failed = state.stages.iter().any(StageState::has_failed);
    assert!(state.stages.iter().all(StageState::is_final), "every stage has ended");
    assert!(state.steps().all(|step| step.phase.is_ended()), "every step has ended");
    match state.phase {
        RunPhase::Succeeded => assert!(state.stages.iter().all(has_passed)),
        RunPhase::Failed => {
            let reason = &state.ending.as_ref().unwrap().reason;
            assert!(has_failed || ["OutputsFailed", "GroupInvalid"].contains(&reason.as_str()));
        }
        RunPhase::Cancelled => assert!(state.started_at.is_none() && state.lock.is_none()),
        RunPhase::Aborted => {}
        phase => panic!("not an end: {phase:?}"),
    }
    let is_kept = plan.lock.is_some_and(|lock| lock.kept_unless_succeeded) && state.phase != RunPhase::Succeeded;
    assert!(state.lock.as_ref().is_none_or(|lock| lock.is_held() && is_kept), "a lock is let go, or kept on purpose");
    assert!(state.paused.is_none() && state.suspended.is_none() && state.held_since.is_none());
    // What was passed, and taken back in an earlier round, says so still; so do that round's hooks.
    if state.round > 1 {
        return;
    }
    for stage in &state.stages {
        let is_left = |step: &StepState| step.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Failed);
        let is_asked = state.phase == RunPhase::Aborted || stage.steps.iter().any(is_left);
        let steps = stage.steps.iter().zip(&planned(plan, stage).steps);
        steps.for_each(|(step, plan)| check_fate(step, plan.undo && is_asked));
    }
    for hook in &state.hooks {
        let is_asked = hook.phase == StagePhase::Aborted && state.phase == RunPhase::Aborted;
        let steps = hook.steps.iter().zip(&plan.hook(&hook.hook).unwrap().steps);
        steps.for_each(|(step, plan)| check_fate(step, plan.undo && is_asked));
    }
}

/// An abort, and a stage that was to be tried again, ask for every effect that can be taken back, and for no other.
fn check_fate(step: &StepState, is_asked: bool) {
    let phase = step.undo.as_ref().map(|undo| undo.phase);
    assert_eq!(phase.is_some(), is_asked && step.key.is_some(), "{} is taken back only then: {phase:?}", step.name);
}

/// The round that the run is in.
fn of_run(state: &RunState) -> Occasion {
    Occasion { item: None, iteration: 1, attempt: 1, round: state.round }
}

/// Where the stage, or its item, is in its attempts and iterations.
fn occasion(stage: &StageState) -> Occasion {
    Occasion { item: stage.item.clone(), iteration: stage.iteration, attempt: stage.attempt, round: 1 }
}

fn is_on(hook: &HookState, Occasion { item, iteration, attempt, round }: &Occasion) -> bool {
    (&hook.item, hook.iteration, hook.attempt, hook.round) == (item, *iteration, *attempt, *round)
}

fn planned<'p>(plan: &'p Plan, stage: &StageState) -> &'p Stage {
    plan.stage(&stage.name).unwrap()
}

fn is_starting(state: &RunState, at: StepAt) -> bool {
    at.of(state).is_some_and(|step| step.phase == StepPhase::Starting)
}

fn has_passed(stage: &StageState) -> bool {
    stage.is_final() && matches!(stage.phase, StagePhase::Succeeded | StagePhase::Skipped)
}

fn has_passed_step(step: &StepState) -> bool {
    matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped)
}

fn event_of_run(state: &RunState) -> Option<HookEvent> {
    match state.ending.as_ref().map(|ending| ending.phase) {
        None => Some(HookEvent::Started),
        Some(RunPhase::Succeeded) => Some(HookEvent::Success),
        Some(RunPhase::Failed) => Some(HookEvent::Failure),
        Some(RunPhase::Aborted) => Some(HookEvent::Abortion),
        Some(_) => None,
    }
}

fn event_of_stage(stage: &StageState) -> Option<HookEvent> {
    match stage.phase {
        StagePhase::Running => Some(HookEvent::Started),
        StagePhase::Succeeded => Some(HookEvent::Success),
        StagePhase::Failed => Some(HookEvent::Failure),
        StagePhase::Aborted => Some(HookEvent::Abortion),
        _ => None,
    }
}

fn event_of_step(step: &StepState) -> Option<HookEvent> {
    match step.phase {
        StepPhase::Starting => Some(HookEvent::Started),
        StepPhase::Succeeded => Some(HookEvent::Success),
        StepPhase::Failed | StepPhase::Unknown => Some(HookEvent::Failure),
        StepPhase::Aborted => Some(HookEvent::Abortion),
        _ => None,
    }
}

/// Asserts that the hooks of everything that has ended so far have ended, too.
fn check_all_hooks_ended(plan: &Plan, state: &RunState) {
    assert!(state.hooks.iter().all(|hook| hook.phase.is_ended()), "nothing starts beside a hook");
    state.stages.iter().for_each(|stage| check_hooks_of_stage_ended(plan, state, stage));
    let lacks_lock = plan.lock.is_some() && state.started_at.is_none() && !state.holds_lock();
    if let Some(event) = event_of_run(state).filter(|_| state.ending.is_some() && !lacks_lock) {
        assert_ended(plan, state, &Subject::Pipeline, event, &of_run(state));
    }
}

fn check_hooks_of_stage_ended(plan: &Plan, state: &RunState, stage: &StageState) {
    let occasion = occasion(stage);
    let steps = stage.steps.iter().filter(|step| !step.kept);
    steps.for_each(|step| check_hooks_of_step_ended(plan, state, step, &occasion));
    // An attempt that was refused before it began has nothing to follow.
    let has_begun = stage.started_at.is_some() || stage.phase != StagePhase::Failed;
    if let Some(event) = event_of_stage(stage).filter(|_| stage.phase.is_ended() && has_begun) {
        assert_ended(plan, state, &Subject::Stage(stage.name.clone()), event, &occasion);
    }
}

fn check_hooks_of_step_ended(plan: &Plan, state: &RunState, step: &StepState, occasion: &Occasion) {
    if let Some(event) = event_of_step(step).filter(|_| step.phase.is_ended()) {
        assert_ended(plan, state, &Subject::Step(step.name.clone()), event, occasion);
    }
}

fn assert_ended(plan: &Plan, state: &RunState, subject: &Subject, event: HookEvent, occasion: &Occasion) {
    for hook in plan.hooks.iter().filter(|hook| hook.subject == *subject && hook.events.contains(&event)) {
        let is_it = |state: &&HookState| {
            state.hook == hook.name
                && state.event == event
                && state.subject == subject.to_string()
                && is_on(state, occasion)
        };
        let found = state.hooks.iter().find(is_it);
        assert!(
            found.is_some_and(|found| found.phase.is_ended()),
            "{} of {event:?} of {subject} ended before",
            hook.name
        );
    }
}
