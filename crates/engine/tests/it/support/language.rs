//! Plans as text: a line for each stage, step and hook.
//!
//! ```text
//! timeout 1h
//! stage deploy when=true timeout=10m
//!   reads look
//!   acts  openPr when=false retry=2 backoff=5s timeout=1m
//!   pure  render
//! hook tell on Started,Failure for stage/deploy
//!   acts  post
//! ```
//!
//! A condition's text is its answer: `true`, `false` or `error`.

use jiff::SignedDuration;
use sluice_engine::{Condition, Hook, HookEvent, Nature, Plan, Stage, Step, Subject};

pub(super) fn plan(text: &str) -> Plan {
    let mut plan = Plan::default();
    let mut in_hook = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["timeout", timeout] => plan.timeout = Some(duration(timeout)),
            ["stage", name, ..] => {
                in_hook = false;
                plan.stages.push(stage(name, &words[2..]));
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

fn stage(name: &str, options: &[&str]) -> Stage {
    let mut stage = Stage { name: name.to_owned(), ..Stage::default() };
    for option in options {
        match option.split_once('=').unwrap() {
            ("when", answer) => stage.when = Some(Condition(answer.to_owned())),
            ("timeout", timeout) => stage.timeout = Some(duration(timeout)),
            _ => panic!("not an option of a stage: {option}"),
        }
    }
    stage
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
        match option.split_once('=').unwrap() {
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
