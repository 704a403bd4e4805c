//! Where a run stands, for people: the columns of `kubectl get`, and one message.

use jiff::Timestamp;
use sluice_engine::{
    HookState, Lock, RunState, StagePhase, StageState, StepState, UndoPhase, WaitKind, WaitingOn, cut_to,
};

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
        // What holds up the whole run explains why nothing else goes on.
        let mut doings = held(state);
        doings.extend(self::doings(state));
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

    /// What waits for people or a lock.
    fn held(text: String, kind: WaitKind, key: String, since: Timestamp) -> Self {
        Self { waiting_on: Some(WaitingOn { kind, key, since }), ..Self::told(text) }
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

/// What a stage that awaits an approval waits for: how many are missing, who may give them, and who has.
pub fn missing_approval(stage: &StageState) -> Option<String> {
    let approval = stage.approval.as_ref().filter(|_| stage.awaits_approval())?;
    let missing = match (approval.missing(), approval.by.is_empty()) {
        (1, true) => "an approval".to_owned(),
        (1, false) => "one more approval".to_owned(),
        (missing, true) => format!("{missing} approvals"),
        (missing, false) => format!("{missing} more approvals"),
    };
    let whose = stage
        .guard
        .as_ref()
        .map_or_else(|| "this pipeline".to_owned(), |guard| format!("{}/{}", guard.resource, guard.name));
    let given = approvers(stage).map(|given| format!("; {given}")).unwrap_or_default();
    Some(format!("waits for {missing} by whoever may approve {whose}{given}"))
}

/// Who has approved the attempt of a stage.
pub fn approvers(stage: &StageState) -> Option<String> {
    let by = stage.approval.iter().flat_map(|approval| &approval.by);
    list(by.map(|approver| approver.name.clone()).collect(), ", ").map(|names| format!("approved by {names}"))
}

/// What keeps the whole run from going on, each in a few words: a pause, the suspension of its pipeline, a lock.
pub fn holds(state: &RunState) -> Vec<String> {
    held(state).into_iter().map(|doing| doing.alone).collect()
}

/// A stage that starts once people have approved it.
fn approval(stage: &StageState) -> Option<Doing> {
    let (missing, title) = (missing_approval(stage)?, stage.title());
    let attempt = if stage.attempt > 1 { format!(" (attempt {})", stage.attempt) } else { String::new() };
    let text = format!("stage {title}{attempt} {missing}");
    let since = stage.approval.as_ref().and_then(|approval| approval.since)?;
    Some(Doing::held(text, WaitKind::Approval, format!("stage/{title}"), since))
}

/// What keeps the whole run from going on.
fn held(state: &RunState) -> Vec<Doing> {
    let because = |reason: &str| match reason.trim().is_empty() {
        true => String::new(),
        false => format!(": {}", cut_to(SHORT, reason.to_owned())),
    };
    let paused = state.paused.as_ref().map(|paused| {
        let text = format!("paused by {}{}", paused.by, because(paused.reason.as_deref().unwrap_or_default()));
        Doing::held(text, WaitKind::Resume, "resume".to_owned(), paused.since)
    });
    let suspended = state.suspended.as_ref().map(|suspended| {
        let text = format!("the pipeline is suspended{}", because(&suspended.reason));
        Doing::held(text, WaitKind::Resume, "end of suspension".to_owned(), suspended.since)
    });
    let queued = state.lock.as_ref().filter(|lock| !lock.is_held()).map(|lock| {
        let text = format!("waits for the lock {:?}{}", lock.group, queue(lock));
        Doing::held(text, WaitKind::Lock, format!("lock/{}", lock.group), lock.since)
    });
    [paused, suspended, queued].into_iter().flatten().collect()
}

/// Who has a lock, and how many are to have it before this run.
pub fn queue(lock: &Lock) -> String {
    let between = |position: i32| match position {
        ..=1 => String::new(),
        2 => "; one run more is before this one".to_owned(),
        position => format!("; {} runs more are before this one", position - 1),
    };
    match (&lock.holder, lock.position) {
        (Some(holder), position) => format!(": run {holder} has it{}", between(position)),
        (None, ..=1) => String::new(),
        (None, position) => format!(": {position} runs are before this one"),
    }
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

    /// A stage that awaits approvals, with these members.
    fn awaiting(more: &str) -> String {
        format!("{{name: live, phase: AwaitingApproval, guard: {{resource: environments, name: production}}, {more}}}")
    }

    #[test]
    fn an_approval_says_how_many_are_missing_who_may_give_them_and_who_has() {
        let stage = |more: &str| format!("stages: [{}]", awaiting(more));
        let none = "approval: {required: 1, since: 2026-01-01T00:00:00Z}";
        let whose = "by whoever may approve environments/production";
        check(&stage(none), None, &format!("stage live waits for an approval {whose}"), Some("stage/live"));
        let item = format!("item: eu, attempt: 2, {none}");
        let said = format!("stage live[eu] (attempt 2) waits for an approval {whose}");
        check(&stage(&item), None, &said, Some("stage/live[eu]"));
        let given = |required: i32, names: &[&str]| {
            let by: Vec<String> =
                names.iter().map(|name| format!("{{name: {name}, at: 2026-01-01T00:00:00Z}}")).collect();
            format!("approval: {{required: {required}, since: 2026-01-01T00:00:00Z, by: [{}]}}", by.join(", "))
        };
        for (required, names, said) in [
            (3, &[][..], format!("waits for 3 approvals {whose}")),
            (3, &["ada"], format!("waits for 2 more approvals {whose}; approved by ada")),
            (2, &["ada"], format!("waits for one more approval {whose}; approved by ada")),
            (
                6,
                &["a", "b", "c", "d", "e"],
                format!("waits for one more approval {whose}; approved by a, b, c and 2 more"),
            ),
        ] {
            check(&stage(&given(required, names)), None, &format!("stage live {said}"), Some("stage/live"));
        }
        let unguarded =
            "stages: [{name: live, phase: AwaitingApproval, approval: {required: 1, since: 2026-01-01T00:00:00Z}}]";
        check(
            unguarded,
            None,
            "stage live waits for an approval by whoever may approve this pipeline",
            Some("stage/live"),
        );
    }

    const PAUSED: &str = "paused: {by: ada, reason: lunch, since: 2026-01-04T00:00:00Z}";

    #[test]
    fn a_pause_and_a_suspension_say_why_and_come_before_what_they_hold_up() {
        check(PAUSED, None, "paused by ada: lunch", Some("resume"));
        check("paused: {by: ada, since: 2026-01-04T00:00:00Z}", None, "paused by ada", Some("resume"));
        let suspended = |reason: &str| format!("suspended: {{reason: {reason:?}, since: 2026-01-04T00:00:00Z}}");
        check(&suspended("quarter end"), None, "the pipeline is suspended: quarter end", Some("end of suspension"));
        check(&suspended(""), None, "the pipeline is suspended", Some("end of suspension"));
        let state = format!("{PAUSED}\n{}", stages(&[ACT]));
        check(&state, Some("build"), "paused by ada: lunch; build is under way", Some("resume"));
        let long = suspended(&"because ".repeat(100));
        assert!(summary(&long).message.unwrap().len() < 300);
    }

    #[test]
    fn a_queue_says_who_has_the_lock_and_how_many_come_before() {
        let lock = |rest: &str| format!("lock: {{group: web, since: 2026-01-04T00:00:00Z, {rest}}}");
        for (rest, said) in [
            ("position: 1, holder: web-1", ": run web-1 has it"),
            ("position: 2, holder: web-1", ": run web-1 has it; one run more is before this one"),
            ("position: 4, holder: web-1", ": run web-1 has it; 3 runs more are before this one"),
            ("position: 3", ": 3 runs are before this one"),
            ("position: 1", ""),
        ] {
            check(&lock(rest), None, &format!("waits for the lock \"web\"{said}"), Some("lock/web"));
        }
        check(&lock("position: 0"), None, "", None);
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
