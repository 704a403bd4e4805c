//! What is saved, and what is refused when it is read.

use expect_test::expect;
use serde_json::json;
use sluice_engine::flow::{Error, Flow, Phase, Retry, State};

use super::support::{Broken, World, act, apply, ask, flow, state_at};

fn sample() -> Flow<World, Broken> {
    flow(|flow| {
        flow.retry("r", Retry::limit(1), |r| r.loop_until("l", ask("l"), |l| l.step("a", act("a"))))
            .steps("g", |g| g.step("b", act("b")))
            .case("c", ask("c"), |c| c.step("d", act("d")))
    })
}

#[test]
fn a_state_is_a_few_words() {
    let start = sample().start();
    expect![[r#"{"flow":"test/v1","phase":"Running","at":"r[1]/l[1]/a","resumeAt":null,"failure":null}"#]]
        .assert_eq(&serde_json::to_string(&start).unwrap());
    assert_eq!((start.flow(), start.phase()), ("test/v1", Phase::Running));
}

#[test]
fn a_state_is_read_without_what_is_empty() {
    assert_eq!(state_at("r[1]/l[1]/a"), sample().start());
}

#[test]
fn every_position_that_is_written_can_be_read() {
    for at in ["r[1]/l[1]/a", "r[7]/l[4294967295]/a", "r[1]/l[2]", "g/b", "c", "c/d"] {
        let mut world = World::default();
        assert!(apply(&sample(), &mut world, &state_at(at)).is_ok(), "{at}");
    }
}

#[test]
fn an_unknown_position_is_an_error_and_never_a_restart() {
    let unknown = [
        "",
        "x",
        "/",
        "r",
        "r[1]",
        "r[1]/l",
        "r/l/a",
        "r[0]/l[1]/a",
        "r[01]/l[1]/a",
        "r[+1]/l[1]/a",
        "r[1]/l[1]/a/",
        "r[1]/l[1]/a[1]",
        "r[1]/l[99999999999]/a",
        "r[1/l[1]/a",
        "g",
        "g/",
        "g[1]/b",
        "g/a",
        "b",
        "c[1]",
        "c/d/e",
        " c",
        "C",
    ];
    for at in unknown {
        let mut world = World::default();
        let error = apply(&sample(), &mut world, &state_at(at)).unwrap_err();
        assert_eq!(error, Error::UnknownPosition { flow: "test/v1".to_owned(), at: at.to_owned() });
        assert_eq!(world.news(), "");
    }
}

#[test]
fn a_phase_that_contradicts_the_position_is_an_error() {
    for (phase, at) in [("Finished", "g/b"), ("Running", ""), ("Waiting", "")] {
        let state: State = serde_json::from_value(json!({"flow": "test/v1", "phase": phase, "at": at})).unwrap();
        let error = apply(&sample(), &mut World::default(), &state).unwrap_err();
        assert!(matches!(error, Error::UnknownPosition { .. }), "{error}");
    }
}

#[test]
fn the_errors_say_what_to_do() {
    let error = apply(&sample(), &mut World::default(), &state_at("gone")).unwrap_err();
    expect![[r#"flow "test/v1" has no position "gone": it was changed since that was saved; keep a flow as it is as long as a process follows it, and give the changed one another name"#]]
        .assert_eq(&error.to_string());
    let other = Flow::named("test/v2").step("a", act("a")).build().unwrap();
    let error = apply(&sample(), &mut World::default(), &other.start()).unwrap_err();
    expect![[r#"the state is one of flow "test/v2", not of "test/v1": apply it to the flow of its own name"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn a_finished_state_of_another_flow_is_refused_as_well() {
    let state = json!({"flow": "test/v0", "phase": "Finished", "at": ""});
    let state: State = serde_json::from_value(state).unwrap();
    assert!(matches!(apply(&sample(), &mut World::default(), &state), Err(Error::OtherFlow { .. })));
}

#[test]
fn a_merge_patch_saves_a_state_whole() {
    let waiting = json!({"flow": "test/v1", "phase": "Waiting", "at": "r[2]/l[1]/a", "failure": "r[1]/l[1]/a: a is broken",
        "resumeAt": "2026-01-01T00:00:00Z"});
    let next = serde_json::to_value(sample().start()).unwrap();
    // Every member of the next state replaces or removes what was there.
    let members = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (mut old, mut new) = (members(&waiting), members(&next));
    old.sort();
    new.sort();
    assert_eq!(old, new);
}
