//! A failed attempt and what follows it.

use expect_test::expect;

use crate::support::{check, run};

#[test]
fn a_transient_failure_is_retried_with_growing_pauses_until_the_limit() {
    check(
        "stage build
           reads fetch retry=3 backoff=5s",
        "fetch: away HostAway; away HostAway; away HostAway; away HostAway no answer",
        expect![[r#"
            0s stage build starts
            0s claim fetch under key 1
            0s write 1
            0s look fetch
            0s fetch attempt 2 at 5s (HostAway: it broke)
            0s write 2
            5s claim fetch under key 1 (2)
            5s write 3
            5s look fetch
            5s fetch attempt 3 at 15s (HostAway: it broke)
            5s write 4
            15s claim fetch under key 1 (3)
            15s write 5
            15s look fetch
            15s fetch attempt 4 at 35s (HostAway: it broke)
            15s write 6
            35s claim fetch under key 1 (4)
            35s write 7
            35s look fetch
            35s fetch Failed (HostAway: no answer)
            35s stage build Failed (HostAway: step fetch: no answer)
            35s ending Failed (HostAway: stage build: step fetch: no answer)
            35s run Failed
            35s write 8
        "#]],
    );
}

#[test]
fn a_retry_that_succeeds_forgets_the_failure() {
    let driver = run("stage build\n acts fetch retry=1", "fetch: away HostAway; ok {\"sha\": \"abc\"}");
    let step = &driver.state.stages[0].steps[0];
    assert_eq!((step.attempt, step.reason.as_deref(), step.message.as_deref()), (2, None, None));
    assert_eq!(step.outputs["sha"], "abc");
}

#[test]
fn a_definite_failure_is_not_retried() {
    check(
        "stage build
           acts fetch retry=3",
        "fetch: fail NotFound",
        expect![[r#"
            0s stage build starts
            0s claim fetch under key 1
            0s write 1
            0s act fetch
            0s fetch Failed (NotFound: it broke)
            0s stage build Failed (NotFound: step fetch: it broke)
            0s ending Failed (NotFound: stage build: step fetch: it broke)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_policy_may_retry_a_definite_failure_under_a_new_key() {
    check(
        "stage build
           acts compile retry=1
",
        "retry everything
         compile: fail JobFailed; ok",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile attempt 2 at 1s (JobFailed: it broke)
            0s write 2
            1s claim compile under key 2
            1s write 3
            1s act compile
            1s compile Succeeded
            1s stage build Succeeded
            1s ending Succeeded
            1s run Succeeded
            1s write 4
        "#]],
    );
}

#[test]
fn without_a_limit_nothing_is_retried() {
    check(
        "stage build
           acts fetch",
        "fetch: away HostAway",
        expect![[r#"
            0s stage build starts
            0s claim fetch under key 1
            0s write 1
            0s act fetch
            0s fetch Failed (HostAway: it broke)
            0s stage build Failed (HostAway: step fetch: it broke)
            0s ending Failed (HostAway: stage build: step fetch: it broke)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn the_key_stays_after_an_unknown_end_and_changes_after_a_known_one() {
    check(
        "stage build
           acts send retry=3",
        "send: away HostAway; flake Refused; away HostAway; ok",
        expect![[r#"
            0s stage build starts
            0s claim send under key 1
            0s write 1
            0s act send
            0s send attempt 2 at 1s (HostAway: it broke)
            0s write 2
            1s claim send under key 1 (2)
            1s write 3
            1s act send
            1s send attempt 3 at 3s (Refused: it broke)
            1s write 4
            3s claim send under key 2
            3s write 5
            3s act send
            3s send attempt 4 at 7s (HostAway: it broke)
            3s write 6
            7s claim send under key 2 (2)
            7s write 7
            7s act send
            7s send Succeeded
            7s stage build Succeeded
            7s ending Succeeded
            7s run Succeeded
            7s write 8
        "#]],
    );
}

#[test]
fn the_epoch_rises_only_after_a_known_end() {
    let driver = run("stage build\n acts send retry=3", "send: away A; flake B; away C; ok");
    let step = &driver.state.stages[0].steps[0];
    assert_eq!((step.attempt, step.epoch, step.claims), (4, 2, 2));
}

#[test]
fn an_unresolved_end_is_never_retried_and_the_step_is_unknown() {
    check(
        "stage build
           acts send retry=3
         hook tell on Failure for step/send
           pure note",
        "retry everything
         send: lost ConnectionReset the answer was cut off",
        expect![[r#"
            0s stage build starts
            0s claim send under key 1
            0s write 1
            0s act send
            0s send Unknown (ConnectionReset: the answer was cut off)
            0s hook tell starts (Failure step/send)
            0s compute tell/note
            0s tell/note Succeeded
            0s hook tell Succeeded
            0s stage build Failed (ConnectionReset: step send: the answer was cut off)
            0s ending Failed (ConnectionReset: stage build: step send: the answer was cut off)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn the_pause_is_as_long_as_the_other_side_asks() {
    check(
        "stage build
           acts fetch retry=2 backoff=5s",
        "fetch: away TooManyRequests after=90s; away TooManyRequests after=1s; ok",
        expect![[r#"
            0s stage build starts
            0s claim fetch under key 1
            0s write 1
            0s act fetch
            0s fetch attempt 2 at 90s (TooManyRequests: it broke)
            0s write 2
            90s claim fetch under key 1 (2)
            90s write 3
            90s act fetch
            90s fetch attempt 3 at 100s (TooManyRequests: it broke)
            90s write 4
            100s claim fetch under key 1 (3)
            100s write 5
            100s act fetch
            100s fetch Succeeded
            100s stage build Succeeded
            100s ending Succeeded
            100s run Succeeded
            100s write 6
        "#]],
    );
}

#[test]
fn a_pure_step_is_retried_too() {
    check(
        "stage build
           pure render retry=1",
        "render: flake NotReady; ok",
        expect![[r#"
            0s stage build starts
            0s compute render
            0s render attempt 2 at 1s (NotReady: it broke)
            0s write 1
            1s compute render
            1s render Succeeded
            1s stage build Succeeded
            1s ending Succeeded
            1s run Succeeded
            1s write 2
        "#]],
    );
}

#[test]
fn a_failure_while_waiting_is_retried_as_a_new_attempt() {
    check(
        "stage deploy
           acts apply retry=1",
        "apply: wait 10s; flake Degraded; wait 10s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            10s look apply
            10s apply attempt 2 at 11s (Degraded: it broke)
            10s write 2
            11s claim apply under key 2
            11s write 3
            11s act apply
            21s look apply
            21s apply Succeeded
            21s stage deploy Succeeded
            21s ending Succeeded
            21s run Succeeded
            21s write 4
        "#]],
    );
}
