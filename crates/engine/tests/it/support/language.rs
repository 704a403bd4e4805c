//! Plans as text: a line for each stage, step and hook.
//!
//! ```text
//! timeout 1h
//! lock keep
//! outputs
//! stage deploy when=true timeout=10m needs=plan,build
//!   reads look
//!   acts  openPr when=false retry=2 backoff=5s timeout=1m undo
//!   pure  render
//! stage live approve=2 bound
//! stage roll each=eu,us max=1 retry=2 backoff=5s until=3 limit=5 every=10s parallel
//!   acts  apply
//! hook tell on Started,Failure for stage/deploy
//!   acts  post
//! ```
//!
//! `lock` queues, `lock forbid` ends the run when another one has the lock, `lock keep` keeps it unless the run succeeds.
//!
//! A condition's text is its answer: `true`, `false` or `error`; `until=3` is true in the third iteration. A stage needs
//! the one before it; with `needs=` it needs none. The text of `each` is the list; `each=-` is an empty one.

use jiff::SignedDuration;
use sluice_engine::{Condition, ForEach, Hook, HookEvent, LockPlan, Nature, Plan, Retry, Stage, Step, Subject, Until};

pub(super) fn plan(text: &str) -> Plan {
    let mut plan = Plan::default();
    let mut in_hook = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["timeout", timeout] => plan.timeout = Some(duration(timeout)),
            ["lock", ref options @ ..] => {
                let has = |option: &str| options.contains(&option);
                plan.lock = Some(LockPlan { ends_when_taken: has("forbid"), kept_unless_succeeded: has("keep") });
            }
            ["outputs"] => plan.has_outputs = true,
            ["stage", name, ..] => {
                in_hook = false;
                let stage = stage(name, &words[2..], &plan.stages);
                plan.stages.push(stage);
            }
            ["hook", name, "on", events, ..] => {
                in_hook = true;
                plan.hooks.push(hook(name, events, &words[4..]));
            }
            [nature, name, ..] => {
                let step = step(nature, name, &words[2..]);
                let steps = if in_hook {
                    &mut plan.hooks.last_mut().unwrap().steps
                } else {
                    &mut plan.stages.last_mut().unwrap().steps
                };
                steps.push(step);
            }
            _ => panic!("not a line of a plan: {line}"),
        }
    }
    plan
}

pub(super) fn duration(text: &str) -> SignedDuration {
    text.parse().unwrap()
}

fn stage(name: &str, options: &[&str], before: &[Stage]) -> Stage {
    let needs = before.len().checked_sub(1).into_iter().collect();
    let mut stage = Stage { name: name.to_owned(), needs, ..Stage::default() };
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("needs", names) => stage.needs = named(names, before),
            ("when", answer) => stage.when = Some(Condition(answer.to_owned())),
            ("each", items) => {
                stage.for_each = Some(ForEach { items: Condition(items.to_owned()), max_parallel: None })
            }
            ("max", most) => stage.for_each.as_mut().unwrap().max_parallel = Some(most.parse().unwrap()),
            ("retry", times) => stage.retry = Some(Retry { limit: times.parse().unwrap(), ..Retry::default() }),
            ("backoff", pause) => stage.retry.as_mut().unwrap().backoff.initial = duration(pause),
            ("until", answer) => {
                let condition = Condition(answer.to_owned());
                stage.until = Some(Until { condition, interval: SignedDuration::ZERO, limit: 1000 });
            }
            ("limit", limit) => stage.until.as_mut().unwrap().limit = limit.parse().unwrap(),
            ("every", pause) => stage.until.as_mut().unwrap().interval = duration(pause),
            ("parallel", "") => stage.parallel = true,
            ("bound", "") => stage.is_bound = true,
            ("approve", required) => stage.approval = Some(required.parse().unwrap()),
            ("timeout", timeout) => stage.timeout = Some(duration(timeout)),
            _ => panic!("not an option of a stage: {option}"),
        }
    }
    stage
}

/// The numbers of the stages of these names; `4` is the number itself, for plans that no check has seen.
fn named(names: &str, stages: &[Stage]) -> Vec<usize> {
    let names = names.split(',').filter(|name| !name.is_empty());
    let number = |name: &str| stages.iter().position(|stage| stage.name == name).or_else(|| name.parse().ok());
    names.map(|name| number(name).unwrap_or_else(|| panic!("no stage {name}"))).collect()
}

fn step(nature: &str, name: &str, options: &[&str]) -> Step {
    let nature = match nature {
        "pure" => Nature::Pure,
        "reads" => Nature::Reads,
        "acts" => Nature::Acts,
        _ => panic!("not a nature: {nature}"),
    };
    let mut step = Step { name: name.to_owned(), nature, ..Step::default() };
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("undo", "") => step.undo = true,
            ("when", answer) => step.when = Some(Condition(answer.to_owned())),
            ("retry", times) => step.retry.limit = times.parse().unwrap(),
            ("backoff", pause) => step.retry.backoff.initial = duration(pause),
            ("timeout", timeout) => step.timeout = Some(duration(timeout)),
            _ => panic!("not an option of a step: {option}"),
        }
    }
    step
}

fn hook(name: &str, events: &str, subject: &[&str]) -> Hook {
    let events = events.split(',').map(|event| match event {
        "Started" => HookEvent::Started,
        "Success" => HookEvent::Success,
        "Failure" => HookEvent::Failure,
        "Abortion" => HookEvent::Abortion,
        _ => panic!("not an event: {event}"),
    });
    let subject = match subject {
        [] => Subject::Pipeline,
        ["for", subject] => match subject.split_once('/').unwrap() {
            ("stage", name) => Subject::Stage(name.to_owned()),
            ("step", name) => Subject::Step(name.to_owned()),
            _ => panic!("not a subject: {subject}"),
        },
        _ => panic!("not a subject: {subject:?}"),
    };
    Hook { name: name.to_owned(), events: events.collect(), subject, steps: Vec::new() }
}
