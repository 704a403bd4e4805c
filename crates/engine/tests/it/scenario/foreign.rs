//! A status that was changed by hand ends the run before anything is done under it.

use expect_test::expect;
use serde_json::{Value, json};
use sluice_engine::{RunState, StageState, StepAt};

use crate::support::driver;

/// What becomes of a run of this plan whose state is changed before its first step.
fn ending(plan: &str, change: impl FnOnce(&mut RunState)) -> String {
    let mut driver = driver(plan, "");
    change(&mut driver.state);
    driver.run();
    driver.state.ending.unwrap().reason
}

const PLAIN: &str = "stage deploy\n acts apply\n stage after\n acts tell";
const LISTED: &str = "stage roll each=a,b\n acts apply\n stage after\n acts tell";

/// The stage's entry again, as that of this item.
fn add_item(state: &mut RunState, item: Option<&str>) {
    let entry = state.stages[0].clone();
    state.stages.insert(0, StageState { item: item.map(str::to_owned), ..entry });
}

#[test]
fn what_was_not_changed_goes_on() {
    expect!["Succeeded"].assert_eq(&ending(PLAIN, |_| {}));
    expect!["Succeeded"].assert_eq(&ending(LISTED, |_| {}));
}

#[test]
fn a_stage_with_another_name_or_none_at_all() {
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| state.stages[0].name = "other".to_owned()));
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| drop(state.stages.remove(0))));
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| drop(state.stages.pop())));
    expect!["PlanMismatch"].assert_eq(&ending(LISTED, |state| drop(state.stages.remove(0))));
    expect!["PlanMismatch"].assert_eq(&ending(LISTED, |state| state.stages[1].name = "other".to_owned()));
}

#[test]
fn a_step_with_another_name_or_none_at_all() {
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| state.stages[0].steps[0].name = "other".to_owned()));
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| state.stages[0].steps.clear()));
}

#[test]
fn an_item_of_a_stage_that_has_none() {
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| state.stages[0].item = Some("a".to_owned())));
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| add_item(state, None)));
    expect!["PlanMismatch"].assert_eq(&ending(PLAIN, |state| {
        add_item(state, Some("a"));
        state.stages[1].item = Some("b".to_owned());
    }));
}

#[test]
fn an_entry_beside_the_items_of_a_stage() {
    expect!["PlanMismatch"].assert_eq(&ending(LISTED, |state| add_item(state, Some("a"))));
    expect!["PlanMismatch"].assert_eq(&ending(LISTED, |state| add_item(state, None)));
}

#[test]
fn a_hook_that_the_plan_does_not_have() {
    let hooked = |name: &str, step: &str| {
        let hook = json!({"hook": name, "event": "Success", "subject": "pipeline", "phase": "Succeeded",
            "steps": [{"name": step, "phase": "Succeeded"}]});
        let plan = format!("{PLAIN}\n hook tell on Success\n acts post");
        ending(&plan, |state| state.hooks.push(serde_json::from_value(hook).unwrap()))
    };
    expect!["Succeeded"].assert_eq(&hooked("tell", "post"));
    expect!["PlanMismatch"].assert_eq(&hooked("other", "post"));
    expect!["PlanMismatch"].assert_eq(&hooked("tell", "other"));
}

#[test]
fn of_two_steps_under_one_key_the_one_that_has_not_ended_is_meant() {
    let step = |phase: &str, undo: Option<&str>| {
        let mut step = json!({"name": "apply", "phase": phase, "key": "k"});
        if let Some(phase) = undo {
            step["undo"] = json!({"phase": phase, "since": "2026-01-01T00:00:00Z"});
        }
        step
    };
    let place = |steps: [Value; 2]| {
        let state: RunState = serde_json::from_value(json!({"stages": [{"name": "deploy", "steps": steps}]})).unwrap();
        match state.place_of("k") {
            Some(StepAt::Stage { stage: 0, step }) => step,
            other => panic!("it is at {other:?}"),
        }
    };
    let (ended, open) = (step("Succeeded", None), step("Running", None));
    let (undone, to_undo) = (step("Aborted", Some("Undone")), step("Aborted", Some("Pending")));
    assert_eq!(place([ended.clone(), open.clone()]), 1);
    assert_eq!(place([open, ended.clone()]), 0);
    assert_eq!(place([undone.clone(), to_undo.clone()]), 1);
    assert_eq!(place([ended.clone(), to_undo]), 1);
    assert_eq!(place([ended.clone(), undone]), 0);
    assert_eq!(place([ended.clone(), ended]), 0);
}
