//! What a run keeps of its outputs.

use expect_test::expect;
use sluice_engine::{MAX_DEPTH, MAX_OUTPUTS_OF_A_RUN, MAX_OUTPUTS_OF_A_STEP, RunPhase};

use crate::support::{check, run};

/// A script's outcome whose outputs take that many bytes.
fn outputs_of(bytes: usize) -> String {
    let frame = r#"{"a":""}"#.len();
    format!(r#"ok {{"a":"{}"}}"#, "x".repeat(bytes - frame))
}

#[test]
fn a_step_may_keep_outputs_up_to_its_limit() {
    let driver = run("stage build\n acts compile", &format!("compile: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP)));
    assert_eq!(driver.state.phase, RunPhase::Succeeded);
}

#[test]
fn a_step_may_nest_its_outputs_up_to_a_limit() {
    for (levels, phase) in [(MAX_DEPTH, RunPhase::Succeeded), (MAX_DEPTH + 1, RunPhase::Failed)] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let driver = run("stage build\n acts compile", &format!(r#"compile: ok {{"a":{deep}}}"#));
        assert_eq!(driver.state.phase, phase, "{levels} levels");
        let failed = "step compile: the outputs nest deeper than 64 levels";
        let message = (phase == RunPhase::Failed).then(|| failed.to_owned());
        assert_eq!(driver.state.stages[0].message, message);
    }
}

#[test]
fn a_step_with_larger_outputs_fails_and_the_run_ends_cleanly() {
    check(
        "stage build
           acts compile retry=3
         hook tell on Failure for step/compile
           acts post",
        &format!("compile: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP + 1)),
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Failed (OutputTooLarge: the outputs take 16385 bytes; at most 16384 are kept)
            0s hook tell starts (Failure step/compile)
            0s claim tell/post under key 2
            0s write 2
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage build Failed (OutputTooLarge: step compile: the outputs take 16385 bytes; at most 16384 are kept)
            0s ending Failed (OutputTooLarge: stage build: step compile: the outputs take 16385 bytes; at most 16384 are kept)
            0s run Failed
            0s write 3
        "#]],
    );
}

#[test]
fn a_run_keeps_outputs_up_to_its_limit_and_the_step_past_it_fails() {
    let full = MAX_OUTPUTS_OF_A_RUN / MAX_OUTPUTS_OF_A_STEP;
    let plan: String = (0..=full).map(|number| format!("pure s{number}\n")).collect();
    let script: String =
        (0..full).map(|number| format!("s{number}: {}\n", outputs_of(MAX_OUTPUTS_OF_A_STEP))).collect();
    check(
        &format!("stage build\n{plan}"),
        &format!("{script}s{full}: ok {{\"a\": 1}}"),
        expect![[r#"
            0s stage build starts
            0s compute s0
            0s s0 Succeeded
            0s compute s1
            0s s1 Succeeded
            0s compute s2
            0s s2 Succeeded
            0s compute s3
            0s s3 Succeeded
            0s compute s4
            0s s4 Succeeded
            0s compute s5
            0s s5 Succeeded
            0s compute s6
            0s s6 Succeeded
            0s compute s7
            0s s7 Succeeded
            0s compute s8
            0s s8 Succeeded
            0s compute s9
            0s s9 Succeeded
            0s compute s10
            0s s10 Succeeded
            0s compute s11
            0s s11 Succeeded
            0s compute s12
            0s s12 Failed (OutputTooLarge: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s stage build Failed (OutputTooLarge: step s12: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s ending Failed (OutputTooLarge: stage build: step s12: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_step_without_outputs_succeeds_in_a_full_run() {
    let full = MAX_OUTPUTS_OF_A_RUN / MAX_OUTPUTS_OF_A_STEP;
    let plan: String = (0..=full).map(|number| format!("pure s{number}\n")).collect();
    let script: String =
        (0..full).map(|number| format!("s{number}: {}\n", outputs_of(MAX_OUTPUTS_OF_A_STEP))).collect();
    let driver = run(&format!("stage build\n{plan}"), &script);
    assert_eq!(driver.state.phase, RunPhase::Succeeded);
}

#[test]
fn numbers_of_outputs_read_as_the_api_server_hands_them_back() {
    let driver = run("stage build\n pure compute", r#"compute: ok {"a": 3.0, "b": [1.5, {"c": -0.0}], "d": 1e2}"#);
    let outputs = &driver.state.stages[0].steps[0].outputs;
    expect![[r#"{"a":3,"b":[1.5,{"c":0}],"d":100}"#]].assert_eq(&serde_json::to_string(outputs).unwrap());
}

#[test]
fn a_long_message_is_cut() {
    let driver = run("stage build\n acts compile", &format!("compile: fail Loud {}", "x".repeat(5000)));
    let step = &driver.state.stages[0].steps[0];
    assert_eq!(step.message.as_ref().map(String::len), Some(2048));
    assert!(driver.state.ending.unwrap().message.unwrap().len() <= 2048);
}
