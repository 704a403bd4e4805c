//! How a state is written: what says nothing is left out, and what is not there has its default.

use expect_test::expect;
use serde_json::{Value, json};
use sluice_engine::{AbortReason, RunState, StepAt};

use crate::support::{Driver, driver, run};

fn pretty<W>(driver: &Driver<W>) -> String {
    serde_json::to_string_pretty(&driver.state).unwrap()
}

#[test]
fn a_run_that_has_ended_says_what_it_did_and_nothing_else() {
    let driver = run("stage deploy\n acts apply\n hook tell on Success\n pure post", r#"apply: ok {"a": 1}"#);
    expect![[r#"
        {
          "phase": "Succeeded",
          "round": 1,
          "startedAt": "2026-01-01T00:00:00Z",
          "finishedAt": "2026-01-01T00:00:00Z",
          "ending": {
            "phase": "Succeeded",
            "reason": "Succeeded",
            "at": "2026-01-01T00:00:00Z"
          },
          "stages": [
            {
              "name": "deploy",
              "phase": "Succeeded",
              "attempt": 1,
              "iteration": 1,
              "startedAt": "2026-01-01T00:00:00Z",
              "finishedAt": "2026-01-01T00:00:00Z",
              "steps": [
                {
                  "name": "apply",
                  "phase": "Succeeded",
                  "attempt": 1,
                  "epoch": 1,
                  "claims": 1,
                  "key": "496d6550dd10c4c233d6",
                  "startedAt": "2026-01-01T00:00:00Z",
                  "finishedAt": "2026-01-01T00:00:00Z",
                  "outputs": {
                    "a": 1
                  }
                }
              ]
            }
          ],
          "hooks": [
            {
              "hook": "tell",
              "event": "Success",
              "subject": "pipeline",
              "iteration": 1,
              "attempt": 1,
              "phase": "Succeeded",
              "startedAt": "2026-01-01T00:00:00Z",
              "finishedAt": "2026-01-01T00:00:00Z",
              "steps": [
                {
                  "name": "post",
                  "phase": "Succeeded",
                  "attempt": 1,
                  "epoch": 1,
                  "finishedAt": "2026-01-01T00:00:00Z"
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&pretty(&driver));
}

#[test]
fn what_is_waited_for_and_for_how_long_is_there_while_it_counts() {
    let mut driver = driver(
        "stage deploy
           reads sign
         stage work needs=
           acts apply retry=1 backoff=1m",
        "approval sign\n sign: wait 1h\n apply: away Away",
    );
    assert!(!driver.run_for(12));
    expect![[r#"
        {
          "phase": "Running",
          "round": 1,
          "startedAt": "2026-01-01T00:00:00Z",
          "stages": [
            {
              "name": "deploy",
              "phase": "Running",
              "attempt": 1,
              "iteration": 1,
              "startedAt": "2026-01-01T00:00:00Z",
              "heldSince": "2026-01-01T00:00:00Z",
              "steps": [
                {
                  "name": "sign",
                  "phase": "Running",
                  "attempt": 1,
                  "epoch": 1,
                  "claims": 1,
                  "key": "e17d523c60bc272918bf",
                  "startedAt": "2026-01-01T00:00:00Z",
                  "heldSince": "2026-01-01T00:00:00Z",
                  "waitingOn": {
                    "kind": "Approval",
                    "key": "something",
                    "since": "2026-01-01T00:00:00Z"
                  }
                }
              ]
            },
            {
              "name": "work",
              "phase": "Running",
              "attempt": 1,
              "iteration": 1,
              "startedAt": "2026-01-01T00:00:00Z",
              "steps": [
                {
                  "name": "apply",
                  "phase": "Running",
                  "attempt": 2,
                  "epoch": 1,
                  "claims": 2,
                  "key": "e8b373cbedfb9ec8284e",
                  "effectUnknown": true,
                  "startedAt": "2026-01-01T00:01:00Z",
                  "reason": "Away",
                  "message": "it broke",
                  "waitingOn": {
                    "kind": "Condition",
                    "key": "something",
                    "since": "2026-01-01T00:01:00Z"
                  }
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&pretty(&driver));
}

#[test]
fn what_an_older_version_did_not_write_has_its_default() {
    let old = json!({
        "stages": [{"name": "deploy", "steps": [{"name": "apply"}]}],
        "hooks": [{"hook": "tell", "event": "Success", "subject": "pipeline"}],
    });
    let read: RunState = serde_json::from_value(old).unwrap();
    let (stage, step, hook) = (&read.stages[0], &read.stages[0].steps[0], &read.hooks[0]);
    assert_eq!((stage.attempt, stage.iteration, step.attempt, step.epoch, step.claims), (1, 1, 1, 1, 0));
    assert_eq!((hook.attempt, hook.iteration), (1, 1));
    let again: Value = serde_json::to_value(&read).unwrap();
    assert_eq!(serde_json::from_value::<RunState>(again).unwrap(), read);
}

#[test]
fn whether_anything_was_ever_claimed_is_known_also_when_its_key_is_gone() {
    let has_claims = |plan: &str, script: &str| run(plan, script).state.has_claims();
    assert!(!has_claims("stage a\n pure b", ""));
    assert!(has_claims("stage a\n acts b", ""));
    assert!(has_claims("stage a\n pure b\n hook h on Success\n acts c", ""));
    // Of these, the last attempt was never claimed.
    assert!(has_claims("stage a\n acts b retry=1 backoff=1m", "b: flake Away\n abort 5s"));
    assert!(has_claims("stage a retry=1 backoff=1m\n acts b", "b: fail Refused\n abort 5s"));
}

#[test]
fn a_place_is_found_by_its_key_in_stages_and_hooks() {
    let state = run("stage a\n pure x\n acts b\n hook h on Success\n pure y\n acts c", "").state;
    let find = |step: &str| {
        let key = state.steps().find(|state| state.name == step).and_then(|state| state.key.clone());
        state.place_of(&key.unwrap())
    };
    assert_eq!(find("b"), Some(StepAt::Stage { stage: 0, step: 1 }));
    assert_eq!(find("c"), Some(StepAt::Hook { hook: 0, step: 1 }));
    assert_eq!(state.place_of("another"), None);
}

#[test]
fn an_abort_says_why_in_a_word() {
    let words = [AbortReason::Aborted, AbortReason::Deleted, AbortReason::RunTimeout].map(|reason| reason.to_string());
    expect!["Aborted Deleted RunTimeout"].assert_eq(&words.join(" "));
}
