//! What changed between two statuses of a run, in the order in which it happened. Pure.

use std::fmt::Debug;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sluice_api::{PipelineRunStatus, approvers, holds, missing_approval, queue};
use sluice_engine::{
    ActionOutcome, ActionResult, HookState, Next, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState,
    WaitingOn,
};

use crate::{printable, tree};

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// `run`, `lock`, `stage`, `hook`, `step`, `undo` for a step whose effect is taken back, or `action` for the answer to
    /// what a person asked.
    pub(crate) kind: &'static str,
    /// Of what: nothing for the run, the lock's group, `STAGE`, `STAGE[ITEM]`, `HOOK`, `STAGE/STEP`, `hook HOOK/STEP`, or what
    /// was asked.
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
    let has_begun_anew = after.state.round > before.state.round.max(1);
    // One that is cancelled never began.
    if (was == RunPhase::Pending && is != was && is != RunPhase::Cancelled) || has_begun_anew {
        let message = (after.state.round > 1).then(|| format!("round {}", after.state.round));
        changes.push(Change { message, ..Change::new("run", String::new(), RunPhase::Running) });
    }
    hold_changes(&before.state, &after.state, &mut changes);
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
    let has_ended = !matches!(is, RunPhase::Pending | RunPhase::Running);
    if has_ended && (is != was || has_begun_anew) {
        let message = after.state.ending.as_ref().and_then(|ending| ending.message.clone());
        changes.push(Change { message, ..run });
    }
    changes
}

/// What holds up the run as a whole, and what does not any more.
fn hold_changes(before: &RunState, after: &RunState, changes: &mut Vec<Change>) {
    if after.is_finished() {
        return;
    }
    let held = |state: &RunState| {
        let only = |paused, suspended| RunState { paused, suspended, lock: None, ..state.clone() };
        let paused = holds(&only(state.paused.clone(), None)).pop();
        let suspended = holds(&only(None, state.suspended.clone())).pop();
        [("Paused", "Resumed", paused), ("Suspended", "Unsuspended", suspended)]
    };
    for ((begins, ends, is), (_, _, was)) in held(after).into_iter().zip(held(before)) {
        let phase = if is.is_some() { begins } else { ends };
        if is != was {
            changes.push(Change { message: is, phase: phase.to_owned(), ..Change::new("run", String::new(), "") });
        }
    }
    let Some(lock) = &after.lock else { return };
    let was = before.lock.as_ref();
    let (phase, message) = match lock.is_held() {
        true => ("Held", None),
        false => ("Queued", Some(queue(lock)).filter(|said| !said.is_empty())),
    };
    if was.is_none_or(|was| (was.position, &was.holder) != (lock.position, &lock.holder)) {
        let message = message.map(|said| said.trim_start_matches(": ").to_owned());
        changes.push(Change { message, phase: phase.to_owned(), ..Change::new("lock", lock.group.clone(), "") });
    }
}

/// What became of what people `asked`, the entries of `spec.actions`, behind the first `told` answers.
pub(crate) fn answers(asked: &[Value], answers: &[ActionResult], told: usize) -> Vec<Change> {
    let answer = |answer: &ActionResult| {
        let entry = usize::try_from(answer.index).ok().and_then(|index| asked.get(index)).unwrap_or(&Value::Null);
        let text = |member: &str| entry[member].as_str();
        let item = text("item").map(|item| format!("[{item}]")).unwrap_or_default();
        let step = text("step").map(|step| format!("/{step}")).unwrap_or_default();
        let place = text("stage").map(|stage| format!(" {stage}{item}{step}")).unwrap_or_default();
        let what = text("type").unwrap_or("an entry");
        let by = text("by").map(|by| format!(" by {by}")).unwrap_or_default();
        let message = answer.message.clone();
        Change { message, ..Change::new("action", format!("{what}{place}{by}"), answer.result) }
    };
    answers.iter().skip(told).map(answer).collect()
}

impl Change {
    /// Whether nothing came of what a person asked.
    pub(crate) fn is_ignored(&self) -> bool {
        self.kind == "action" && self.phase == format!("{:?}", ActionOutcome::Ignored)
    }
}

/// A stage that has begun to wait for approvals, or has got one of several.
fn approval_change(was: Option<&StageState>, stage: &StageState, change: &Change) -> Option<Change> {
    let waits = |stage: &StageState| (stage.attempt, missing_approval(stage));
    let message = missing_approval(stage).filter(|_| was.map(waits) != Some(waits(stage)))?;
    Some(Change { message: Some(message), ..change.clone() })
}

fn stage_changes(was: Option<&StageState>, stage: &StageState, changes: &mut Vec<Change>) {
    let title = stage.title();
    let change = Change { attempt: several(stage.attempt), ..Change::new("stage", title.clone(), stage.phase) };
    let rounds = |stage: &StageState| (stage.attempt, stage.iteration);
    let is_anew = rounds(stage) != was.map_or((1, 1), rounds);
    if is_anew {
        again(was, stage, &change, changes);
    }
    changes.extend(approval_change(was, stage, &change));
    // What a stage had done before does not count for its next round; of another one, only its beginning was told. One that
    // ended without having begun may begin in another round of the run.
    let was_phase = match was.map(|was| was.phase) {
        _ if is_anew && has_begun(stage) => Some(StagePhase::Running),
        Some(StagePhase::Omitted | StagePhase::Skipped | StagePhase::Aborted) if !stage.phase.is_ended() => None,
        was => was,
    };
    let before = was.map(|was| was.steps.as_slice()).unwrap_or_default();
    // Of the steps of an attempt before, those that were kept have their keys.
    let is_kept = |step: &StepState| step.key.is_some() && stage.steps.iter().any(|kept| kept.key == step.key);
    let before = if is_anew && !before.iter().any(is_kept) { &[] } else { before };
    // The message of a stage that goes on is about its last attempt, which was told; and a loop is told by what comes next.
    let message = stage.message.clone().filter(|_| stage.phase.is_ended());
    let ended = (stage.next != Some(Next::Repeat)).then(|| Change { message, iteration: None, ..change.clone() });
    let began = has_begun(stage).then(|| Change { message: approvers(stage), ..change.running() });
    group((was_phase, stage.phase), began, ended, (before, &stage.steps), &title, changes);
}

/// Another attempt or iteration of a stage, and how the attempt before ended where that was not told.
fn again(was: Option<&StageState>, stage: &StageState, change: &Change, changes: &mut Vec<Change>) {
    let began = change.running();
    let was_phase = was.map(|was| was.phase).unwrap_or_default();
    if was_phase == StagePhase::Pending {
        changes.push(Change { attempt: None, ..began.clone() });
    }
    // A person may have a stage done again that had succeeded.
    let had_ended = matches!(was_phase, StagePhase::Failed | StagePhase::Aborted)
        || was.is_some_and(|was| was_phase == StagePhase::Succeeded && was.next.is_none());
    if stage.attempt > was.map_or(1, |was| was.attempt) && !had_ended {
        let (attempt, phase) = (several(stage.attempt - 1), format!("{:?}", StagePhase::Failed));
        changes.push(Change { attempt, phase, message: stage.message.clone(), ..began.clone() });
    }
    if has_begun(stage) {
        changes.push(Change { iteration: several(stage.iteration), resume_at: stage.resume_at, ..began });
    }
}

fn hook_changes(was: Option<&HookState>, hook: &HookState, changes: &mut Vec<Change>) {
    let name = format!("{} ({:?} of {})", hook.hook, hook.event, subject(hook));
    let (attempt, iteration) = (several(hook.attempt), several(hook.iteration));
    let change = Change { attempt, iteration, ..Change::new("hook", name, hook.phase) };
    let steps = was.map(|was| was.steps.as_slice()).unwrap_or_default();
    let prefix = format!("hook {}", hook.hook);
    let began = is_begun(hook.phase).then(|| change.running());
    group((was.map(|was| was.phase), hook.phase), began, Some(change), (steps, &hook.steps), &prefix, changes);
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

/// The changes of a group of steps: that it began comes before its steps' changes, that it ended after them.
fn group(
    (was, is): (Option<StagePhase>, StagePhase),
    began: Option<Change>,
    ended: Option<Change>,
    (before, after): (&[StepState], &[StepState]),
    prefix: &str,
    changes: &mut Vec<Change>,
) {
    let was = was.unwrap_or_default();
    changes.extend(began.filter(|_| matches!(was, StagePhase::Pending | StagePhase::AwaitingApproval)));
    if !matches!(is, StagePhase::Skipped | StagePhase::Omitted) {
        for (index, step) in after.iter().enumerate() {
            changes.extend(step_change(before.get(index), step, prefix));
        }
    }
    changes.extend(ended.filter(|_| is != was && is.is_ended()));
}

/// Whether a stage got as far as its steps. One that was rejected did not.
fn has_begun(stage: &StageState) -> bool {
    let lacks_approval = stage.approval.as_ref().is_some_and(|approval| approval.missing() > 0);
    !lacks_approval && is_begun(stage.phase)
}

fn is_begun(phase: StagePhase) -> bool {
    use StagePhase::{AwaitingApproval, Omitted, Pending, Skipped};
    !matches!(phase, Pending | AwaitingApproval | Skipped | Omitted)
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
    /// The same as something that has begun.
    fn running(&self) -> Self {
        Self { phase: format!("{:?}", StagePhase::Running), message: None, ..self.clone() }
    }

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

    /// A stage with an approval by two, that so many people have given.
    fn approved(phase: &str, by: &[&str], more: Value) -> Value {
        let by: Vec<Value> = by.iter().map(|name| json!({"name": name, "at": "2026-05-04T12:00:00Z"})).collect();
        let mut stage = json!({"name": "a", "phase": phase, "steps": [{"name": "x"}],
            "guard": {"resource": "environments", "name": "live"},
            "approval": {"required": 2, "since": "2026-05-04T12:00:00Z", "by": by}});
        stage.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"phase": "Running", "stages": [stage]})
    }

    #[test]
    fn approvals_are_told_one_by_one_and_a_rejected_stage_never_began() {
        let pending = json!({"phase": "Running", "stages": [{"name": "a", "steps": [{"name": "x"}]}]});
        let waits = approved("AwaitingApproval", &[], json!({}));
        let one = approved("AwaitingApproval", &["ada"], json!({}));
        let both = approved("Running", &["ada", "bob"], json!({}));
        let rejected = approved("Failed", &["ada"], json!({"message": "rejected by bob: no"}));
        let whose = "by whoever may approve environments/live";
        let awaits = format!("stage a AwaitingApproval: waits for 2 approvals {whose}");
        assert_eq!(lines(pending, waits.clone()), [awaits]);
        let more = format!("stage a AwaitingApproval: waits for one more approval {whose}; approved by ada");
        assert_eq!(lines(waits.clone(), one.clone()), [more]);
        assert_eq!(lines(waits, both.clone()), ["stage a Running: approved by ada, bob"]);
        assert_eq!(lines(one.clone(), rejected), ["stage a Failed: rejected by bob: no"]);
        let again = approved("AwaitingApproval", &[], json!({"attempt": 2, "message": "no"}));
        let told = [
            "stage a Failed (attempt 1): no".replace(" (attempt 1)", ""),
            format!("stage a AwaitingApproval (attempt 2): waits for 2 approvals {whose}"),
        ];
        assert_eq!(lines(both, again), told);
    }

    #[test]
    fn a_pause_a_suspension_and_a_queue_are_told_when_they_begin_change_and_end() {
        let since = "2026-05-04T12:00:00Z";
        let run = |more: Value| {
            let mut run = json!({"phase": "Running", "stages": []});
            run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            run
        };
        let free = || run(json!({}));
        let paused = || run(json!({"paused": {"by": "ada", "reason": "lunch", "since": since}}));
        assert_eq!(lines(free(), paused()), ["run Paused: paused by ada: lunch"]);
        assert_eq!(lines(paused(), paused()), [""; 0]);
        assert_eq!(lines(paused(), free()), ["run Resumed"]);
        let suspended = || run(json!({"suspended": {"reason": "end", "since": since}}));
        assert_eq!(lines(free(), suspended()), ["run Suspended: the pipeline is suspended: end"]);
        assert_eq!(lines(suspended(), free()), ["run Unsuspended"]);
        let lock = |rest: Value| {
            let mut lock = json!({"group": "web", "since": since});
            lock.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            run(json!({"lock": lock}))
        };
        let second = || lock(json!({"position": 2, "holder": "web-1"}));
        let told = "lock web Queued: run web-1 has it; one run more is before this one";
        assert_eq!(lines(free(), second()), [told]);
        let first = || lock(json!({"position": 1, "holder": "web-2"}));
        assert_eq!(lines(second(), first()), ["lock web Queued: run web-2 has it"]);
        assert_eq!(lines(first(), lock(json!({"position": 0}))), ["lock web Held"]);
    }

    #[test]
    fn a_run_that_is_cancelled_never_ran() {
        let after = json!({"phase": "Cancelled", "finishedAt": "2026-05-04T12:00:00Z", "stages": [],
            "ending": {"phase": "Cancelled", "reason": "Locked", "message": "run web-1 holds the lock", "at": "2026-05-04T12:00:00Z"}});
        assert_eq!(lines(json!({"stages": []}), after), ["run Cancelled: run web-1 holds the lock"]);
    }

    #[test]
    fn another_round_tells_what_is_done_again_and_not_what_was_kept() {
        let step = |name: &str, phase: &str, key: &str| json!({"name": name, "phase": phase, "key": key});
        let before = json!({"phase": "Failed", "finishedAt": "2026-05-04T12:00:00Z", "stages": [
            {"name": "a", "phase": "Failed", "steps": [step("x", "Succeeded", "1"), step("y", "Failed", "2")]},
            {"name": "b", "phase": "Omitted", "steps": [{"name": "z", "phase": "Omitted"}]}]});
        let after = json!({"phase": "Running", "round": 2, "stages": [
            {"name": "a", "phase": "Succeeded", "attempt": 2, "steps": [step("x", "Succeeded", "1"), step("y", "Succeeded", "3")]},
            {"name": "b", "phase": "Running", "steps": [step("z", "Running", "4")]}]});
        let told = [
            "run Running: round 2",
            "stage a Running (attempt 2)",
            "step a/y Succeeded",
            "stage a Succeeded (attempt 2)",
            "stage b Running",
            "step b/z Running",
        ];
        assert_eq!(lines(before, after), told);
    }

    #[test]
    fn answers_to_people_say_who_asked_for_what() {
        let asked = [
            json!({"type": "Approve", "stage": "live", "by": "ada"}),
            json!({"type": "Skip", "stage": "live", "item": "eu", "step": "roll", "by": "bob"}),
            json!({"type": "Pause", "by": "ada"}),
        ];
        let given: Vec<ActionResult> = serde_json::from_value(json!([
            {"index": 0, "result": "Applied"},
            {"index": 1, "result": "Ignored", "message": "nothing is left"},
            {"index": 2, "result": "Applied"},
            {"index": 3, "result": "Ignored"},
        ]))
        .unwrap();
        let told: Vec<String> = answers(&asked, &given, 1).iter().map(Change::line).collect();
        let expected = [
            "action Skip live[eu]/roll by bob Ignored: nothing is left",
            "action Pause by ada Applied",
            "action an entry Ignored",
        ];
        assert_eq!(told, expected);
    }
}
