//! What changed between two states, in words.

use sluice_engine::{HookState, RunState, StagePhase, StageState, StepAt, StepPhase, StepState, Undo, UndoPhase};

use super::START;

/// One line for each change that a reader cares about.
pub(super) fn changes(before: &RunState, after: &RunState) -> Vec<String> {
    let mut lines = run_changes(before, after);
    for (index, hook) in after.hooks.iter().enumerate() {
        let old = before.hooks.get(index);
        if old.is_none() {
            let item = hook.item.as_ref().map(|item| format!("[{item}]")).unwrap_or_default();
            lines.push(format!("hook {} starts ({:?} {}{item})", hook.hook, hook.event, hook.subject));
        }
        let old_steps = old.map(|old| &old.steps[..]).unwrap_or_default();
        lines.extend(step_changes(old_steps, &hook.steps, &format!("{}/", hook.hook)));
        if hook.phase.is_ended() && old.is_none_or(|old| old.phase != hook.phase) {
            lines.push(format!("hook {} {:?}", hook.hook, hook.phase));
        }
    }
    for stage in &after.stages {
        let is_old = |old: &&StageState| old.name == stage.name && (old.item == stage.item || old.item.is_none());
        if let Some(old) = before.stages.iter().find(is_old) {
            lines.extend(stage_changes(old, stage));
        }
    }
    if let Some(ending) = after.ending.as_ref().filter(|_| before.ending.is_none()) {
        let reason = Some(ending.reason.as_str()).filter(|reason| *reason != "Succeeded");
        lines.push(format!("ending {:?}{}", ending.phase, why(reason, ending.message.as_deref())));
    }
    if after.is_finished() && !before.is_finished() {
        lines.push(format!("run {:?}", after.phase));
    }
    lines
}

fn run_changes(before: &RunState, after: &RunState) -> Vec<String> {
    let mut lines = Vec::new();
    for answer in after.actions.iter().skip(before.actions.len()) {
        let why = answer.message.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        lines.push(format!("action {} {:?}{why}", answer.index, answer.result));
    }
    if after.round != before.round {
        lines.push(format!("round {}", after.round));
    }
    match (&before.paused, &after.paused) {
        (None, Some(paused)) => lines.push(format!("paused by {}", paused.by)),
        (Some(_), None) => lines.push("not paused".to_owned()),
        _ => {}
    }
    match (&before.suspended, &after.suspended) {
        (_, Some(suspended)) if before.suspended != after.suspended => {
            lines.push(format!("suspended ({})", suspended.reason));
        }
        (Some(_), None) => lines.push("not suspended".to_owned()),
        _ => {}
    }
    match &after.lock {
        Some(lock) if before.lock != after.lock => lines.push(match &lock.holder {
            Some(holder) => format!("at {} in the queue for the lock of {holder}", lock.position),
            None => "the lock is held".to_owned(),
        }),
        None if before.lock.is_some() => lines.push("the lock is let go".to_owned()),
        _ => {}
    }
    lines
}

fn stage_changes(old: &StageState, stage: &StageState) -> Vec<String> {
    let mut lines = Vec::new();
    let (title, prefix) = (stage.title(), item(stage));
    if old.item != stage.item {
        lines.push(format!("stage {title} is listed"));
    }
    if !old.awaits_approval() && stage.awaits_approval() {
        let required = stage.approval.as_ref().map_or(0, |approval| approval.required);
        lines.push(format!("stage {title} awaits {required} in attempt {}", stage.attempt));
    }
    if stage.phase == StagePhase::Pending && old.phase != StagePhase::Pending && old.item == stage.item {
        lines.push(format!("stage {title} is to be done again: attempt {}", stage.attempt));
    }
    if matches!(old.phase, StagePhase::Pending | StagePhase::AwaitingApproval) && stage.phase == StagePhase::Running {
        lines.push(format!("stage {title} starts"));
    }
    if let Some(resume_at) = stage.resume_at.filter(|_| old.resume_at.is_none()) {
        let at = resume_at.duration_since(START).as_secs();
        lines.push(format!("stage {title} again at {at}s: attempt {}, iteration {}", stage.attempt, stage.iteration));
    }
    if old.item == stage.item {
        lines.extend(step_changes(&old.steps, &stage.steps, &prefix));
    }
    if stage.phase.is_ended() && old.phase != stage.phase {
        let why = why(stage.reason.as_deref(), stage.message.as_deref());
        lines.push(format!("stage {title} {:?}{why}", stage.phase));
    }
    lines
}

fn item(stage: &StageState) -> String {
    stage.item.as_ref().map(|item| format!("{item}/")).unwrap_or_default()
}

/// The step's name; with its hook's or its item in front, if it belongs to one.
pub(super) fn name(state: &RunState, at: StepAt) -> String {
    let name = at.of(state).map(|step| step.name.clone()).unwrap_or_default();
    match at {
        StepAt::Stage { stage, .. } => format!("{}{name}", item(&state.stages[stage])),
        StepAt::Hook { hook, .. } => format!("{}/{name}", state.hooks[hook].hook),
    }
}

/// The stage, its item or the hook that the step belongs to, and nothing else.
pub(crate) fn place(state: &RunState, at: StepAt) -> String {
    match at {
        StepAt::Stage { stage, .. } => state.stages[stage].title(),
        StepAt::Hook { hook, .. } => {
            let HookState { hook, event, subject, item, iteration, attempt, round, .. } = &state.hooks[hook];
            let item = item.as_deref().unwrap_or_default();
            format!("hook {hook} on {event:?} of {subject}[{item}] in {round}.{attempt}.{iteration}")
        }
    }
}

fn step_changes(before: &[StepState], after: &[StepState], prefix: &str) -> Vec<String> {
    let phases = before.iter().zip(after).filter(|(old, new)| (old.phase, old.attempt) != (new.phase, new.attempt));
    let changes = phases.filter_map(|(_, step)| Some((step, step_change(step)?)));
    let undone = before.iter().zip(after).filter(|(old, new)| old.undo != new.undo);
    let undone = undone.filter_map(|(_, step)| Some((step, undo_change(step.undo.as_ref()?)?)));
    changes.chain(undone).map(|(step, change)| format!("{prefix}{} {change}", step.name)).collect()
}

fn undo_change(undo: &Undo) -> Option<String> {
    match undo.phase {
        UndoPhase::Pending => {
            let at = undo.retry_at?.duration_since(START).as_secs();
            Some(format!("undo again at {at}s ({})", undo.message.as_deref().unwrap_or_default()))
        }
        UndoPhase::Undone => Some("undone".to_owned()),
        UndoPhase::Failed => Some(format!("not undone ({})", undo.message.as_deref().unwrap_or_default())),
    }
}

fn step_change(step: &StepState) -> Option<String> {
    match step.phase {
        StepPhase::Starting if step.attempt > 1 => {
            let at = step.retry_at?.duration_since(START).as_secs();
            Some(format!("attempt {} at {at}s{}", step.attempt, why(step.reason.as_deref(), step.message.as_deref())))
        }
        StepPhase::Pending | StepPhase::Starting | StepPhase::Running | StepPhase::Omitted => None,
        phase => Some(format!("{phase:?}{}", why(step.reason.as_deref(), step.message.as_deref()))),
    }
}

fn why(reason: Option<&str>, message: Option<&str>) -> String {
    match (reason, message) {
        (None, None) => String::new(),
        (reason, None) => format!(" ({})", reason.unwrap_or_default()),
        (reason, Some(message)) => format!(" ({}: {message})", reason.unwrap_or_default()),
    }
}
