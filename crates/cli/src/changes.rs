//! What changed between two statuses of a run, in the order in which it happened. Pure.

use jiff::Timestamp;
use serde::Serialize;
use sluice_api::PipelineRunStatus;
use sluice_engine::{RunPhase, StagePhase, StageState, StepPhase, StepState, WaitingOn};

use crate::{printable, tree};

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// `run`, `stage`, `hook` or `step`.
    pub(crate) kind: &'static str,
    /// Of what: nothing for the run, `STAGE`, `HOOK`, `STAGE/STEP` or `hook HOOK/STEP`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// How it stands now.
    pub(crate) phase: String,
    /// The number of the attempt, of a step that is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<i32>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_on: Option<WaitingOn>,
    /// Why, or what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Where to look at what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

impl Change {
    /// One line for people and for `grep`: kind, name, phase, and what there is to say.
    pub(crate) fn line(&self) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!(" {}", self.name) };
        let attempt = self.attempt.map(|attempt| format!(" (attempt {attempt})")).unwrap_or_default();
        let said = tree::said_of_wait(self.waiting_on.as_ref(), self.message.as_deref());
        let said: Vec<String> = said.into_iter().chain(self.url.clone()).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(": ")) };
        printable::line(&format!("{}{name} {}{attempt}{said}", self.kind, self.phase))
    }
}

/// The line's time, to the second.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is new in `after`.
pub(crate) fn between(before: &PipelineRunStatus, after: &PipelineRunStatus) -> Vec<Change> {
    let mut changes = Vec::new();
    let (was, is) = (before.state.phase, after.state.phase);
    let run = Change::new("run", String::new(), format!("{is:?}"));
    if was == RunPhase::Pending && is != was {
        changes.push(Change::new("run", String::new(), "Running".to_owned()));
    }
    for (index, stage) in after.state.stages.iter().enumerate() {
        stage_changes(before.state.stages.get(index), stage, &mut changes);
    }
    for (index, hook) in after.state.hooks.iter().enumerate() {
        let was = before.state.hooks.get(index);
        let name = format!("{} ({:?} of {})", hook.hook, hook.event, hook.subject);
        let change = Change::new("hook", name, format!("{:?}", hook.phase));
        let prefix = format!("hook {}", hook.hook);
        let steps = was.map(|was| was.steps.as_slice()).unwrap_or_default();
        group(was.map(|was| was.phase), hook.phase, change, (steps, &hook.steps), &prefix, &mut changes);
    }
    if is != was && is != RunPhase::Running {
        let message = after.state.ending.as_ref().and_then(|ending| ending.message.clone());
        changes.push(Change { message, ..run });
    }
    changes
}

fn stage_changes(before: Option<&StageState>, stage: &StageState, changes: &mut Vec<Change>) {
    let message = stage.message.clone();
    let change = Change { message, ..Change::new("stage", stage.name.clone(), format!("{:?}", stage.phase)) };
    let steps = before.map(|before| before.steps.as_slice()).unwrap_or_default();
    group(before.map(|before| before.phase), stage.phase, change, (steps, &stage.steps), &stage.name, changes);
}

/// The changes of a group of steps: that it started comes before its steps' changes, that it ended after them.
fn group(
    was: Option<StagePhase>,
    is: StagePhase,
    change: Change,
    (before, after): (&[StepState], &[StepState]),
    prefix: &str,
    changes: &mut Vec<Change>,
) {
    let was = was.unwrap_or_default();
    let has_steps_to_tell = !matches!(is, StagePhase::Skipped | StagePhase::Omitted);
    if was == StagePhase::Pending && is != was && has_steps_to_tell {
        let phase = format!("{:?}", StagePhase::Running);
        changes.push(Change { phase, message: None, ..change.clone() });
    }
    if has_steps_to_tell {
        for (index, step) in after.iter().enumerate() {
            changes.extend(step_change(before.get(index), step, prefix));
        }
    }
    if is != was && is != StagePhase::Running {
        changes.push(change);
    }
}

fn step_change(before: Option<&StepState>, step: &StepState, prefix: &str) -> Option<Change> {
    if matches!(step.phase, StepPhase::Pending | StepPhase::Omitted) {
        return None;
    }
    let told = |step: &StepState| (step.phase, step.attempt, step.message.clone(), step.waiting_on.clone());
    if before.is_some_and(|before| told(before) == told(step)) {
        return None;
    }
    let is_over = step.phase.is_ended();
    Some(Change {
        attempt: (step.attempt > 1).then_some(step.attempt),
        waiting_on: step.waiting_on.clone().filter(|_| !is_over),
        message: step.message.clone().filter(|_| step.phase != StepPhase::Succeeded),
        url: step.outputs.get("url").and_then(|url| url.as_str()).map(str::to_owned),
        ..Change::new("step", format!("{prefix}/{}", step.name), format!("{:?}", step.phase))
    })
}

impl Change {
    fn new(kind: &'static str, name: String, phase: String) -> Self {
        Self { kind, name, phase, attempt: None, waiting_on: None, message: None, url: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lines(before: Value, after: Value) -> Vec<String> {
        let status = |value| serde_json::from_value::<PipelineRunStatus>(value).unwrap();
        between(&status(before), &status(after)).iter().map(Change::line).collect()
    }

    #[test]
    fn what_happened_between_two_writes_is_told_in_its_order() {
        let before = json!({"phase": "Pending", "stages": [{"name": "a", "steps": [{"name": "x"}, {"name": "y"}]}, {"name": "b", "steps": [{"name": "z"}]}]});
        let after = json!({"phase": "Running", "stages": [
            {"name": "a", "phase": "Succeeded", "steps": [{"name": "x", "phase": "Succeeded"}, {"name": "y", "phase": "Skipped"}]},
            {"name": "b", "phase": "Running", "steps": [{"name": "z", "phase": "Running", "message": "not\nyet",
                "waitingOn": {"kind": "PullRequest", "key": "u/1", "since": "2026-05-04T12:00:00Z"}}]},
        ]});
        let told = [
            "run Running",
            "stage a Running",
            "step a/x Succeeded",
            "step a/y Skipped",
            "stage a Succeeded",
            "stage b Running",
            "step b/z Running: waits for the pull request u/1: not yet",
        ];
        assert_eq!(lines(before, after.clone()), told);
        assert_eq!(lines(after.clone(), after), [""; 0]);
    }

    #[test]
    fn the_end_comes_last_with_its_reason() {
        let before = json!({"phase": "Running", "stages": [{"name": "a", "phase": "Running", "steps": [{"name": "x", "phase": "Running"}]}, {"name": "b", "steps": []}]});
        let after = json!({"phase": "Failed", "ending": {"phase": "Failed", "reason": "No", "message": "stage a: no", "at": "2026-05-04T12:00:00Z"},
            "stages": [{"name": "a", "phase": "Failed", "message": "no", "steps": [{"name": "x", "phase": "Failed", "message": "no", "attempt": 2}]},
                {"name": "b", "phase": "Omitted", "steps": []}],
            "hooks": [{"hook": "h", "event": "Failure", "subject": "pipeline", "phase": "Running", "steps": [{"name": "t"}]}]});
        assert_eq!(
            lines(before, after),
            [
                "step a/x Failed (attempt 2): no",
                "stage a Failed: no",
                "stage b Omitted",
                "hook h (Failure of pipeline) Running",
                "run Failed: stage a: no",
            ]
        );
    }
}
