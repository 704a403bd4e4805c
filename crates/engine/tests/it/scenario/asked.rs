//! What people ask of a run: in order, one answer each, and why something is ignored.

use expect_test::expect;
use sluice_engine::ActionOutcome;

use crate::support::{check, driver, run};

/// The answers alone.
fn answers(plan: &str, script: &str) -> String {
    let driver = run(plan, script);
    let asked = script.lines().filter(|line| line.trim().starts_with("ask ")).count();
    assert_eq!(driver.state.actions.len(), asked, "every entry is answered");
    let lines = driver.state.actions.iter().enumerate().map(|(place, answer)| {
        assert_eq!(usize::try_from(answer.index), Ok(place), "the answers are in order");
        assert_eq!(answer.message.is_some(), answer.result == ActionOutcome::Ignored);
        format!("{:?} {}\n", answer.result, answer.message.as_deref().unwrap_or_default())
    });
    lines.collect()
}

#[test]
fn entries_of_the_same_moment_are_answered_in_their_order() {
    check(
        "stage deploy approve=1
           acts apply",
        "ask 10s Pause
         ask 10s Approve deploy
         ask 10s Resume
         ask 10s Approve deploy",
        expect![[r#"
            0s stage deploy awaits 1 in attempt 1
            0s write 1
            10s ada asks for Pause
            10s ada asks for Approve
            10s ada asks for Resume
            10s ada asks for Approve
            10s action 0 Applied
            10s paused by ada
            10s action 1 Applied
            10s stage deploy starts
            10s action 2 Applied
            10s not paused
            10s action 3 Ignored (it waits for no approval)
            10s claim apply under key 1
            10s write 2
            10s act apply
            10s apply Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn each_entry_is_answered_once_whenever_the_process_dies() {
    check(
        "stage deploy approve=2
           acts apply",
        "ask 10s Approve deploy by=ada
         ask 10s Pause
         ask 10s Resume
         ask 10s Approve deploy by=bob
         crash after action 0 Applied
         crash after not paused
         crash after write 2",
        expect![[r#"
            0s stage deploy awaits 2 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s ada asks for Pause
            10s ada asks for Resume
            10s bob asks for Approve
            10s action 0 Applied
            10s crash
            10s action 0 Applied
            10s action 1 Applied
            10s paused by ada
            10s action 2 Applied
            10s not paused
            10s crash
            10s action 0 Applied
            10s action 1 Applied
            10s paused by ada
            10s action 2 Applied
            10s not paused
            10s action 3 Applied
            10s stage deploy starts
            10s claim apply under key 1
            10s write 2
            10s crash
            10s claim apply under key 1 (2)
            10s write 3
            10s act apply
            10s apply Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn what_cannot_apply_is_ignored_with_the_reason() {
    let plan = "stage build
                  acts compile
                stage roll each=eu,us
                  acts apply";
    expect![[r#"
        Ignored it names no stage
        Ignored there is no stage "test"
        Ignored it waits for no approval
        Ignored attempt 3 of it waits for no approval; it is at attempt 1
        Ignored stage "build" has no item "eu"
        Ignored it waits for no approval
        Ignored it is not paused
        Applied 
        Ignored it was paused before, by bob
        Applied 
        Ignored nothing has failed
        Ignored stage build has not ended
        Ignored stage roll has not ended
        Ignored it names an item or a step, but not the stage
        Ignored it names an item or a step, but not the stage
        Ignored there is no stage "test"
        Ignored it names no stage
        Ignored there is no stage "test"
        Ignored the stage has no step "apply", or it has succeeded or was skipped
        Ignored the run has not ended; abort it instead
        Ignored nothing of the stage is left to be passed
        Ignored the stage has no step "compile", or it has succeeded or was skipped
        Ignored stage roll[eu], which needs it, is under way
        Ignored stage "roll" has no item "ap"
    "#]]
    .assert_eq(&answers(
        plan,
        "compile: wait 100s; ok
         apply: wait 100s; ok; wait 100s; ok
         ask 10s Approve
         ask 10s Approve test
         ask 10s Approve build
         ask 10s Approve build attempt=3
         ask 10s Approve build item=eu
         ask 10s Reject build
         ask 10s Resume
         ask 10s Pause by=bob
         ask 10s Pause
         ask 10s Resume
         ask 10s Retry
         ask 10s Retry build
         ask 10s Retry roll
         ask 10s Retry step=compile
         ask 10s Retry item=eu
         ask 10s Retry test
         ask 10s Skip
         ask 10s Skip test
         ask 10s Skip build step=apply
         ask 10s Unlock
         ask 150s Skip build
         ask 150s Skip build step=compile
         ask 150s Retry build
         ask 150s Retry roll item=ap",
    ));
}

#[test]
fn what_comes_after_the_end_is_ignored_with_the_reason() {
    expect![[r#"
        Applied 
        Ignored the run's result was decided before
        Ignored the run's result was decided before
        Ignored the run's result was decided before
        Ignored the run's result was decided before
        Ignored the run's result was decided before
        Ignored the run has succeeded; name the stage that is to be done again
        Ignored stage "build" has no step "apply"
        Ignored nothing of the stage is left to be passed
        Ignored the run holds no lock
    "#]]
    .assert_eq(&answers(
        "stage build approve=1
           acts compile",
        "ask 10s Approve build
         ask 20s Approve build
         ask 20s Reject build
         ask 20s Abort
         ask 20s Pause
         ask 20s Resume
         ask 20s Retry
         ask 20s Retry build step=apply
         ask 20s Skip build
         ask 20s Unlock",
    ));
}

#[test]
fn where_nobody_checks_who_asks_only_what_holds_a_run_back_works() {
    expect![[r#"
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
        Applied 
        Applied 
        Applied 
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
        Ignored nobody checks who asks for what: the admission policies of Sluice are not in force in this namespace; install them, and ask again
    "#]].assert_eq(&answers(
        "lock keep
         stage build approve=1
           acts compile",
        "unenforced 0s
         ask 10s Approve build
         ask 10s Reject build
         ask 10s Skip build
         ask 10s Retry build
         ask 20s Pause
         ask 30s Resume
         ask 40s Abort
         ask 50s Unlock
         ask 60s Retry",
    ));
}

#[test]
fn an_abort_waits_for_the_answer_of_what_is_being_performed_and_an_approval_does_not() {
    check(
        "stage deploy
           acts apply
         stage live needs= approve=1",
        "apply: +60s ok
         ask 10s Approve live
         ask 20s Abort
         ask 30s Pause",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s stage live awaits 1 in attempt 1
            0s write 1
            0s act apply
            10s ada asks for Approve
            10s action 0 Applied
            10s stage live starts
            10s stage live Succeeded
            10s write 2
            20s ada asks for Abort
            30s ada asks for Pause
            60s apply Succeeded
            60s action 1 Applied
            60s stage deploy Aborted (Aborted: aborted by ada)
            60s ending Aborted (Aborted: aborted by ada)
            60s action 2 Ignored (the run's result was decided before)
            60s run Aborted
            60s write 3
        "#]],
    );
}

#[test]
fn a_run_that_is_deleted_after_its_end_is_not_done_again() {
    let mut driver =
        driver("stage deploy\n acts apply undo", "delete 5s\n apply: wait 60s\n ask 10s Retry\n ask 10s Unlock");
    driver.run();
    assert_eq!(driver.state.round, 1, "{}", driver.trace());
    assert_eq!(driver.state.actions.len(), 0, "nobody is there to read the answer");
}
