//! Failures, and what takes them up.

use std::error::Error as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sluice_engine::flow::{Error, Flow, Next, Retry};

use super::support::{Broken, World, act, apply, ask, flow};

/// A flow with one retry `r` around the steps `a` and `b`.
fn with(retry: Retry<World, Broken>) -> Flow<World, Broken> {
    flow(|flow| flow.retry("r", retry, |r| r.step("a", act("a")).step("b", act("b"))).step("c", act("c")))
}

#[test]
fn a_failure_keeps_the_position_and_says_where_and_why() {
    let flow = flow(|flow| flow.steps("g", |g| g.step("a", act("a")).step("b", act("b"))));
    let mut world = World { failing: [("b", 1)].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    let error = apply(&flow, &mut world, &state).unwrap_err();
    assert_eq!(error.to_string(), r#""g/b" of flow "test/v1" failed"#);
    assert_eq!(error.source().unwrap().to_string(), "b is broken");
    assert!(matches!(error, Error::Failed { source: Broken("b"), .. }));
    assert!(apply(&flow, &mut world, &state).unwrap().is_finished());
    assert_eq!(world.news(), "a b b");
}

#[test]
fn waits_and_conditions_fail_as_steps_do() {
    let flow = flow(|flow| {
        flow.wait_for("w", ask("w"))
            .case("c", ask("c"), |c| c.step("a", act("a")))
            .loop_until("l", ask("l"), |l| l.wait_for("v", ask("v")))
    });
    for (failing, at) in [("w", "w"), ("c", "c"), ("v", "l[1]/v"), ("l", "l[1]")] {
        let mut world = World { failing: [(failing, 1)].into(), yes: ["w", "v"].into(), ..World::default() };
        let error = apply(&flow, &mut world, &flow.start()).unwrap_err();
        assert_eq!(error, Error::Failed { flow: "test/v1".to_owned(), at: at.to_owned(), source: Broken(failing) });
    }
}

#[test]
fn a_retry_begins_the_group_again_as_often_as_its_limit_says() {
    let flow = with(Retry::limit(2));
    let mut world = World { failing: [("b", 9)].into(), ..World::default() };
    let mut state = flow.start();
    let mut seen = Vec::new();
    let error = loop {
        match apply(&flow, &mut world, &state) {
            Ok(next) => state = next,
            Err(error) => break error,
        }
        seen.push((state.position().unwrap_or_default().to_owned(), state.next()));
    };
    let (go, wait) = (Next::Apply, Next::Wait);
    let expected = [("r[1]/b", go), ("r[2]/a", wait), ("r[2]/b", go), ("r[3]/a", wait), ("r[3]/b", go)];
    assert_eq!(seen, expected.map(|(at, next)| (at.to_owned(), next)));
    assert_eq!(error.to_string(), r#""r[3]/b" of flow "test/v1" failed"#);
    assert_eq!(world.news(), "a b a b a b");
    // The limit is reached, and stays reached; the caller may still try again.
    assert_eq!(apply(&flow, &mut world, &state).unwrap_err(), error);
    world.failing.clear();
    assert_eq!(apply(&flow, &mut world, &state).unwrap().position(), Some("c"));
}

#[test]
fn what_failed_can_be_read_until_the_attempts_are_through() {
    let flow = with(Retry::limit(2));
    let mut world = World { failing: [("b", 1)].into(), ..World::default() };
    let mut state = flow.start();
    let mut failures = Vec::new();
    while !state.is_finished() {
        failures.push(state.failure().map(str::to_owned));
        state = apply(&flow, &mut world, &state).unwrap();
    }
    let failure = Some("r[1]/b: b is broken".to_owned());
    assert_eq!(failures, [None, None, failure.clone(), failure, None]);
}

#[test]
fn what_failed_is_not_carried_into_the_next_retry() {
    let flow = flow(|flow| {
        flow.retry("r", Retry::limit(1), |r| r.step("a", act("a")))
            .retry("s", Retry::limit(1), |s| s.step("b", act("b")))
    });
    let mut world = World { failing: [("a", 1)].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!(state.failure(), Some("r[1]/a: a is broken"));
    let state = apply(&flow, &mut world, &state).unwrap();
    assert_eq!((state.position(), state.failure()), (Some("s[1]/b"), None));
}

#[test]
fn a_retry_takes_up_what_its_judge_says() {
    let flow = with(Retry::unlimited().when(|failure: &Broken| failure.0 == "a"));
    let mut world = World { failing: [("a", 1), ("b", 1)].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!(state.position(), Some("r[2]/a"));
    let state = apply(&flow, &mut world, &state).unwrap();
    assert!(matches!(apply(&flow, &mut world, &state), Err(Error::Failed { source: Broken("b"), .. })));
}

#[test]
fn of_two_retries_the_inner_is_asked_first_and_begins_anew_in_each_attempt_of_the_outer() {
    let flow = flow(|flow| {
        flow.retry("outer", Retry::limit(1), |outer| {
            outer.step("a", act("a")).retry("inner", Retry::limit(1), |inner| inner.step("b", act("b")))
        })
    });
    let mut world = World { failing: [("b", 9)].into(), ..World::default() };
    let mut state = flow.start();
    let mut positions = vec![state.position().unwrap().to_owned()];
    while let Ok(next) = apply(&flow, &mut world, &state) {
        positions.push(next.position().unwrap_or_default().to_owned());
        state = next;
    }
    let expected = [
        "outer[1]/a",
        "outer[1]/inner[1]/b",
        "outer[1]/inner[2]/b",
        "outer[2]/a",
        "outer[2]/inner[1]/b",
        "outer[2]/inner[2]/b",
    ];
    assert_eq!(positions, expected);
}

#[test]
fn a_pause_is_kept_whoever_applies_meanwhile() {
    let pause = Duration::from_secs(30);
    let flow = with(Retry::limit(3).pause(pause, |world: &World| world.now));
    let mut world = World { failing: [("a", 1)].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    let resume_at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(30);
    assert_eq!(state.next(), Next::WaitUntil(resume_at));
    world.now = resume_at - SignedDuration::from_nanos(1);
    assert_eq!(apply(&flow, &mut world, &state).unwrap(), state);
    assert_eq!(world.news(), "a");
    world.now = resume_at;
    let state = apply(&flow, &mut world, &state).unwrap();
    assert_eq!((world.news().as_str(), state.position(), state.next()), ("a", Some("r[2]/b"), Next::Apply));
}

#[test]
fn pauses_double_up_to_the_longest() {
    let (first, longest) = (Duration::from_secs(10), Duration::from_secs(25));
    let flow = with(Retry::unlimited().backoff(first, longest, |world: &World| world.now));
    let mut world = World { failing: [("a", 4)].into(), ..World::default() };
    let mut state = flow.start();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        state = apply(&flow, &mut world, &state).unwrap();
        let Next::WaitUntil(time) = state.next() else { panic!("{state:?}") };
        pauses.push(time.duration_since(world.now).as_secs());
        world.now = time;
    }
    assert_eq!(pauses, [10, 20, 25, 25]);
}

#[test]
fn a_pause_without_end_is_no_overflow() {
    let flow = with(Retry::limit(1).pause(Duration::MAX, |world: &World| world.now));
    let mut world = World { failing: [("a", 1)].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!(state.next(), Next::WaitUntil(Timestamp::MAX));
}

#[test]
fn a_pause_that_the_flow_no_longer_has_holds_nothing_up() {
    let pausing = with(Retry::limit(1).pause(Duration::from_secs(30), |world: &World| world.now));
    let mut world = World { failing: [("a", 1)].into(), ..World::default() };
    let state = apply(&pausing, &mut world, &pausing.start()).unwrap();
    let state = apply(&with(Retry::limit(1)), &mut world, &state).unwrap();
    assert_eq!((state.position(), state.next()), (Some("r[2]/b"), Next::Apply));
}
