//! A person aborts a run, whatever it waits for.

use expect_test::expect;

use crate::support::run;

/// What follows the abort at 10 s.
fn follows(plan: &str, script: &str) -> String {
    let driver = run(plan, &format!("ask 10s Abort by=bob reason=enough\n{script}"));
    let trace = driver.trace();
    let (_, after) = trace.split_once("bob asks for Abort\n").unwrap();
    after.to_owned()
}

const PLAN: &str = "stage build
                      acts compile undo
                    stage deploy approve=1 retry=1 backoff=1m
                      acts a
                      acts b retry=1 backoff=1m
                    hook gone on Abortion
                      pure note
                    hook goneToo on Abortion for stage/deploy
                      pure note2";

#[test]
fn while_it_awaits_an_approval() {
    expect![[r#"
        10s action 0 Applied
        10s stage deploy Omitted
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 3
        10s undo compile
        10s compile undone
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s run Aborted
        10s write 4
    "#]]
    .assert_eq(&follows(PLAN, ""));
}

#[test]
fn while_it_is_paused() {
    expect![[r#"
        10s action 1 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 4
        10s undo compile
        10s compile undone
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s not paused
        10s stage deploy Omitted
        10s run Aborted
        10s write 5
    "#]]
    .assert_eq(&follows(PLAN, "compile: wait 5s; ok\n ask 2s Pause"));
}

#[test]
fn while_its_pipeline_is_suspended() {
    expect![[r#"
        10s action 0 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 4
        10s undo compile
        10s compile undone
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s not suspended
        10s stage deploy Omitted
        10s run Aborted
        10s write 5
    "#]]
    .assert_eq(&follows(PLAN, "compile: wait 5s; ok\n suspend 2s holidays"));
}

#[test]
fn while_it_is_paused_before_its_start() {
    expect![[r#"
        10s action 1 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s not paused
        10s stage build Omitted
        10s stage deploy Omitted
        10s run Aborted
        10s write 2
    "#]]
    .assert_eq(&follows(PLAN, "ask 0s Pause"));
}

#[test]
fn while_it_is_in_a_queue() {
    expect![[r#"
        10s action 0 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s the lock is let go
        10s stage build Omitted
        10s stage deploy Omitted
        10s run Aborted
        10s write 2
    "#]]
    .assert_eq(&follows(&format!("lock keep\n{PLAN}"), "lock: taken 3 web-1"));
}

#[test]
fn between_two_attempts_of_a_stage() {
    expect![[r#"
        10s action 1 Applied
        10s stage deploy Aborted (Aborted: aborted by bob: enough)
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 5
        10s undo compile
        10s compile undone
        10s hook goneToo starts (Abortion stage/deploy)
        10s compute goneToo/note2
        10s goneToo/note2 Succeeded
        10s hook goneToo Succeeded
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s run Aborted
        10s write 6
    "#]]
    .assert_eq(&follows(PLAN, "ask 1s Approve deploy\n a: fail Refused"));
}

#[test]
fn between_two_attempts_of_a_step() {
    expect![[r#"
        10s action 1 Applied
        10s b Aborted (Away: it broke)
        10s stage deploy Aborted (Aborted: aborted by bob: enough)
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 6
        10s undo compile
        10s compile undone
        10s hook goneToo starts (Abortion stage/deploy)
        10s compute goneToo/note2
        10s goneToo/note2 Succeeded
        10s hook goneToo Succeeded
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s run Aborted
        10s write 7
    "#]]
    .assert_eq(&follows(PLAN, "ask 1s Approve deploy\n b: flake Away"));
}

#[test]
fn while_the_second_attempt_awaits_its_approval() {
    let plan = PLAN.replace("backoff=1m", "backoff=1s");
    expect![[r#"
        10s action 1 Applied
        10s stage deploy Omitted (Refused: step a: it broke)
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 6
        10s undo compile
        10s compile undone
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s run Aborted
        10s write 7
    "#]]
    .assert_eq(&follows(&plan, "ask 1s Approve deploy\n a: fail Refused"));
}

#[test]
fn while_a_bound_stage_waits_for_its_place() {
    expect![[r#"
        10s action 0 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s write 3
        10s undo compile
        10s compile undone
        10s hook gone starts (Abortion pipeline)
        10s compute gone/note
        10s gone/note Succeeded
        10s hook gone Succeeded
        10s stage deploy Omitted
        10s run Aborted
        10s write 4
    "#]]
    .assert_eq(&follows(&PLAN.replace("deploy ", "deploy bound "), "bind deploy: none"));
}

#[test]
fn in_a_round_that_waits_for_its_lock() {
    expect![[r#"
        10s action 1 Applied
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s the lock is let go
        10s stage build Omitted
        10s stage deploy Omitted
        10s run Aborted
        10s write 4
    "#]]
    .assert_eq(&follows(&format!("lock\n{PLAN}"), "lock: ok; taken 1 web-2\n compile: fail Refused\n ask 5s Retry"));
}

#[test]
fn behind_a_retry_that_waits_for_hooks() {
    let plan = "stage build
                  acts compile
                stage docs needs=
                  acts publish
                hook warn on Failure for stage/build
                  acts mail";
    expect![[r#"
        10s action 0 Applied
        10s stage build is to be done again: attempt 2
        10s action 1 Applied
        10s warn/mail Aborted
        10s hook warn Aborted
        10s publish Aborted
        10s stage docs Aborted (Aborted: aborted by bob: enough)
        10s ending Aborted (Aborted: aborted by bob: enough)
        10s stage build Omitted
        10s run Aborted
        10s write 3
    "#]]
    .assert_eq(&follows(plan, "ask 5s Retry\n publish: wait 60s\n mail: wait 60s\n compile: fail Refused"));
}
