//! Stages that people have to approve.

use expect_test::expect;

use crate::support::{check, run};

#[test]
fn a_manual_first_stage_waits_before_anything_is_done() {
    check(
        "stage deploy approve=1
           acts apply",
        "ask 60s Approve deploy reason=tested",
        expect![[r#"
            0s stage deploy awaits 1 in attempt 1
            0s write 1
            60s ada asks for Approve
            60s action 0 Applied
            60s stage deploy starts
            60s claim apply under key 1
            60s write 2
            60s act apply
            60s apply Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn a_manual_stage_in_the_middle_starts_when_its_turn_has_come_and_it_is_approved() {
    check(
        "stage build
           acts compile
         stage deploy approve=1
           acts apply
         stage tell
           acts post",
        "compile: wait 10s; ok
         ask 5s Approve deploy
         ask 30s Approve deploy",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            5s ada asks for Approve
            5s action 0 Ignored (it waits for no approval)
            5s write 2
            10s look compile
            10s compile Succeeded
            10s stage build Succeeded
            10s stage deploy awaits 1 in attempt 1
            10s write 3
            30s ada asks for Approve
            30s action 1 Applied
            30s stage deploy starts
            30s claim apply under key 2
            30s write 4
            30s act apply
            30s apply Succeeded
            30s stage deploy Succeeded
            30s stage tell starts
            30s claim post under key 3
            30s write 5
            30s act post
            30s post Succeeded
            30s stage tell Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 6
        "#]],
    );
}

#[test]
fn a_manual_last_stage_without_steps_is_a_sign_off() {
    check(
        "stage deploy
           acts apply
         stage signOff approve=1",
        "ask 60s Approve signOff",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s stage signOff awaits 1 in attempt 1
            0s write 2
            60s ada asks for Approve
            60s action 0 Applied
            60s stage signOff starts
            60s stage signOff Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn two_people_have_to_approve_and_nobody_counts_twice() {
    check(
        "stage deploy approve=2
           acts apply",
        "ask 10s Approve deploy by=ada
         ask 20s Approve deploy by=ada
         ask 30s Approve deploy by=bob
         ask 40s Approve deploy by=cid",
        expect![[r#"
            0s stage deploy awaits 2 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s write 2
            20s ada asks for Approve
            20s action 1 Ignored (ada has approved it before; somebody else has to)
            20s write 3
            30s bob asks for Approve
            30s action 2 Applied
            30s stage deploy starts
            30s claim apply under key 1
            30s write 4
            30s act apply
            30s apply Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 5
            40s cid asks for Approve
            40s action 3 Ignored (the run's result was decided before)
            40s write 6
        "#]],
    );
}

#[test]
fn the_state_says_who_approved_and_who_is_waited_for() {
    let driver = run("stage deploy approve=2", "ask 10s Approve deploy reason=fine\n ask 20s Approve deploy by=bob");
    let approvals = |number: usize| serde_json::to_string(&driver.stored[number].stages[0].approval).unwrap();
    expect![[r#"{"required":2,"since":"2026-01-01T00:00:00Z"}"#]].assert_eq(&approvals(0));
    expect![[r#"{"required":2,"since":"2026-01-01T00:00:00Z","by":[{"name":"ada","at":"2026-01-01T00:00:10Z","reason":"fine"}]}"#]].assert_eq(&approvals(1));
}

#[test]
fn one_reject_ends_the_stage_whoever_approved_it_before() {
    check(
        "stage deploy approve=2 retry=3
           acts apply
         stage tell
           acts post
         hook warn on Failure for stage/deploy
           pure note",
        "ask 10s Approve deploy by=ada
         ask 20s Reject deploy by=bob reason=friday
         ask 30s Approve deploy by=cid",
        expect![[r#"
            0s stage deploy awaits 2 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s write 2
            20s bob asks for Reject
            20s action 1 Applied
            20s stage deploy Failed (Rejected: rejected by bob: friday)
            20s ending Failed (Rejected: stage deploy: rejected by bob: friday)
            20s stage tell Omitted
            20s run Failed
            20s write 3
            30s cid asks for Approve
            30s action 2 Ignored (the run's result was decided before)
            30s write 4
        "#]],
    );
}

#[test]
fn an_approval_of_another_attempt_is_refused() {
    check(
        "stage deploy approve=1",
        "ask 10s Approve deploy attempt=2
         ask 20s Reject deploy attempt=2
         ask 30s Approve deploy attempt=1",
        expect![[r#"
            0s stage deploy awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Ignored (attempt 2 of it waits for no approval; it is at attempt 1)
            10s write 2
            20s ada asks for Reject
            20s action 1 Ignored (attempt 2 of it waits for no approval; it is at attempt 1)
            20s write 3
            30s ada asks for Approve
            30s action 2 Applied
            30s stage deploy starts
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 4
        "#]],
    );
}

#[test]
fn an_approval_does_not_carry_over_to_an_automatic_retry() {
    check(
        "stage deploy approve=1 retry=1 backoff=10s
           acts apply",
        "apply: fail Refused; ok
         ask 5s Approve deploy
         ask 8s Approve deploy
         ask 20s Approve deploy attempt=1
         ask 30s Approve deploy attempt=2",
        expect![[r#"
            0s stage deploy awaits 1 in attempt 1
            0s write 1
            5s ada asks for Approve
            5s action 0 Applied
            5s stage deploy starts
            5s claim apply under key 1
            5s write 2
            5s act apply
            5s apply Failed (Refused: it broke)
            5s stage deploy Failed (Refused: step apply: it broke)
            5s stage deploy again at 15s: attempt 2, iteration 1
            5s write 3
            8s ada asks for Approve
            8s action 1 Ignored (it waits for no approval)
            8s write 4
            15s stage deploy awaits 1 in attempt 2
            15s write 5
            20s ada asks for Approve
            20s action 2 Ignored (attempt 1 of it waits for no approval; it is at attempt 2)
            20s write 6
            30s ada asks for Approve
            30s action 3 Applied
            30s stage deploy starts
            30s claim apply under key 2
            30s write 7
            30s act apply
            30s apply Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 8
        "#]],
    );
}

#[test]
fn an_approval_does_not_carry_over_to_a_persons_retry() {
    check(
        "stage deploy approve=1
           acts apply",
        "apply: fail Refused; ok
         ask 5s Approve deploy
         ask 10s Retry
         ask 20s Approve deploy attempt=1
         ask 30s Approve deploy",
        expect![[r#"
            0s stage deploy awaits 1 in attempt 1
            0s write 1
            5s ada asks for Approve
            5s action 0 Applied
            5s stage deploy starts
            5s claim apply under key 1
            5s write 2
            5s act apply
            5s apply Failed (Refused: it broke)
            5s stage deploy Failed (Refused: step apply: it broke)
            5s ending Failed (Refused: stage deploy: step apply: it broke)
            5s run Failed
            5s write 3
            10s ada asks for Retry
            10s action 1 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage deploy awaits 1 in attempt 2
            10s write 4
            20s ada asks for Approve
            20s action 2 Ignored (attempt 1 of it waits for no approval; it is at attempt 2)
            20s write 5
            30s ada asks for Approve
            30s action 3 Applied
            30s stage deploy starts
            30s claim apply under key 2
            30s write 6
            30s act apply
            30s apply Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 7
        "#]],
    );
}

#[test]
fn half_of_an_approval_does_not_carry_over_either() {
    check(
        "stage deploy approve=2
           acts apply",
        "ask 5s Approve deploy by=ada
         ask 10s Abort
         ask 20s Retry
         ask 30s Approve deploy by=bob
         ask 40s Approve deploy by=bob attempt=1
         ask 50s Approve deploy by=ada attempt=2",
        expect![[r#"
            0s stage deploy awaits 2 in attempt 1
            0s write 1
            5s ada asks for Approve
            5s action 0 Applied
            5s write 2
            10s ada asks for Abort
            10s action 1 Applied
            10s stage deploy Omitted
            10s ending Aborted (Aborted: aborted by ada)
            10s run Aborted
            10s write 3
            20s ada asks for Retry
            20s action 2 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s stage deploy awaits 2 in attempt 2
            20s write 4
            30s bob asks for Approve
            30s action 3 Applied
            30s write 5
            40s bob asks for Approve
            40s action 4 Ignored (attempt 1 of it waits for no approval; it is at attempt 2)
            40s write 6
            50s ada asks for Approve
            50s action 5 Applied
            50s stage deploy starts
            50s claim apply under key 1
            50s write 7
            50s act apply
            50s apply Succeeded
            50s stage deploy Succeeded
            50s ending Succeeded
            50s run Succeeded
            50s write 8
        "#]],
    );
}

#[test]
fn a_loop_is_approved_once() {
    check(
        "stage drain approve=1 until=3 every=10s
           pure count",
        "ask 5s Approve drain",
        expect![[r#"
            0s stage drain awaits 1 in attempt 1
            0s write 1
            5s ada asks for Approve
            5s action 0 Applied
            5s stage drain starts
            5s compute count
            5s count Succeeded
            5s stage drain Succeeded
            5s stage drain again at 15s: attempt 1, iteration 2
            5s write 2
            15s compute count
            15s count Succeeded
            15s stage drain Succeeded
            15s stage drain again at 25s: attempt 1, iteration 3
            15s write 3
            25s compute count
            25s count Succeeded
            25s stage drain Succeeded
            25s ending Succeeded
            25s run Succeeded
            25s write 4
        "#]],
    );
}

#[test]
fn the_condition_comes_before_the_approval() {
    check(
        "stage deploy when=false approve=1
         stage live when=error approve=1",
        "",
        expect![[r#"
            0s stage deploy Skipped (ConditionFalse: its condition `when` is false)
            0s stage live Failed (ConditionFailed: no such key: version)
            0s ending Failed (ConditionFailed: stage live: no such key: version)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn what_does_not_need_the_stage_goes_on() {
    check(
        "stage live approve=1
           acts apply
         stage docs needs=
           acts publish",
        "publish: wait 10s; ok
         ask 30s Approve live",
        expect![[r#"
            0s stage live awaits 1 in attempt 1
            0s stage docs starts
            0s claim publish under key 1
            0s write 1
            0s act publish
            10s look publish
            10s publish Succeeded
            10s stage docs Succeeded
            10s write 2
            30s ada asks for Approve
            30s action 0 Applied
            30s stage live starts
            30s claim apply under key 2
            30s write 3
            30s act apply
            30s apply Succeeded
            30s stage live Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 4
        "#]],
    );
}

#[test]
fn a_list_is_approved_before_it_is_made() {
    check(
        "stage roll each=eu,us approve=1 max=1
           acts apply",
        "ask 10s Approve roll",
        expect![[r#"
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
fn an_item_that_is_tried_again_is_approved_anew_and_alone() {
    check(
        "stage roll each=eu,us approve=1 retry=1
           acts apply",
        "apply: fail Refused; ok; ok
         ask 10s Approve roll
         ask 20s Approve roll item=us
         ask 30s Approve roll item=eu attempt=2",
        expect![[r#"
            0s stage roll awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 1
            10s stage roll[us] starts
            10s claim us/apply under key 2
            10s write 2
            10s act eu/apply
            10s act us/apply
            10s eu/apply Failed (Refused: it broke)
            10s us/apply Succeeded
            10s stage roll[eu] Failed (Refused: step apply: it broke)
            10s stage roll[eu] again at 11s: attempt 2, iteration 1
            10s stage roll[us] Succeeded
            10s write 3
            11s stage roll[eu] awaits 1 in attempt 2
            11s write 4
            20s ada asks for Approve
            20s action 1 Ignored (it waits for no approval)
            20s write 5
            30s ada asks for Approve
            30s action 2 Applied
            30s stage roll[eu] starts
            30s claim eu/apply under key 3
            30s write 6
            30s act eu/apply
            30s eu/apply Succeeded
            30s stage roll[eu] Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 7
        "#]],
    );
}

#[test]
fn items_that_a_person_has_done_again_are_approved_anew() {
    check(
        "stage roll each=eu,us,ap approve=1 max=2
           acts apply",
        "apply: fail Refused; ok; ok
         ask 10s Approve roll
         ask 20s Retry
         ask 30s Approve roll",
        expect![[r#"
            0s stage roll awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[ap] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 1
            10s stage roll[us] starts
            10s claim us/apply under key 2
            10s write 2
            10s act eu/apply
            10s act us/apply
            10s eu/apply Failed (Refused: it broke)
            10s us/apply Succeeded
            10s stage roll[eu] Failed (Refused: step apply: it broke)
            10s stage roll[us] Succeeded
            10s ending Failed (Refused: stage roll[eu]: step apply: it broke)
            10s stage roll[ap] Omitted
            10s run Failed
            10s write 3
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage roll[eu] is to be done again: attempt 2
            20s stage roll[ap] is to be done again: attempt 2
            20s stage roll[eu] awaits 1 in attempt 2
            20s stage roll[ap] awaits 1 in attempt 2
            20s write 4
            30s ada asks for Approve
            30s action 2 Applied
            30s stage roll[eu] starts
            30s stage roll[ap] starts
            30s claim eu/apply under key 3
            30s claim ap/apply under key 4
            30s write 5
            30s act eu/apply
            30s act ap/apply
            30s eu/apply Succeeded
            30s ap/apply Succeeded
            30s stage roll[eu] Succeeded
            30s stage roll[ap] Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 6
        "#]],
    );
}

#[test]
fn one_item_is_rejected_while_another_is_under_way() {
    check(
        "stage roll each=eu,us approve=1 retry=1
           acts apply",
        "apply: fail Refused; wait 60s; ok
         ask 10s Approve roll
         ask 20s Reject roll item=eu",
        expect![[r#"
            0s stage roll awaits 1 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 1
            10s stage roll[us] starts
            10s claim us/apply under key 2
            10s write 2
            10s act eu/apply
            10s act us/apply
            10s eu/apply Failed (Refused: it broke)
            10s stage roll[eu] Failed (Refused: step apply: it broke)
            10s stage roll[eu] again at 11s: attempt 2, iteration 1
            10s write 3
            11s stage roll[eu] awaits 1 in attempt 2
            11s write 4
            20s ada asks for Reject
            20s action 1 Applied
            20s stage roll[eu] Failed (Rejected: rejected by ada)
            20s write 5
            70s look us/apply
            70s us/apply Succeeded
            70s stage roll[us] Succeeded
            70s ending Failed (Rejected: stage roll[eu]: rejected by ada)
            70s run Failed
            70s write 6
        "#]],
    );
}

#[test]
fn nothing_is_approved_once_another_stage_has_failed() {
    check(
        "stage live approve=1
           acts apply
         stage docs needs=
           acts publish
         stage slow needs=
           acts crawl",
        "publish: wait 10s; fail Refused
         crawl: wait 60s; ok
         ask 30s Approve live",
        expect![[r#"
            0s stage live awaits 1 in attempt 1
            0s stage docs starts
            0s claim publish under key 1
            0s stage slow starts
            0s claim crawl under key 2
            0s write 1
            0s act publish
            0s act crawl
            10s look publish
            10s publish Failed (Refused: it broke)
            10s stage docs Failed (Refused: step publish: it broke)
            10s write 2
            30s ada asks for Approve
            30s action 0 Ignored (the run is going to fail: stage docs has failed)
            30s write 3
            60s look crawl
            60s crawl Succeeded
            60s stage slow Succeeded
            60s stage live Omitted
            60s ending Failed (Refused: stage docs: step publish: it broke)
            60s run Failed
            60s write 4
        "#]],
    );
}

#[test]
fn a_retry_of_what_failed_elsewhere_makes_room_for_the_approval() {
    check(
        "stage live approve=1
           acts apply
         stage docs needs=
           acts publish
         stage slow needs=
           acts crawl",
        "publish: wait 10s; fail Refused; ok
         crawl: wait 60s; ok
         ask 30s Retry docs
         ask 40s Approve live",
        expect![[r#"
            0s stage live awaits 1 in attempt 1
            0s stage docs starts
            0s claim publish under key 1
            0s stage slow starts
            0s claim crawl under key 2
            0s write 1
            0s act publish
            0s act crawl
            10s look publish
            10s publish Failed (Refused: it broke)
            10s stage docs Failed (Refused: step publish: it broke)
            10s write 2
            30s ada asks for Retry
            30s action 0 Applied
            30s stage docs is to be done again: attempt 2
            30s stage docs starts
            30s claim publish under key 3
            30s write 3
            30s act publish
            30s publish Succeeded
            30s stage docs Succeeded
            30s write 4
            40s ada asks for Approve
            40s action 1 Applied
            40s stage live starts
            40s claim apply under key 4
            40s write 5
            40s act apply
            40s apply Succeeded
            40s stage live Succeeded
            40s write 6
            60s look crawl
            60s crawl Succeeded
            60s stage slow Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 7
        "#]],
    );
}

#[test]
fn nothing_is_approved_or_rejected_once_the_run_is_aborted() {
    check(
        "stage build
           acts compile undo
         stage live approve=1
           acts apply",
        "undo compile: away Busy; ok
         ask 10s Abort
         ask 10s Approve live
         ask 10s Reject live",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage live awaits 1 in attempt 1
            0s write 2
            10s ada asks for Abort
            10s ada asks for Approve
            10s ada asks for Reject
            10s action 0 Applied
            10s stage live Omitted
            10s ending Aborted (Aborted: aborted by ada)
            10s action 1 Ignored (the run's result was decided before)
            10s action 2 Ignored (the run's result was decided before)
            10s write 3
            10s undo compile
            10s compile undo again at 11s (it broke)
            10s write 4
            11s undo compile
            11s compile undone
            11s run Aborted
            11s write 5
        "#]],
    );
}

#[test]
fn what_is_approved_in_a_paused_run_begins_when_the_run_goes_on() {
    check(
        "stage live approve=1 timeout=30s
           acts apply
         hook greet on Started for stage/live
           pure note",
        "ask 10s Pause
         ask 20s Approve live
         ask 200s Resume",
        expect![[r#"
            0s stage live awaits 1 in attempt 1
            0s write 1
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s ada asks for Approve
            20s action 1 Applied
            20s stage live starts
            20s write 3
            200s ada asks for Resume
            200s action 2 Applied
            200s not paused
            200s hook greet starts (Started stage/live)
            200s compute greet/note
            200s greet/note Succeeded
            200s hook greet Succeeded
            200s claim apply under key 1
            200s write 4
            200s act apply
            200s apply Succeeded
            200s stage live Succeeded
            200s ending Succeeded
            200s run Succeeded
            200s write 5
        "#]],
    );
}

#[test]
fn approvals_survive_crashes() {
    check(
        "stage live approve=2
           acts apply",
        "ask 10s Approve live by=ada
         ask 20s Approve live by=bob
         crash after write 1
         crash after write 2
         crash after stage live starts
         crash after write 3",
        expect![[r#"
            0s stage live awaits 2 in attempt 1
            0s write 1
            0s crash
            10s ada asks for Approve
            10s action 0 Applied
            10s write 2
            10s crash
            20s bob asks for Approve
            20s action 1 Applied
            20s stage live starts
            20s crash
            20s action 1 Applied
            20s stage live starts
            20s claim apply under key 1
            20s write 3
            20s crash
            20s claim apply under key 1 (2)
            20s write 4
            20s act apply
            20s apply Succeeded
            20s stage live Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 5
        "#]],
    );
}

#[test]
fn a_list_that_is_made_anew_is_approved_anew_although_an_item_of_it_had_not_begun() {
    check(
        "stage build
           pure compile
         stage roll each=eu,us max=1 approve=1
           acts apply
         stage slow needs=
           acts crawl",
        "apply: fail Refused; ok
         crawl: wait 60s; ok
         ask 10s Approve roll
         ask 20s Retry build
         ask 30s Approve roll attempt=1
         ask 40s Approve roll attempt=2",
        expect![[r#"
            0s stage build starts
            0s compute compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage roll awaits 1 in attempt 1
            0s stage slow starts
            0s claim crawl under key 1
            0s write 1
            0s act crawl
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 2
            10s write 2
            10s act eu/apply
            10s eu/apply Failed (Refused: it broke)
            10s stage roll[eu] Failed (Refused: step apply: it broke)
            10s write 3
            20s ada asks for Retry
            20s action 1 Applied
            20s stage build is to be done again: attempt 2
            20s stage build starts
            20s compute compile
            20s compile Succeeded
            20s stage build Succeeded
            20s stage roll awaits 1 in attempt 2
            20s write 4
            30s ada asks for Approve
            30s action 2 Ignored (attempt 1 of it waits for no approval; it is at attempt 2)
            30s write 5
            40s ada asks for Approve
            40s action 3 Applied
            40s stage roll starts
            40s stage roll[eu] is listed
            40s stage roll[us] is listed
            40s stage roll[eu] starts
            40s claim eu/apply under key 3
            40s write 6
            40s act eu/apply
            40s eu/apply Succeeded
            40s stage roll[eu] Succeeded
            40s stage roll[us] starts
            40s claim us/apply under key 4
            40s write 7
            40s act us/apply
            40s us/apply Succeeded
            40s stage roll[us] Succeeded
            40s write 8
            60s look crawl
            60s crawl Succeeded
            60s stage slow Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 9
        "#]],
    );
}

#[test]
fn an_item_that_had_not_begun_keeps_the_approval_of_its_attempt_while_the_run_goes_on() {
    check(
        "stage roll each=eu,us max=1 approve=1
           acts apply
         stage slow needs=
           acts crawl",
        "apply: fail Refused; ok
         crawl: wait 60s; ok
         ask 10s Approve roll
         ask 20s Skip roll item=eu",
        expect![[r#"
            0s stage roll awaits 1 in attempt 1
            0s stage slow starts
            0s claim crawl under key 1
            0s write 1
            0s act crawl
            10s ada asks for Approve
            10s action 0 Applied
            10s stage roll starts
            10s stage roll[eu] is listed
            10s stage roll[us] is listed
            10s stage roll[eu] starts
            10s claim eu/apply under key 2
            10s write 2
            10s act eu/apply
            10s eu/apply Failed (Refused: it broke)
            10s stage roll[eu] Failed (Refused: step apply: it broke)
            10s write 3
            20s ada asks for Skip
            20s action 1 Applied
            20s eu/apply Skipped (SkippedByPerson)
            20s stage roll[eu] Skipped (SkippedByPerson: skipped by ada)
            20s stage roll[us] starts
            20s claim us/apply under key 3
            20s write 4
            20s act us/apply
            20s us/apply Succeeded
            20s stage roll[us] Succeeded
            20s write 5
            60s look crawl
            60s crawl Succeeded
            60s stage slow Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 6
        "#]],
    );
}
