//! The outside world of a scenario: what each call of a step comes to, and what happens when.
//!
//! ```text
//! openPr: wait 10s not merged; ok {"url": "x"}
//! undo openPr: away Away; ok
//! approval sign
//! lock sign
//! abort 12s
//! delete 12s
//! wake 7s openPr
//! lock: taken 2 web-1; ok
//! bind live: ok 2
//! ask 12s Approve live by=ada attempt=1
//! suspend 5s quarter end
//! unsuspend 9s
//! crash after act openPr
//! ```
//!
//! | outcome             | meaning                                                     |
//! |---------------------|-------------------------------------------------------------|
//! | `ok [JSON]`         | succeeded with these outputs; also what unscripted calls do |
//! | `wait 10s [TEXT]`   | not yet: look again after 10 s                              |
//! | `see 10s JSON`      | not yet, and this is what was seen for machines             |
//! | `again 10s`         | not yet: act again                                          |
//! | `fail Why [TEXT]`   | a definite failure                                          |
//! | `flake Why [TEXT]`  | a transient failure with a known end                        |
//! | `away Why [TEXT]`   | a transient failure with an unknown end                     |
//! | `lost Why [TEXT]`   | the effect may have happened and cannot be looked for       |
//!
//! The lock is `ok` or `taken POSITION HOLDER`; it is asked for again after 30 s. A bound stage's place says `ok [REQUIRED]` or a
//! failure; `none` is no answer, and it is asked again after 10 s. An entry may have `item=`, `step=`, `attempt=` and
//! `reason=` (one word); it is by `ada` unless it says.
//!
//! `+90s` before an outcome: the call takes that long. `after=30s` behind a failure: not sooner again.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use sluice_engine::{ActionType, End, Event, Failure, LockAnswer, Mode, Outcome, Plan, RunAction, RunState, WaitKind};

use super::{Happening, at, language::duration};

/// What a driver's calls come to.
pub(crate) trait World {
    /// What the call comes to, and how long it takes.
    fn call(&mut self, call: &Call<'_>) -> (Outcome, SignedDuration);

    /// Whether the step's policy wants another attempt after this failure.
    fn judge(&self, failure: &Failure) -> bool {
        failure.transient
    }

    /// Whether the stage's policy wants another attempt after this failure.
    fn judge_stage(&self, _failure: &Failure) -> bool {
        true
    }

    /// What comes of asking for the lock.
    fn lock(&mut self, _plan: &Plan) -> LockAnswer {
        LockAnswer::Held { group: "group".to_owned() }
    }

    /// What the place of the stage of that name says; `None` when it does not answer.
    fn bind(&mut self, _stage: &str) -> Option<Result<Option<i32>, Failure>> {
        Some(Ok(None))
    }

    /// What sort of thing the step of that name waits for.
    fn waits_on(&self, _step: &str) -> WaitKind {
        WaitKind::Condition
    }

    /// Whether the driver's process dies here, after that line of the trace.
    fn crashes(&mut self, _last: &str) -> bool {
        false
    }

    /// Whether the state was never changed by hand.
    fn is_sound(&self) -> bool {
        true
    }

    /// The event is about to be recorded.
    fn sees(&mut self, _plan: &Plan, _state: &RunState, _event: &Event) {}

    /// The event was recorded.
    fn saw(&mut self, _plan: &Plan, _before: &RunState, _after: &RunState, _event: &Event) {}

    /// Whether people give what a run that does nothing else waits for.
    fn is_generous(&self) -> bool {
        false
    }

    /// The run has ended.
    fn ends(&self) {}
}

/// One call of a step.
pub(crate) struct Call<'a> {
    /// The step's name.
    pub(crate) step: &'a str,
    /// Its idempotency key; the place and attempt of a pure step.
    pub(crate) key: &'a str,
    /// `None` for a pure step.
    pub(crate) mode: Option<Mode>,
    pub(crate) now: Timestamp,
}

/// A world that follows a text.
#[derive(Default)]
pub(crate) struct Script {
    outcomes: BTreeMap<String, VecDeque<String>>,
    crashes: Vec<String>,
    retries_everything: bool,
    retries_stages_when_transient: bool,
    /// The steps that wait for a person or a lock.
    held: BTreeMap<String, WaitKind>,
}

impl World for Script {
    fn call(&mut self, call: &Call<'_>) -> (Outcome, SignedDuration) {
        let undo = if call.mode == Some(Mode::Undo) { "undo " } else { "" };
        let next = self.outcomes.get_mut(&format!("{undo}{}", call.step)).and_then(VecDeque::pop_front);
        let text = next.as_deref().unwrap_or("ok");
        match text.strip_prefix('+').and_then(|text| text.split_once(' ')) {
            Some((takes, text)) => {
                let takes = duration(takes);
                (outcome(text, call.now + takes), takes)
            }
            None => (outcome(text, call.now), SignedDuration::ZERO),
        }
    }

    fn lock(&mut self, _plan: &Plan) -> LockAnswer {
        let group = "group".to_owned();
        let next = self.outcomes.get_mut("lock").and_then(VecDeque::pop_front);
        match next.as_deref().unwrap_or("ok").split_whitespace().collect::<Vec<_>>()[..] {
            ["ok"] => LockAnswer::Held { group },
            ["taken", position, holder] => {
                LockAnswer::Taken { group, position: position.parse().unwrap(), holder: holder.to_owned() }
            }
            ["fail", reason] => LockAnswer::Failed(Failure::definite(reason, "it broke")),
            ref other => panic!("not an answer of a lock: {other:?}"),
        }
    }

    fn bind(&mut self, stage: &str) -> Option<Result<Option<i32>, Failure>> {
        let next = self.outcomes.get_mut(&format!("bind {stage}")).and_then(VecDeque::pop_front);
        match next.as_deref().unwrap_or("ok").split_once(' ') {
            None if next.as_deref() == Some("none") => None,
            None => Some(Ok(None)),
            Some(("ok", required)) => Some(Ok(Some(required.parse().unwrap()))),
            Some((kind, rest)) => Some(Err(failure(kind, rest))),
        }
    }

    fn judge(&self, failure: &Failure) -> bool {
        failure.transient || self.retries_everything
    }

    fn judge_stage(&self, failure: &Failure) -> bool {
        failure.transient || !self.retries_stages_when_transient
    }

    fn waits_on(&self, step: &str) -> WaitKind {
        self.held.get(step).copied().unwrap_or(WaitKind::Condition)
    }

    fn crashes(&mut self, last: &str) -> bool {
        let Some(found) = self.crashes.iter().position(|after| after == last) else { return false };
        self.crashes.remove(found);
        true
    }

    fn ends(&self) {
        assert_eq!(self.crashes, [""; 0], "every crash of the script happens");
    }
}

impl Script {
    /// The world, and what happens to the run at which time.
    pub(super) fn parse(text: &str) -> (Self, Vec<(Timestamp, Happening)>) {
        let mut script = Self::default();
        let mut happenings = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some((step, outcomes)) = line.split_once(": ") {
                let outcomes = outcomes.split(';').map(|outcome| outcome.trim().to_owned());
                script.outcomes.insert(step.to_owned(), outcomes.collect());
            } else if let Some(after) = line.strip_prefix("crash after ") {
                script.crashes.push(after.to_owned());
            } else {
                match line.split_whitespace().collect::<Vec<_>>()[..] {
                    ["retry", "everything"] => script.retries_everything = true,
                    ["retry", "stages", "when", "transient"] => script.retries_stages_when_transient = true,
                    ["approval", step] => drop(script.held.insert(step.to_owned(), WaitKind::Approval)),
                    ["lock", step] => drop(script.held.insert(step.to_owned(), WaitKind::Lock)),
                    ["ask", time, kind, ref rest @ ..] => {
                        happenings.push((moment(time), Happening::Ask(asked(kind, rest))));
                    }
                    ["suspend", time, ref reason @ ..] => {
                        happenings.push((moment(time), Happening::Suspend(Some(reason.join(" ")))));
                    }
                    ["unsuspend", time] => happenings.push((moment(time), Happening::Suspend(None))),
                    ["unenforced", time] => happenings.push((moment(time), Happening::Unenforced)),
                    ["abort", time] => happenings.push((moment(time), Happening::Abort)),
                    ["delete", time] => happenings.push((moment(time), Happening::Delete)),
                    ["wake", time, step] => happenings.push((moment(time), Happening::Wake(step.to_owned()))),
                    ["lose", time, step] => happenings.push((moment(time), Happening::Lose(step.to_owned()))),
                    ["steal", time, step] => happenings.push((moment(time), Happening::Steal(step.to_owned()))),
                    _ => panic!("not a line of a script: {line}"),
                }
            }
        }
        (script, happenings)
    }
}

fn asked(kind: &str, rest: &[&str]) -> RunAction {
    let kind = match kind {
        "Approve" => ActionType::Approve,
        "Reject" => ActionType::Reject,
        "Abort" => ActionType::Abort,
        "Pause" => ActionType::Pause,
        "Resume" => ActionType::Resume,
        "Retry" => ActionType::Retry,
        "Skip" => ActionType::Skip,
        "Unlock" => ActionType::Unlock,
        _ => panic!("not an action: {kind}"),
    };
    let mut action = RunAction {
        r#type: kind,
        by: "ada".to_owned(),
        reason: None,
        stage: None,
        item: None,
        step: None,
        attempt: None,
    };
    for word in rest {
        let (name, value) = word.split_once('=').unwrap_or(("stage", word));
        let value = value.to_owned();
        match name {
            "by" => action.by = value,
            "reason" => action.reason = Some(value),
            "stage" => action.stage = Some(value),
            "item" => action.item = Some(value),
            "step" => action.step = Some(value),
            "attempt" => action.attempt = Some(value.parse().unwrap()),
            _ => panic!("not a member of an entry: {word}"),
        }
    }
    action
}

fn moment(time: &str) -> Timestamp {
    at(duration(time).as_secs())
}

fn outcome(text: &str, now: Timestamp) -> Outcome {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "ok" if rest.is_empty() => Outcome::Succeeded(Default::default()),
        "ok" => Outcome::Succeeded(serde_json::from_str(rest).unwrap()),
        "see" => {
            let (pause, progress) = rest.split_once(' ').unwrap();
            let progress = Some(serde_json::from_str(progress).unwrap());
            Outcome::Waiting {
                look_at: now + duration(pause),
                not_before: None,
                message: None,
                progress,
                act_again: false,
            }
        }
        "wait" | "again" => {
            let (pause, message) = rest.split_once(' ').unwrap_or((rest, ""));
            Outcome::Waiting {
                look_at: now + duration(pause),
                not_before: None,
                message: (!message.is_empty()).then(|| message.to_owned()),
                progress: None,
                act_again: kind == "again",
            }
        }
        "fail" | "flake" | "away" | "lost" => Outcome::Failed(failure(kind, rest)),
        _ => panic!("not an outcome: {text}"),
    }
}

fn failure(kind: &str, rest: &str) -> Failure {
    let (rest, retry_after) = match rest.split_once(" after=") {
        Some((rest, pause)) => (rest, Some(duration(pause))),
        None => (rest, None),
    };
    let (reason, message) = rest.split_once(' ').unwrap_or((rest, "it broke"));
    let failure = match kind {
        "fail" => Failure::definite(reason, message),
        "flake" => Failure::transient(reason, message).with_end(End::Known),
        "away" => Failure::transient(reason, message),
        _ => Failure::transient(reason, message).with_end(End::Unresolved),
    };
    Failure { retry_after, ..failure }
}
