//! Whoever may have something done again, by what guards it, cannot thereby have something else done again.

use std::collections::BTreeSet;

use serde_json::json;
use sluice_engine::{ActionOutcome, ActionType, Event, Plan, RunAction, RunState, Stage, StagePhase, Step, record};

use crate::support::START;

/// A stage of this name, which needs no other, with one step.
fn stage(name: &str) -> Stage {
    let step = Step { name: format!("{name}Step"), ..Step::default() };
    Stage { name: name.to_owned(), steps: vec![step], ..Stage::default() }
}

fn plan() -> Plan {
    Plan { stages: ["build", "canary", "production"].map(stage).to_vec(), ..Plan::default() }
}

/// A run that has failed in these stages; `canary` and `production` are guarded, each by an environment of its name.
fn failed_in(failed: &[&str]) -> RunState {
    let stages = plan().stages.into_iter().map(|stage| {
        let phase = if failed.contains(&stage.name.as_str()) { "Failed" } else { "Succeeded" };
        let guard = (stage.name != "build").then(|| json!({"resource": "environments", "name": stage.name}));
        let step = json!({"name": stage.steps[0].name, "phase": phase});
        json!({"name": stage.name, "phase": phase, "guard": guard, "startedAt": START, "steps": [step]})
    });
    let state = json!({
        "phase": "Failed",
        "finishedAt": START,
        "ending": {"phase": "Failed", "reason": "Broken", "at": START},
        "stages": stages.collect::<Vec<_>>(),
    });
    serde_json::from_value(state).unwrap()
}

fn retry(state: RunState, stage: Option<&str>) -> RunState {
    let action = RunAction { stage: stage.map(str::to_owned), ..RunAction::new(ActionType::Retry, "ada", None) };
    let asked = Event::Asked { action, is_enforced: true, unsettled: BTreeSet::new() };
    record(&plan(), state, asked, START)
}

/// What became of the last entry.
fn answer(state: &RunState) -> (ActionOutcome, String) {
    let answer = state.actions.last().unwrap();
    (answer.result, answer.message.clone().unwrap_or_default())
}

fn phases(state: &RunState) -> Vec<StagePhase> {
    state.stages.iter().map(|stage| stage.phase).collect()
}

const FAILED: StagePhase = StagePhase::Failed;
const PENDING: StagePhase = StagePhase::Pending;
const SUCCEEDED: StagePhase = StagePhase::Succeeded;

#[test]
fn a_guarded_stage_that_failed_has_to_be_named() {
    let state = retry(failed_in(&["production"]), None);
    let why = "stage production is guarded: name it, as in `sluice retry RUN production`";
    assert_eq!(answer(&state), (ActionOutcome::Ignored, why.to_owned()));
    assert!(state.is_finished());
    let state = retry(state, Some("production"));
    assert_eq!(answer(&state), (ActionOutcome::Applied, String::new()));
    assert_eq!((state.round, phases(&state)), (2, vec![SUCCEEDED, SUCCEEDED, PENDING]));
}

#[test]
fn what_nobody_guards_is_done_again_with_the_run() {
    let state = retry(failed_in(&["build"]), None);
    assert_eq!(answer(&state), (ActionOutcome::Applied, String::new()));
    assert_eq!((state.round, phases(&state)), (2, vec![PENDING, SUCCEEDED, SUCCEEDED]));
}

#[test]
fn of_two_that_somebody_else_guards_each_has_to_be_named_before_the_run_goes_on() {
    let state = retry(failed_in(&["canary", "production"]), Some("canary"));
    let missing = "the run goes on once stage production, which has failed, too, is done again or passed";
    assert_eq!(answer(&state), (ActionOutcome::Applied, missing.to_owned()));
    assert_eq!((state.is_finished(), phases(&state)), (true, vec![SUCCEEDED, PENDING, FAILED]));
    let state = retry(state, Some("production"));
    assert_eq!(answer(&state), (ActionOutcome::Applied, String::new()));
    assert_eq!((state.round, phases(&state)), (2, vec![SUCCEEDED, PENDING, PENDING]));
}
