//! What expressions see in a run: the same that the check says they do.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};
use sluice_api::{PipelineSpec, Program, Reader, RunIdentity, check, variables::RunVariables};
use sluice_engine::{RunState, StepAt};
use sluice_expr::Expression;

/// Stages: a first one, two beside each other of which one runs for each item, a last one with parallel steps.
const PIPELINE: &str = r#"
serviceAccountName: a
stages:
- {name: first, steps: [{name: a, set: {values: {x: 1}}}, {name: b, set: {values: {x: 1}}}]}
- name: fan
  forEach: {in: "[{'name': 'eu'}, {'name': 'us'}]", as: region}
  steps: [{name: open, set: {values: {x: 1}}}, {name: wait, set: {values: {x: 1}}}]
- {name: beside, needs: [first], steps: [{name: c, set: {values: {x: 1}}}]}
- {name: both, needs: [fan], parallel: true, steps: [{name: d, set: {values: {x: 1}}}, {name: e, set: {values: {x: 1}}}]}
hooks:
- {name: tell, events: [Started, Failure], for: {stage: fan}, steps: [{name: h, set: {values: {x: 1}}}, {name: i, set: {values: {x: 1}}}]}
- {name: tellOfStep, events: [Started, Success], for: {step: d}, steps: [{name: j, set: {values: {x: 1}}}]}
- {name: tellOfStage, events: [Success], for: {stage: both}, steps: [{name: j, set: {values: {x: 1}}}]}
- {name: tellOfAll, events: [Started, Success], steps: [{name: j, set: {values: {x: 1}}}]}
"#;

/// A run in which everything has run: each output says where it is from.
fn state() -> Value {
    let step = |name: &str, from: &str| json!({"name": name, "phase": "Succeeded", "outputs": {"x": from}});
    let hook = |hook: &str, event: &str, subject: &str, item: Option<&str>| {
        let steps = json!([step("h", "h"), {"name": "i", "phase": "Running"}]);
        let steps = if hook == "tell" { steps } else { json!([{"name": "j", "phase": "Running"}]) };
        json!({"hook": hook, "event": event, "subject": subject, "item": item, "steps": steps})
    };
    let item = |name: &str, last: Value| {
        json!({
            "name": "fan", "item": name, "value": {"name": name}, "phase": "Failed", "reason": "Broken",
            "message": format!("in {name}"), "steps": [step("open", name), last],
        })
    };
    json!({
        "stages": [
            {"name": "first", "phase": "Succeeded", "steps": [step("a", "a"), {"name": "b", "phase": "Skipped"}]},
            item("eu", step("wait", "eu")),
            item("us", json!({"name": "wait", "phase": "Skipped"})),
            {"name": "beside", "phase": "Succeeded", "steps": [step("c", "c")]},
            {"name": "both", "phase": "Running", "steps": [step("d", "d"), step("e", "e")]},
        ],
        "hooks": [
            hook("tell", "Failure", "stage/fan", Some("us")),
            hook("tell", "Started", "stage/fan", Some("us")),
            hook("tellOfStep", "Success", "step/d", None),
            hook("tellOfStep", "Started", "step/d", None),
            hook("tellOfStage", "Success", "stage/both", None),
            hook("tellOfAll", "Success", "pipeline", None),
            hook("tellOfAll", "Started", "pipeline", None),
        ],
    })
}

fn spec() -> PipelineSpec {
    serde_saphyr::from_str(PIPELINE).unwrap()
}

/// What an expression of this reader yields; an error is its text.
fn read(state: &Value, reader: Reader, source: &str) -> Value {
    let program = Program::of(&spec()).unwrap();
    let state: RunState = serde_json::from_value(state.clone()).unwrap();
    let variables = RunVariables::new(&RunIdentity::default(), Map::new(), &[]);
    let scope = variables.scope(&program, &state, reader);
    let read = Expression::compile(source).unwrap().evaluate(&scope);
    read.unwrap_or_else(|error| json!(error.to_string()))
}

/// The steps that are seen, each with its output `x`, and the item.
fn seen(reader: Reader) -> String {
    let steps = read(&state(), reader, "steps");
    let text = |outputs: &Value| match outputs {
        Value::Array(items) => Value::Array(items.iter().map(|item| item["x"].clone()).collect()).to_string(),
        one => one["x"].as_str().unwrap_or("?").to_owned(),
    };
    let steps = steps.as_object().unwrap().iter().map(|(name, step)| match text(&step["outputs"]) {
        outputs if outputs == *name => outputs,
        outputs => format!("{name}={outputs}"),
    });
    let item = read(&state(), reader, "region.name");
    let item = item.as_str().filter(|item| !item.starts_with("unknown")).map(|item| format!("region={item}"));
    steps.chain(item).collect::<Vec<_>>().join(" ")
}

fn check(readers: &[(&str, Reader)], expected: &Expect) {
    let lines: String = readers.iter().map(|(what, reader)| format!("{what}: {}\n", seen(*reader))).collect();
    expected.assert_eq(&lines);
}

const fn step(stage: usize, step: usize) -> Reader {
    Reader::Step(StepAt::Stage { stage, step })
}

const fn hook(hook: usize, step: usize) -> Reader {
    Reader::Step(StepAt::Hook { hook, step })
}

#[test]
fn the_pipeline_of_these_tests_is_right() {
    assert_eq!(check::pipeline(&spec()), []);
}

#[test]
fn steps_and_stages_see_what_has_certainly_ended() {
    check(
        &[
            ("a", step(0, 0)),
            ("b", step(0, 1)),
            ("when and in of fan", Reader::BeforeStage(1)),
            ("open of eu", step(1, 0)),
            ("wait of us", step(2, 1)),
            ("until of eu", Reader::AfterSteps(1)),
            ("until of us", Reader::AfterSteps(2)),
            ("c", step(3, 0)),
            ("d", step(4, 0)),
            ("e", step(4, 1)),
            ("until of both", Reader::AfterSteps(4)),
            ("outputs", Reader::Run),
        ],
        &expect![[r#"
            a: 
            b: a
            when and in of fan: a
            open of eu: a region=eu
            wait of us: a open=us region=us
            until of eu: a open=eu wait=eu region=eu
            until of us: a open=us region=us
            c: a
            d: a open=["eu","us"] wait=["eu",null]
            e: a open=["eu","us"] wait=["eu",null]
            until of both: a d e open=["eu","us"] wait=["eu",null]
            outputs: a c d e open=["eu","us"] wait=["eu",null]
        "#]],
    );
}

#[test]
fn hooks_see_what_has_ended_and_their_own_steps() {
    check(
        &[
            ("failure of us", hook(0, 1)),
            ("start of us", hook(1, 1)),
            ("success of d", hook(2, 0)),
            ("start of d", hook(3, 0)),
            ("success of both", hook(4, 0)),
            ("success of all", hook(5, 0)),
            ("start of all", hook(6, 0)),
        ],
        &expect![[r#"
            failure of us: a h open=us region=us
            start of us: a h region=us
            success of d: a d open=["eu","us"] wait=["eu",null]
            start of d: a open=["eu","us"] wait=["eu",null]
            success of both: a d e open=["eu","us"] wait=["eu",null]
            success of all: a c d e open=["eu","us"] wait=["eu",null]
            start of all: 
        "#]],
    );
    assert_eq!(read(&state(), hook(0, 0), "failure.message"), json!("in us"));
    assert_eq!(read(&state(), hook(5, 0), "failure.message"), json!(""), "nothing, on a success");
    let mut failed = state();
    failed["hooks"][5]["event"] = json!("Failure");
    assert_eq!(read(&failed, hook(5, 0), "failure.message"), json!("in eu"), "the first that failed");
}

#[test]
fn a_stage_without_items_yet_has_no_outputs_and_one_that_was_skipped_has_an_empty_list() {
    for (phase, expected) in [
        ("Skipped", json!({"open": {"outputs": []}, "wait": {"outputs": []}})),
        ("Failed", json!({})),
        ("Pending", json!({})),
    ] {
        let steps = json!([{"name": "open", "phase": "Skipped"}, {"name": "wait", "phase": "Skipped"}]);
        let state = json!({"stages": [{"name": "first"}, {"name": "fan", "phase": phase, "steps": steps}]});
        assert_eq!(read(&state, Reader::Run, "steps"), expected, "{phase}");
    }
}

#[test]
fn a_hook_sees_no_item_where_the_list_could_not_be_made() {
    let state = json!({
        "stages": [{"name": "first"}, {"name": "fan", "phase": "Failed", "reason": "NoItems", "message": "empty"}],
        "hooks": [{"hook": "tell", "event": "Failure", "subject": "stage/fan", "steps": [{"name": "h"}, {"name": "i"}]}],
    });
    assert_eq!(read(&state, hook(0, 0), "[region, failure.reason]"), json!([null, "NoItems"]));
}

/// A place for an expression in the pipeline, and its readers in a run: a hook has one at each of its events.
const PLACES: [(&str, &[Reader]); 16] = [
    ("/stages/0/steps/0", &[step(0, 0)]),
    ("/stages/0/steps/1", &[step(0, 1)]),
    ("/stages/1", &[Reader::BeforeStage(1)]),
    ("/stages/1/steps/1", &[step(2, 1)]),
    ("/stages/1/retry", &[Reader::AfterSteps(2)]),
    ("/stages/2", &[Reader::BeforeStage(3)]),
    ("/stages/2/steps/0", &[step(3, 0)]),
    ("/stages/2/retry", &[Reader::AfterSteps(3)]),
    ("/stages/3/steps/0", &[step(4, 0)]),
    ("/stages/3/steps/1", &[step(4, 1)]),
    ("/stages/3/retry", &[Reader::AfterSteps(4)]),
    ("/hooks/0/steps/0", &[hook(0, 0), hook(1, 0)]),
    ("/hooks/0/steps/1", &[hook(0, 1), hook(1, 1)]),
    ("/hooks/1/steps/0", &[hook(2, 0), hook(3, 0)]),
    ("/hooks/2/steps/0", &[hook(4, 0)]),
    ("/hooks/3/steps/0", &[hook(5, 0), hook(6, 0)]),
];

#[test]
fn what_the_check_lets_pass_is_there_and_nothing_else() {
    let mut state = state();
    for steps in state["stages"].as_array_mut().unwrap().iter_mut().map(|stage| stage["steps"].as_array_mut().unwrap())
    {
        for step in steps {
            step["phase"] = json!("Succeeded");
            step["outputs"] = json!({"x": 1});
        }
    }
    for hook in state["hooks"].as_array_mut().unwrap() {
        hook["steps"][0]["outputs"] = json!({"x": 1});
    }
    let written = serde_json::to_value(spec()).unwrap();
    for (path, readers) in PLACES {
        for source in ["a", "b", "open", "wait", "c", "d", "e", "h"].map(|step| format!("steps.{step}.outputs.x == 1"))
        {
            let mut spec = written.clone();
            let (parent, member) = path.rsplit_once('/').unwrap();
            let place = match member {
                "retry" => &mut spec.pointer_mut(parent).unwrap()["retry"],
                _ => spec.pointer_mut(path).unwrap(),
            };
            place["when"] = json!(source);
            if member == "retry" {
                place["limit"] = json!(1);
            }
            let mistakes = check::pipeline(&serde_json::from_value(spec).unwrap());
            let is_there = readers.iter().all(|reader| read(&state, *reader, &source) == json!(true));
            assert_eq!(mistakes.is_empty(), is_there, "{source} at {path}: {mistakes:?}");
        }
    }
}

#[test]
fn a_step_takes_from_its_own_item() {
    let program = Program::of(&spec()).unwrap();
    let state: RunState = serde_json::from_value(state()).unwrap();
    let taken = |reader, name: &str| {
        let Reader::Step(at) = reader else { return None };
        program.outputs_of(&state, at, name).map(|outputs| outputs["x"].as_str().unwrap().to_owned())
    };
    assert_eq!(taken(step(1, 1), "open").as_deref(), Some("eu"));
    assert_eq!(taken(step(2, 1), "open").as_deref(), Some("us"));
    assert_eq!(taken(hook(0, 1), "open").as_deref(), Some("us"));
    assert_eq!(taken(hook(0, 1), "h").as_deref(), Some("h"));
    assert_eq!(taken(step(4, 0), "open"), None, "which item is not said");
    assert_eq!(taken(step(1, 0), "b"), None, "it was skipped");
    assert_eq!(taken(step(3, 0), "a").as_deref(), Some("a"));
}

#[test]
fn a_state_that_does_not_fit_shows_nothing() {
    let state =
        json!({"stages": [{"name": "other", "steps": [{"name": "a", "phase": "Succeeded", "outputs": {"x": 1}}]}]});
    for reader in [step(0, 0), step(7, 0), hook(3, 0), Reader::BeforeStage(0), Reader::AfterSteps(9), Reader::Run] {
        assert_eq!(read(&state, reader, "steps"), json!({}), "{reader:?}");
    }
}
