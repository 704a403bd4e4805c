//! What changed between two statuses of a run, in the order in which it happened. Pure.

use std::fmt::Debug;

use jiff::Timestamp;
use serde::Serialize;
use sluice_api::PipelineRunStatus;
use sluice_engine::{HookState, Next, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState, WaitingOn};

use crate::{printable, tree};

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// `run`, `stage`, `hook`, `step`, or `undo` for a step whose effect is taken back.
    pub(crate) kind: &'static str,
    /// Of what: nothing for the run, `STAGE`, `STAGE[ITEM]`, `HOOK`, `STAGE/STEP` or `hook HOOK/STEP`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// How it stands now.
    pub(crate) phase: String,
    /// The number of the attempt, of a step or stage that is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<i32>,
    /// The number of the iteration, of a stage that is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iteration: Option<i32>,
    /// When it goes on, after a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resume_at: Option<Timestamp>,
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
        let attempt = self.attempt.map(|attempt| format!("attempt {attempt}"));
        let iteration = self.iteration.map(|iteration| format!("iteration {iteration}"));
        let rounds: Vec<String> = attempt.into_iter().chain(iteration).collect();
        let rounds = if rounds.is_empty() { String::new() } else { format!(" ({})", rounds.join(", ")) };
        let again = self.resume_at.map(|at| format!("again at {}", time(at)));
        let said = tree::said_of_wait(self.waiting_on.as_ref(), self.message.as_deref());
        let said: Vec<String> = again.into_iter().chain(said).chain(self.url.clone()).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(": ")) };
        printable::line(&format!("{}{name} {}{rounds}{said}", self.kind, self.phase))
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
    let run = Change::new("run", String::new(), is);
    if was == RunPhase::Pending && is != was {
        changes.push(Change::new("run", String::new(), RunPhase::Running));
    }
    for stage in &after.state.stages {
        // A stage of which the items were not known yet has not begun any of them.
        let was = before.state.stages.iter().find(|was| was.name == stage.name && was.item == stage.item);
        stage_changes(was, stage, &mut changes);
    }
    undo_changes(&before.state, &after.state, &mut changes);
    for hook in &after.state.hooks {
        let was = before.state.hooks.iter().find(|was| is_same(was, hook));
        hook_changes(was, hook, &mut changes);
    }
    if is != was && is != RunPhase::Running {
        let message = after.state.ending.as_ref().and_then(|ending| ending.message.clone());
        changes.push(Change { message, ..run });
    }
    changes
}

fn stage_changes(was: Option<&StageState>, stage: &StageState, changes: &mut Vec<Change>) {
    let title = stage.title();
    let change = Change { attempt: several(stage.attempt), ..Change::new("stage", title.clone(), stage.phase) };
    let rounds = |stage: &StageState| (stage.attempt, stage.iteration);
    let is_anew = rounds(stage) != was.map_or((1, 1), rounds);
    if is_anew {
        again(was, stage, &change, changes);
    }
    // What a stage had done before does not count for its next round; of another one, only its beginning was told.
    let was_phase = if is_anew { Some(StagePhase::Running) } else { was.map(|was| was.phase) };
    let before = was.filter(|_| !is_anew).map(|was| was.steps.as_slice()).unwrap_or_default();
    // The message of a stage that goes on is about its last attempt, which was told; and a loop is told by what comes next.
    let message = stage.message.clone().filter(|_| stage.phase.is_ended());
    let tells_end = stage.next != Some(Next::Repeat);
    let end = Change { message, iteration: None, ..change };
    group(was_phase, stage.phase, (end, tells_end), (before, &stage.steps), &title, changes);
}

/// Another attempt or iteration of a stage, and how the attempt before ended where that was not told.
fn again(was: Option<&StageState>, stage: &StageState, change: &Change, changes: &mut Vec<Change>) {
    let began = Change { phase: format!("{:?}", StagePhase::Running), message: None, ..change.clone() };
    let was_phase = was.map(|was| was.phase).unwrap_or_default();
    if was_phase == StagePhase::Pending {
        changes.push(Change { attempt: None, ..began.clone() });
    }
    if stage.attempt > was.map_or(1, |was| was.attempt) && was_phase != StagePhase::Failed {
        let (attempt, phase) = (several(stage.attempt - 1), format!("{:?}", StagePhase::Failed));
        changes.push(Change { attempt, phase, message: stage.message.clone(), ..began.clone() });
    }
    changes.push(Change { iteration: several(stage.iteration), resume_at: stage.resume_at, ..began });
}

fn hook_changes(was: Option<&HookState>, hook: &HookState, changes: &mut Vec<Change>) {
    let name = format!("{} ({:?} of {})", hook.hook, hook.event, subject(hook));
    let (attempt, iteration) = (several(hook.attempt), several(hook.iteration));
    let change = Change { attempt, iteration, ..Change::new("hook", name, hook.phase) };
    let steps = was.map(|was| was.steps.as_slice()).unwrap_or_default();
    let prefix = format!("hook {}", hook.hook);
    group(was.map(|was| was.phase), hook.phase, (change, true), (steps, &hook.steps), &prefix, changes);
}

/// Whose event a hook is about, with its item.
pub(crate) fn subject(hook: &HookState) -> String {
    hook.item.as_ref().map_or_else(|| hook.subject.clone(), |item| format!("{}[{item}]", hook.subject))
}

fn is_same(was: &HookState, is: &HookState) -> bool {
    let which = |hook: &HookState| {
        (hook.hook.clone(), hook.event, hook.subject.clone(), hook.item.clone(), hook.iteration, hook.attempt)
    };
    which(was) == which(is)
}

/// A number that is told only where there is more than one.
fn several(number: i32) -> Option<i32> {
    (number > 1).then_some(number)
}

/// How far the effects of steps are taken back.
fn undo_changes(before: &RunState, after: &RunState, changes: &mut Vec<Change>) {
    let undone = |state: &RunState, key: Option<&String>| {
        let step = state.steps().find(|step| key.is_some() && step.key.as_ref() == key);
        step.and_then(|step| step.undo.clone())
    };
    let stages = after.stages.iter().map(|stage| (stage.title(), &stage.steps));
    let hooks = after.hooks.iter().map(|hook| (format!("hook {}", hook.hook), &hook.steps));
    for (title, steps) in stages.chain(hooks) {
        for step in steps {
            let Some(undo) = &step.undo else { continue };
            let was = undone(before, step.key.as_ref());
            if was.is_some_and(|was| (was.phase, was.attempt) == (undo.phase, undo.attempt)) {
                continue;
            }
            let (attempt, message) = (several(undo.attempt), undo.message.clone());
            let name = format!("{title}/{}", step.name);
            changes.push(Change { attempt, message, ..Change::new("undo", name, undo.phase) });
        }
    }
}

/// The changes of a group of steps: that it started comes before its steps' changes, that it ended after them.
fn group(
    was: Option<StagePhase>,
    is: StagePhase,
    (change, tells_end): (Change, bool),
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
    if tells_end && is != was && is != StagePhase::Running {
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
        ..Change::new("step", format!("{prefix}/{}", step.name), step.phase)
    })
}

impl Change {
    fn new(kind: &'static str, name: String, phase: impl Debug) -> Self {
        let phase = format!("{phase:?}");
        Self {
            kind,
            name,
            phase,
            attempt: None,
            iteration: None,
            resume_at: None,
            waiting_on: None,
            message: None,
            url: None,
        }
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

    #[test]
    fn another_attempt_of_a_stage_is_told_with_its_pause_and_why() {
        let stage = |rest: Value| {
            let mut stage = json!({"name": "a", "phase": "Running", "steps": [{"name": "x"}]});
            stage.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            json!({"phase": "Running", "stages": [stage]})
        };
        let step = |phase: &str| json!([{"name": "x", "phase": phase, "message": "no"}]);
        let first = stage(json!({"steps": step("Running")}));
        let failed =
            stage(json!({"phase": "Failed", "next": "Undecided", "message": "step x: no", "steps": step("Failed")}));
        let pause = stage(json!({"attempt": 2, "message": "step x: no", "resumeAt": "2026-05-04T12:00:05Z"}));
        let second = stage(json!({"attempt": 2, "message": "step x: no", "steps": step("Failed")}));
        let end = stage(json!({"phase": "Failed", "attempt": 2, "message": "step x: no", "steps": step("Failed")}));
        let again = "stage a Running (attempt 2): again at 2026-05-04T12:00:05Z";
        assert_eq!(lines(first.clone(), failed.clone()), ["step a/x Failed: no", "stage a Failed: step x: no"]);
        assert_eq!(lines(failed, pause.clone()), [again]);
        assert_eq!(lines(first, pause.clone()), ["stage a Failed: step x: no", again]);
        assert_eq!(lines(pause, second.clone()), ["step a/x Failed: no"]);
        assert_eq!(lines(second, end), ["stage a Failed (attempt 2): step x: no"]);
    }

    #[test]
    fn another_iteration_of_a_stage_tells_its_steps_again() {
        let stage = |iteration: i32, phase: &str, next: Value, step: &str| {
            json!({"phase": "Running", "stages": [{"name": "a", "phase": phase, "iteration": iteration, "next": next,
                "steps": [{"name": "x", "phase": step}]}]})
        };
        let none = || json!(null);
        let before = json!({"phase": "Running", "stages": [{"name": "a", "steps": [{"name": "x"}]}]});
        let first = stage(1, "Succeeded", json!("Repeat"), "Succeeded");
        assert_eq!(lines(before, first.clone()), ["stage a Running", "step a/x Succeeded"]);
        let second = stage(2, "Running", none(), "Succeeded");
        assert_eq!(lines(first, second.clone()), ["stage a Running (iteration 2)", "step a/x Succeeded"]);
        assert_eq!(lines(second, stage(2, "Succeeded", none(), "Succeeded")), ["stage a Succeeded"]);
    }

    #[test]
    fn items_are_told_by_their_names_from_the_moment_that_they_are_known() {
        let item = |item: &str, phase: &str| json!({"name": "a", "item": item, "phase": phase, "steps": [{"name": "x", "phase": phase}]});
        let before = json!({"phase": "Running", "stages": [{"name": "a", "steps": [{"name": "x"}]}, {"name": "b", "steps": []}]});
        let after = json!({"phase": "Running", "stages": [item("eu", "Running"), item("us", "Pending"), {"name": "b", "steps": []}]});
        assert_eq!(lines(before, after.clone()), ["stage a[eu] Running", "step a[eu]/x Running"]);
        let hook = json!([{"hook": "h", "event": "Failure", "subject": "stage/a", "item": "eu", "attempt": 2, "phase": "Succeeded", "steps": []}]);
        let end = json!({"phase": "Running", "stages": after["stages"], "hooks": hook});
        let told = [
            "hook h (Failure of stage/a[eu]) Running (attempt 2)",
            "hook h (Failure of stage/a[eu]) Succeeded (attempt 2)",
        ];
        assert_eq!(lines(after, end), told);
    }

    #[test]
    fn an_effect_that_is_taken_back_is_told() {
        let run = |undo: Value| {
            let step = json!({"name": "x", "phase": "Aborted", "key": "k", "undo": undo});
            json!({"phase": "Running", "stages": [{"name": "a", "phase": "Aborted", "steps": [step]}]})
        };
        let undo = |phase: &str, attempt: i32, message: Value| json!({"phase": phase, "since": "2026-05-04T12:00:00Z", "attempt": attempt, "message": message});
        let begun = run(undo("Pending", 1, json!(null)));
        let again = run(undo("Pending", 2, json!("the host was away")));
        assert_eq!(lines(run(json!(null)), begun.clone()), ["undo a/x Pending"]);
        assert_eq!(lines(begun, again.clone()), ["undo a/x Pending (attempt 2): the host was away"]);
        assert_eq!(lines(again, run(undo("Undone", 2, json!(null)))), ["undo a/x Undone (attempt 2)"]);
    }
}
