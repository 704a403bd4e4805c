//! Stages that are bound to a place, which has a say before they start.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_bound_stage_asks_its_place_before_it_starts() {
    check(
        "stage build
           acts compile
         stage live bound
           acts apply",
        "",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s ask the place of live
            0s stage live starts
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Succeeded
            0s stage live Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 3
        "#]],
    );
}

#[test]
fn the_place_says_how_many_have_to_approve_unless_the_stage_does() {
    check(
        "stage a bound
         stage b bound approve=1",
        "bind a: ok 2
         bind b: ok 2
         ask 10s Approve a by=ada
         ask 20s Approve a by=bob
         ask 30s Approve b by=ada",
        expect![[r#"
            0s ask the place of a
            0s stage a awaits 2 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s write 2
            20s bob asks for Approve
            20s action 1 Applied
            20s stage a starts
            20s stage a Succeeded
            20s ask the place of b
            20s stage b awaits 1 in attempt 1
            20s write 3
            30s ada asks for Approve
            30s action 2 Applied
            30s stage b starts
            30s stage b Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 4
        "#]],
    );
}

#[test]
fn a_place_that_refuses_the_run_fails_the_stage_for_good() {
    check(
        "stage live bound retry=3
           acts apply
         hook warn on Failure for stage/live
           pure note",
        "bind live: fail NotAllowed the environment allows other pipelines",
        expect![[r#"
            0s ask the place of live
            0s stage live Failed (NotAllowed: the environment allows other pipelines)
            0s ending Failed (NotAllowed: stage live: the environment allows other pipelines)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_is_no_reason_to_start_the_stage_in_another_attempt() {
    check(
        "stage live when=error retry=3
           acts apply",
        "",
        expect![[r#"
            0s stage live Failed (ConditionFailed: no such key: version)
            0s ending Failed (ConditionFailed: stage live: no such key: version)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_place_that_does_not_answer_is_asked_again() {
    check(
        "stage live bound
           acts apply
         stage docs needs=
           acts publish",
        "bind live: none; none; ok
         publish: wait 5s; ok
         crash after write 1",
        expect![[r#"
            0s ask the place of live
            0s stage docs starts
            0s claim publish under key 1
            0s write 1
            0s crash
            0s ask the place of live
            0s claim publish under key 1 (2)
            0s write 2
            0s act publish
            5s look publish
            5s publish Succeeded
            5s stage docs Succeeded
            5s write 3
            10s ask the place of live
            10s stage live starts
            10s claim apply under key 2
            10s write 4
            10s act apply
            10s apply Succeeded
            10s stage live Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 5
        "#]],
    );
}

#[test]
fn a_place_is_not_asked_when_the_condition_is_false() {
    check(
        "stage a bound when=false
         stage b bound when=true
         stage c bound when=error",
        "",
        expect![[r#"
            0s stage a Skipped (ConditionFalse: its condition `when` is false)
            0s ask the place of b
            0s stage b starts
            0s stage b Succeeded
            0s stage c Failed (ConditionFailed: no such key: version)
            0s ending Failed (ConditionFailed: stage c: no such key: version)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn the_place_of_a_list_is_asked_once() {
    check(
        "stage roll bound each=eu,us max=1
           acts apply",
        "bind roll: ok 1
         ask 10s Approve roll",
        expect![[r#"
            0s ask the place of roll
            0s stage roll awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 1
            10s write 2
            10s act eu/apply
            10s eu/apply Succeeded
            10s stage roll[eu] Succeeded
            10s stage roll[us] starts
            10s claim us/apply under key 2
            10s write 3
            10s act us/apply
            10s us/apply Succeeded
            10s stage roll[us] Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_person_who_has_a_bound_stage_done_again_has_its_place_asked_again() {
    check(
        "stage live bound
           acts apply",
        "bind live: ok 1; ok 2
         apply: fail Refused; ok
         ask 10s Approve live
         ask 20s Retry
         ask 30s Approve live by=ada
         ask 40s Approve live by=bob",
        expect![[r#"
            0s ask the place of live
            0s stage live awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage live starts
            10s claim apply under key 1
            10s write 2
            10s act apply
            10s apply Failed (Refused: it broke)
            10s stage live Failed (Refused: step apply: it broke)
            10s ending Failed (Refused: stage live: step apply: it broke)
            10s run Failed
            10s write 3
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage live is to be done again: attempt 2
            20s ask the place of live
            20s stage live awaits 2 in attempt 2
            20s write 4
            30s ada asks for Approve
            30s action 2 Applied
            30s write 5
            40s bob asks for Approve
            40s action 3 Applied
            40s stage live starts
            40s claim apply under key 2
            40s write 6
            40s act apply
            40s apply Succeeded
            40s stage live Succeeded
            40s ending Succeeded
            40s run Succeeded
            40s write 7
        "#]],
    );
}

#[test]
fn an_automatic_retry_needs_as_many_approvals_as_the_place_said() {
    check(
        "stage live bound retry=1
           acts apply",
        "bind live: ok 1
         apply: fail Refused; ok
         ask 10s Approve live
         ask 20s Approve live",
        expect![[r#"
            0s ask the place of live
            0s stage live awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage live starts
            10s claim apply under key 1
            10s write 2
            10s act apply
            10s apply Failed (Refused: it broke)
            10s stage live Failed (Refused: step apply: it broke)
            10s stage live again at 11s: attempt 2, iteration 1
            10s write 3
            11s stage live awaits 1 in attempt 2
            11s write 4
            20s ada asks for Approve
            20s action 1 Applied
            20s stage live starts
            20s claim apply under key 2
            20s write 5
            20s act apply
            20s apply Succeeded
            20s stage live Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn no_place_is_asked_for_a_paused_run() {
    check(
        "stage live bound
           acts apply",
        "bind live: none; ok
         ask 5s Pause
         ask 60s Resume",
        expect![[r#"
            0s ask the place of live
            0s write 1
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 2
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s ask the place of live
            60s stage live starts
            60s claim apply under key 1
            60s write 3
            60s act apply
            60s apply Succeeded
            60s stage live Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 4
        "#]],
    );
}
