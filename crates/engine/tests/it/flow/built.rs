//! What cannot be built, and what the error says.

use sluice_engine::flow::{BuildError, Builder, Flow, Retry};

use super::support::{Broken, World, act, ask};

fn refused(content: impl FnOnce(Builder<World, Broken>) -> Builder<World, Broken>) -> String {
    content(Flow::named("test/v1")).build().unwrap_err().to_string()
}

#[test]
fn two_of_one_name_in_one_place_are_refused() {
    let in_flow = refused(|flow| flow.step("a", act("a")).wait_for("a", ask("a")));
    assert_eq!(in_flow, r#"flow "test/v1" has two of the name "a": rename one, or put it into a group"#);
    let in_group = refused(|flow| {
        flow.steps("g", |g| {
            g.retry("r", Retry::limit(1), |r| r.step("a", act("a")).steps("a", |a| a.step("b", act("b"))))
        })
    });
    assert_eq!(in_group, r#"group "g/r" has two of the name "a": rename one, or put it into a group"#);
}

#[test]
fn one_name_in_two_places_is_no_collision() {
    let flow = Flow::named("test/v1").steps("a", |a| a.step("a", act("a"))).steps("b", |b| b.step("a", act("a")));
    assert!(flow.build().is_ok());
}

#[test]
fn the_name_of_a_position_elsewhere_cannot_be_forged() {
    for (name, character) in [("a/b", '/'), ("a[1]", '['), ("1]", ']'), ("a\nb", '\n')] {
        let error = Flow::named("test/v1").steps("g", |g| g.step(name, act("a"))).build().unwrap_err();
        let within = r#"group "g""#.to_owned();
        assert_eq!(error, BuildError::Reserved { name: name.to_owned(), within, character });
        assert!(error.to_string().contains(&format!("{character:?}")), "{error}");
    }
}

#[test]
fn everything_has_a_name() {
    assert_eq!(Flow::named("").step("a", act("a")).build().unwrap_err(), BuildError::UnnamedFlow);
    assert!(refused(|flow| flow.step("", act("a"))).starts_with(r#"something in flow "test/v1" has no name"#));
    assert!(refused(|flow| flow.steps("", |g| g.step("a", act("a")))).contains("has no name"));
}

#[test]
fn there_is_something_to_do_everywhere() {
    assert_eq!(refused(|flow| flow), r#"flow "test/v1" is empty: add a step or a wait"#);
    let empty = |name: &str| format!("group {name:?} is empty: add a step or a wait");
    assert_eq!(refused(|flow| flow.steps("g", |g| g)), empty("g"));
    assert_eq!(refused(|flow| flow.case("c", ask("c"), |c| c)), empty("c"));
    assert_eq!(refused(|flow| flow.loop_until("l", ask("l"), |l| l)), empty("l"));
    assert_eq!(refused(|flow| flow.steps("g", |g| g.retry("r", Retry::limit(1), |r| r))), empty("g/r"));
}

#[test]
fn a_group_made_elsewhere_gets_the_name_of_its_place() {
    let made = Flow::named("elsewhere").step("a", act("a"));
    let flow = Flow::named("test/v1").steps("g", |_| made).build().unwrap();
    assert_eq!(flow.start().position(), Some("g/a"));
}

#[test]
fn debug_output_shows_the_names() {
    let flow = Flow::named("test/v1").steps("g", |g| g.step("a", act("a"))).build().unwrap();
    assert_eq!(format!("{flow:?}"), r#"Flow { name: "test/v1", elements: ["g", "g/a"] }"#);
    assert_eq!(flow.name(), "test/v1");
}
