//! Where a run stands, for people: the columns of `kubectl get`, and one message.

use sluice_engine::{HookState, RunState, StagePhase, StageState, StepState, UndoPhase, WaitKind, WaitingOn, cut_to};

/// So many things that are under way are named; the others are counted.
const NAMED: usize = 3;

/// Bytes that each of several messages may take.
const SHORT: usize = 200;

/// The summary for people of where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The steps that are under way, those that wait for people first.
    pub step: Option<String>,
    /// What is done or waited for, or why the run ended.
    pub message: Option<String>,
    /// What is waited for: a person first, then what is waited for longest.
    pub waiting_on: Option<WaitingOn>,
    /// Whether everything that is under way waits.
    pub only_waits: bool,
}

impl Summary {
    /// Sums up a state.
    pub fn of(state: &RunState) -> Self {
        let why = state.ending.as_ref().and_then(|ending| ending.message.clone());
        if state.is_finished() {
            return Self { message: why, ..Self::default() };
        }
        let mut doings = doings(state);
        doings.extend(held(state));
        doings.sort_by_key(|doing| !doing.waits_for_people());
        let steps: Vec<String> = doings.iter().filter_map(|doing| doing.step.clone()).collect();
        let waits = doings.iter().filter_map(|doing| doing.waiting_on.clone());
        let texts: Vec<String> = match doings.as_slice() {
            [only] => vec![only.alone.clone()],
            several => several.iter().map(|doing| cut_to(SHORT, doing.among_others.clone())).collect(),
        };
        let message: Vec<String> = why.into_iter().chain(list(texts, "; ")).collect();
        Self {
            step: list(steps, ", "),
            message: (!message.is_empty()).then(|| message.join("; ")),
            waiting_on: waits.min_by_key(|on| (!is_of_people(on), on.since)),
            only_waits: !doings.is_empty() && doings.iter().all(|doing| doing.waiting_on.is_some()),
        }
    }
}

/// Names the first of them and counts the others; nothing of nothing.
fn list(mut all: Vec<String>, separator: &str) -> Option<String> {
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    let named = (!all.is_empty()).then(|| all.join(separator))?;
    Some(if more > 0 { format!("{named} and {more} more") } else { named })
}

/// One thing that is under way.
struct Doing {
    /// The step, with its item.
    step: Option<String>,
    /// What is said of it when it is all there is.
    alone: String,
    /// What is said of it among others.
    among_others: String,
    waiting_on: Option<WaitingOn>,
}

impl Doing {
    /// A step that goes on.
    fn step(step: &StepState, item: Option<&str>, of: &str) -> Self {
        let title = title(step, item);
        let (alone, among_others) = match (&step.message, &step.waiting_on) {
            (Some(message), _) => (format!("{of}{message}"), format!("{of}{title}: {message}")),
            (None, Some(on)) => same(format!("{of}{title} waits for {:?} {}", on.kind, on.key)),
            (None, None) => same(format!("{of}{title} is under way")),
        };
        Self { step: Some(title), alone, among_others, waiting_on: step.waiting_on.clone() }
    }

    fn waits_for_people(&self) -> bool {
        self.waiting_on.as_ref().is_some_and(is_of_people)
    }

    /// Something of which this is said.
    fn told(text: String) -> Self {
        let (alone, among_others) = same(text);
        Self { step: None, alone, among_others, waiting_on: None }
    }
}

/// Whether it goes on only when a person does something.
fn is_of_people(on: &WaitingOn) -> bool {
    matches!(on.kind, WaitKind::PullRequest | WaitKind::Approval | WaitKind::Resume)
}

fn same(text: String) -> (String, String) {
    (text.clone(), text)
}

fn title(step: &StepState, item: Option<&str>) -> String {
    item.map_or_else(|| step.name.clone(), |item| format!("{}[{item}]", step.name))
}

/// Everything that is under way, in the order of the stages and hooks.
fn doings(state: &RunState) -> Vec<Doing> {
    let stages = state.stages.iter().flat_map(of_stage);
    stages.chain(state.hooks.iter().flat_map(of_hook)).collect()
}

fn of_stage(stage: &StageState) -> impl Iterator<Item = Doing> {
    let item = stage.item.as_deref();
    let under_way = stage.steps.iter().filter(|step| step.phase.is_under_way());
    let undone = stage.steps.iter().filter_map(move |step| taking_back(step, item));
    under_way.map(move |step| Doing::step(step, item, "")).chain(undone).chain(pause(stage)).chain(approval(stage))
}

fn of_hook(hook: &HookState) -> impl Iterator<Item = Doing> {
    let of = format!("hook {}: ", hook.hook);
    let under_way = hook.steps.iter().filter(|step| step.phase.is_under_way());
    let undone = hook.steps.iter().filter_map(|step| taking_back(step, None));
    under_way.map(move |step| Doing::step(step, None, &of)).chain(undone)
}

/// The effect of a step that is being taken back.
fn taking_back(step: &StepState, item: Option<&str>) -> Option<Doing> {
    let undo = step.undo.as_ref().filter(|undo| undo.phase == UndoPhase::Pending)?;
    let title = title(step, item);
    let last = undo.message.as_ref().map(|why| format!(" (attempt {}: {why})", undo.attempt)).unwrap_or_default();
    let text = format!("the effect of {title} is being taken back{last}");
    Some(Doing { step: Some(title), ..Doing::told(text) })
}

/// A stage that starts once people have approved it.
fn approval(stage: &StageState) -> Option<Doing> {
    let approval = stage.approval.as_ref().filter(|_| stage.awaits_approval())?;
    let (title, attempt) = (stage.title(), stage.attempt);
    let missing = match approval.missing() {
        1 => "an approval".to_owned(),
        missing => format!("{missing} approvals"),
    };
    let given: Vec<&str> = approval.by.iter().map(|approver| approver.name.as_str()).collect();
    let given = if given.is_empty() { String::new() } else { format!("; approved by {}", given.join(", ")) };
    let whose = match &stage.guard {
        Some(guard) => format!(" by those who may approve {}/{}", guard.resource, guard.name),
        None => " by those who may approve the pipeline".to_owned(),
    };
    let attempt = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
    let waiting_on = Some(WaitingOn { kind: WaitKind::Approval, key: title.clone(), since: approval.since? });
    Some(Doing { waiting_on, ..Doing::told(format!("stage {title}{attempt} waits for {missing}{whose}{given}")) })
}

/// What keeps the whole run from going on.
fn held(state: &RunState) -> Vec<Doing> {
    let resume = |key: &str, since| Some(WaitingOn { kind: WaitKind::Resume, key: key.to_owned(), since });
    let because = |reason: Option<&str>| match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    let paused = state.paused.as_ref().map(|paused| {
        let text = format!("paused by {}{}", paused.by, because(paused.reason.as_deref()));
        Doing { waiting_on: resume(&paused.by, paused.since), ..Doing::told(text) }
    });
    let suspended = state.suspended.as_ref().map(|suspended| {
        let text = format!("the pipeline is suspended{}", because(Some(&suspended.reason)));
        Doing { waiting_on: resume("pipeline", suspended.since), ..Doing::told(text) }
    });
    let queued = state.lock.as_ref().and_then(|lock| {
        let holder = lock.holder.as_ref()?;
        let ahead = match lock.position {
            1 => String::new(),
            position => format!(", and {} more are before this run", position - 1),
        };
        let text = format!("waits for the lock {:?}: run {holder} holds it{ahead}", lock.group);
        let waiting_on = Some(WaitingOn { kind: WaitKind::Lock, key: lock.group.clone(), since: lock.since });
        Some(Doing { waiting_on, ..Doing::told(text) })
    });
    [paused, suspended, queued].into_iter().flatten().collect()
}

/// A stage that rests before its next attempt or iteration.
fn pause(stage: &StageState) -> Option<Doing> {
    let at = stage.resume_at.filter(|_| stage.phase == StagePhase::Running)?;
    let what = match stage.iteration {
        1 => format!("attempt {}", stage.attempt),
        iteration => format!("iteration {iteration}"),
    };
    let since = stage.finished_at.or(stage.started_at).unwrap_or(at);
    let waiting_on = Some(WaitingOn { kind: WaitKind::Time, key: at.to_string(), since });
    Some(Doing { waiting_on, ..Doing::told(format!("{what} of stage {} starts at {at}", stage.title())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The summary of a running run with these members of its state.
    fn summary(state: &str) -> Summary {
        let state: RunState = serde_saphyr::from_str(&format!("phase: Running\n{state}")).unwrap();
        Summary::of(&state)
    }

    /// What people see of it: the step, the message, and what is waited for.
    #[track_caller]
    fn check(state: &str, step: Option<&str>, message: &str, waits_for: Option<&str>) {
        let summary = summary(state);
        let waits_for_it = summary.waiting_on.as_ref().map(|on| on.key.as_str());
        let seen = (summary.step.as_deref(), summary.message.as_deref().unwrap_or_default(), waits_for_it);
        assert_eq!(seen, (step, message, waits_for));
    }

    const MERGE: &str = "{name: merge, phase: Running, message: not merged, waitingOn: {kind: PullRequest, key: url, since: 2026-01-02T00:00:00Z}}";
    const DELAY: &str = "{name: rest, phase: Running, message: rests, waitingOn: {kind: Time, key: later, since: 2026-01-01T00:00:00Z}}";
    const LOCK: &str =
        "{name: lock, phase: Running, message: queues, waitingOn: {kind: Lock, key: it, since: 2026-01-02T00:00:00Z}}";
    const APPROVE: &str =
        "{name: approve, phase: Running, waitingOn: {kind: Approval, key: ada, since: 2026-01-03T00:00:00Z}}";
    const ACT: &str = "{name: build, phase: Running}";

    fn stages(steps: &[&str]) -> String {
        let stages = steps.iter().enumerate();
        let stages = stages.map(|(number, step)| format!("{{name: s{number}, phase: Running, steps: [{step}]}}"));
        format!("stages: [{}]", stages.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn one_step_speaks_for_itself() {
        check(&stages(&[MERGE]), Some("merge"), "not merged", Some("url"));
        check(&stages(&[ACT]), Some("build"), "build is under way", None);
    }

    #[test]
    fn several_are_named_with_what_each_does_and_what_is_waited_for() {
        let said = "merge: not merged; rest: rests; build is under way";
        check(&stages(&[DELAY, ACT, MERGE]), Some("merge, rest, build"), said, Some("url"));
        let said = "lock: queues; rest: rests; build is under way and 1 more";
        check(&stages(&[LOCK, DELAY, ACT, ACT]), Some("lock, rest, build and 1 more"), said, Some("later"));
    }

    #[test]
    fn a_person_who_is_waited_for_is_told_before_everything_else() {
        let said = "approve waits for Approval ada; rest: rests";
        check(&stages(&[DELAY, APPROVE]), Some("approve, rest"), said, Some("ada"));
    }

    #[test]
    fn a_run_waits_when_everything_in_it_waits() {
        let only_waits = |steps: &[&str]| summary(&stages(steps)).only_waits;
        assert!(only_waits(&[MERGE, DELAY]));
        assert!(!only_waits(&[MERGE, ACT]));
        assert!(!only_waits(&[]));
    }

    #[test]
    fn items_are_told_apart() {
        let entry = |item: &str| format!("{{name: deploy, item: {item}, phase: Running, steps: [{ACT}]}}");
        let state = format!("stages: [{}, {}]", entry("eu"), entry("us"));
        check(&state, Some("build[eu], build[us]"), "build[eu] is under way; build[us] is under way", None);
    }

    #[test]
    fn long_messages_of_several_are_cut() {
        let long = format!("{{name: a, phase: Running, message: {}}}", "x".repeat(2000));
        let length = |steps: &[&str]| summary(&stages(steps)).message.unwrap().len();
        assert_eq!(length(&[&long]), 2000);
        assert_eq!(length(&[&long, &long]), 402);
    }

    #[test]
    fn a_stage_that_rests_is_told_beside_what_goes_on() {
        let resting = "{name: drain, phase: Running, iteration: 2, startedAt: 2026-01-01T00:00:00Z, resumeAt: 2026-01-01T01:00:00Z, steps: [{name: a}]}";
        let said = "iteration 2 of stage drain starts at 2026-01-01T01:00:00Z";
        check(&format!("stages: [{resting}]"), None, said, Some("2026-01-01T01:00:00Z"));
        let state = format!("stages: [{resting}, {{name: s, phase: Running, steps: [{ACT}]}}]");
        check(&state, Some("build"), &format!("{said}; build is under way"), Some("2026-01-01T01:00:00Z"));
    }

    const ABORTED: &str =
        "ending: {phase: Aborted, reason: Aborted, message: aborted by ada, at: 2026-01-01T00:00:00Z}";

    #[test]
    fn what_follows_the_result_is_told_behind_it() {
        let hooks = "hooks: [{hook: end, event: Abortion, subject: pipeline, phase: Running, steps: [{name: tell, phase: Running}]}]";
        check(&format!("{ABORTED}\n{hooks}"), Some("tell"), "aborted by ada; hook end: tell is under way", None);
        let undone = "stages: [{name: s, phase: Aborted, steps: [{name: ask, phase: Succeeded, undo: {since: 2026-01-01T00:00:00Z, attempt: 2, message: no answer}}]}]";
        let said = "aborted by ada; the effect of ask is being taken back (attempt 2: no answer)";
        check(&format!("{ABORTED}\n{undone}"), Some("ask"), said, None);
        check(&format!("{ABORTED}\nfinishedAt: 2026-01-01T00:00:00Z"), None, "aborted by ada", None);
    }
}
