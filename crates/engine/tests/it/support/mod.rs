//! A driver over a simulated clock, and the small languages of its plans and scripts.

mod driver;
mod language;
mod script;
mod trace;

use expect_test::Expect;
use jiff::{SignedDuration, Timestamp};
use sluice_engine::{Action, Event, Key, Nature, Observed, Plan, RunState, Stage, Step, StepAt, decide, record};

pub(crate) use driver::{Driver, Happening};
pub(crate) use script::{Call, Script, World};
pub(crate) use trace::place;

/// When every simulated run is created.
pub(crate) const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// That many simulated seconds after the start.
pub(crate) fn at(seconds: i64) -> Timestamp {
    START.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// Runs the plan through the script and compares everything that happened.
pub(crate) fn check(plan: &str, script: &str, expected: Expect) {
    expected.assert_eq(&run(plan, script).trace());
}

/// Runs the plan through the script to its end.
pub(crate) fn run(plan: &str, script: &str) -> Driver<Script> {
    let mut driver = driver(plan, script);
    driver.run();
    driver
}

/// What drives the plan through the script.
pub(crate) fn driver(plan: &str, script: &str) -> Driver<Script> {
    let (script, happenings) = Script::parse(script);
    Driver::new(language::plan(plan), script, happenings)
}

/// A key, which only the engine makes.
pub(crate) fn key() -> Key {
    let steps = vec![Step { nature: Nature::Acts, ..Step::default() }];
    let plan = Plan { stages: vec![Stage { steps, ..Stage::default() }], ..Plan::default() };
    let start = [Event::RunStarted, Event::StageStarted(0), Event::StepStarted(StepAt::Stage { stage: 0, step: 0 })];
    let state = start.into_iter().fold(RunState::of(&plan), |state, event| record(&plan, state, event, START));
    match decide(&plan, &state, &Observed::default(), START) {
        Action::Claim { key, .. } => key,
        other => panic!("not a claim: {other:?}"),
    }
}
