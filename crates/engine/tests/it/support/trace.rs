//! What changed between two states, in words.

use sluice_engine::{RunState, StagePhase, StepAt, StepPhase, StepState};

use super::START;

/// One line for each change that a reader cares about.
pub(super) fn changes(before: &RunState, after: &RunState) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, hook) in after.hooks.iter().enumerate() {
        let old = before.hooks.get(index);
        if old.is_none() {
            lines.push(format!("hook {} starts ({:?} {})", hook.hook, hook.event, hook.subject));
        }
        let old_steps = old.map(|old| &old.steps[..]).unwrap_or_default();
        lines.extend(step_changes(old_steps, &hook.steps, &format!("{}/", hook.hook)));
        if hook.phase.is_ended() && old.is_none_or(|old| old.phase != hook.phase) {
            lines.push(format!("hook {} {:?}", hook.hook, hook.phase));
        }
    }
    for (old, stage) in before.stages.iter().zip(&after.stages) {
        if old.phase == StagePhase::Pending && stage.phase == StagePhase::Running {
            lines.push(format!("stage {} starts", stage.name));
        }
        lines.extend(step_changes(&old.steps, &stage.steps, ""));
        if stage.phase.is_ended() && old.phase != stage.phase {
            let why = why(stage.reason.as_deref(), stage.message.as_deref());
            lines.push(format!("stage {} {:?}{why}", stage.name, stage.phase));
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

/// The step's name; with its hook's in front, if it belongs to one.
pub(super) fn name(state: &RunState, at: StepAt) -> String {
    let name = at.of(state).map(|step| step.name.clone()).unwrap_or_default();
    match at {
        StepAt::Stage { .. } => name,
        StepAt::Hook { hook, .. } => format!("{}/{name}", state.hooks[hook].hook),
    }
}

fn step_changes(before: &[StepState], after: &[StepState], prefix: &str) -> Vec<String> {
    let changed = before.iter().zip(after).filter(|(old, new)| (old.phase, old.attempt) != (new.phase, new.attempt));
    changed.filter_map(|(_, step)| step_change(step).map(|change| format!("{prefix}{} {change}", step.name))).collect()
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
