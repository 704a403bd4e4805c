//! Runs that a timer started: that counts as one approval of what they begin with.

use expect_test::{Expect, expect};

use crate::support::driver;

/// The same as for every run, but that it was started by a timer.
fn check(plan: &str, script: &str, expected: Expect) {
    let mut driver = driver(plan, script);
    driver.begin_approved("trigger morning");
    driver.run();
    expected.assert_eq(&driver.trace());
}

#[test]
fn a_manual_first_stage_starts_at_once() {
    check(
        "stage deploy approve=1\n acts apply\nstage live approve=1",
        "ask 60s Approve live",
        expect![[r#"
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        0s apply Succeeded
        0s stage deploy Succeeded
        0s stage live awaits 1 in attempt 1
        0s write 2
        60s ada asks for Approve
        60s action 0 Applied
        60s stage live starts
        60s stage live Succeeded
        60s ending Succeeded
        60s run Succeeded
        60s write 3
    "#]],
    );
}

#[test]
fn it_is_one_approval_where_more_are_needed() {
    check(
        "stage deploy approve=2\n acts apply",
        "ask 10s Approve deploy by=ada",
        expect![[r#"
        0s stage deploy awaits 2 in attempt 1
        0s write 1
        10s ada asks for Approve
        10s action 0 Applied
        10s stage deploy starts
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
fn every_stage_that_the_run_begins_with_is_approved_and_no_other() {
    check(
        "stage a approve=1\nstage b needs= approve=1\nstage c needs=a,b approve=1",
        "ask 5s Approve c",
        expect![[r#"
        0s stage a starts
        0s stage a Succeeded
        0s stage b starts
        0s stage b Succeeded
        0s stage c awaits 1 in attempt 1
        0s write 1
        5s ada asks for Approve
        5s action 0 Applied
        5s stage c starts
        5s stage c Succeeded
        5s ending Succeeded
        5s run Succeeded
        5s write 2
    "#]],
    );
}

#[test]
fn what_a_place_wants_is_approved_by_people_alone() {
    for (plan, place) in
        [("stage live bound\n acts apply", "ok 1"), ("stage live bound approve=1\n acts apply", "ok 2")]
    {
        check(
            plan,
            &format!("bind live: {place}\nask 10s Approve live"),
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
        10s apply Succeeded
        10s stage live Succeeded
        10s ending Succeeded
        10s run Succeeded
        10s write 3
    "#]],
        );
    }
}

#[test]
fn the_list_of_a_stage_is_approved_as_one() {
    check(
        "stage live approve=1 each=eu,us\n acts apply",
        "",
        expect![[r#"
        0s stage live starts
        0s stage live[eu] is listed
        0s stage live[us] is listed
        0s stage live[eu] starts
        0s claim eu/apply under key 1
        0s stage live[us] starts
        0s claim us/apply under key 2
        0s write 1
        0s act eu/apply
        0s act us/apply
        0s eu/apply Succeeded
        0s us/apply Succeeded
        0s stage live[eu] Succeeded
        0s stage live[us] Succeeded
        0s ending Succeeded
        0s run Succeeded
        0s write 2
    "#]],
    );
}

#[test]
fn another_attempt_by_a_person_is_approved_by_a_person() {
    check(
        "stage deploy approve=1\n acts apply",
        "apply: fail Refused; ok\nask 10s Retry\nask 20s Approve deploy",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage deploy awaits 1 in attempt 2
            10s write 3
            20s ada asks for Approve
            20s action 1 Applied
            20s stage deploy starts
            20s claim apply under key 2
            20s write 4
            20s act apply
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 5
        "#]],
    );
}

#[test]
fn what_has_not_begun_in_the_first_round_is_approved_by_a_person_in_the_next() {
    check(
        "stage plan\n pure render\nstage deploy needs= approve=1\n acts apply",
        "render: fail Refused; ok\nask 10s Retry\nask 50s Approve deploy",
        expect![[r#"
            0s stage plan starts
            0s compute render
            0s render Failed (Refused: it broke)
            0s stage plan Failed (Refused: step render: it broke)
            0s ending Failed (Refused: stage plan: step render: it broke)
            0s stage deploy Omitted
            0s run Failed
            0s write 1
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage plan is to be done again: attempt 2
            10s stage deploy is to be done again: attempt 1
            10s stage plan starts
            10s compute render
            10s render Succeeded
            10s stage plan Succeeded
            10s stage deploy awaits 1 in attempt 1
            10s write 2
            50s ada asks for Approve
            50s action 1 Applied
            50s stage deploy starts
            50s claim apply under key 1
            50s write 3
            50s act apply
            50s apply Succeeded
            50s stage deploy Succeeded
            50s ending Succeeded
            50s run Succeeded
            50s write 4
        "#]],
    );
}

#[test]
fn an_item_that_has_not_begun_keeps_the_approval_of_its_list() {
    check(
        "stage roll each=eu,us max=1 approve=1\n acts apply",
        "apply: fail Refused; ok\nask 10s Retry\nask 20s Approve roll",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s write 1
            0s act eu/apply
            0s eu/apply Failed (Refused: it broke)
            0s stage roll[eu] Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage roll[eu]: step apply: it broke)
            0s stage roll[us] Omitted
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage roll[eu] is to be done again: attempt 2
            10s stage roll[us] is to be done again: attempt 1
            10s stage roll[eu] awaits 1 in attempt 2
            10s write 3
            20s ada asks for Approve
            20s action 1 Applied
            20s stage roll[eu] starts
            20s claim eu/apply under key 2
            20s write 4
            20s act eu/apply
            20s eu/apply Succeeded
            20s stage roll[eu] Succeeded
            20s stage roll[us] starts
            20s claim us/apply under key 3
            20s write 5
            20s act us/apply
            20s us/apply Succeeded
            20s stage roll[us] Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn a_crash_before_the_first_write_takes_no_approval_away() {
    check(
        "stage deploy approve=1\n acts apply",
        "crash after stage deploy starts",
        expect![[r#"
        0s stage deploy starts
        0s crash
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        0s apply Succeeded
        0s stage deploy Succeeded
        0s ending Succeeded
        0s run Succeeded
        0s write 2
    "#]],
    );
}

#[test]
fn where_it_has_no_say_a_run_is_no_different() {
    // Of the second nobody has asked the place yet when it is skipped.
    for plan in ["stage build\n acts compile\nstage test each=a,b\n acts run", "stage live bound approve=1 when=false"]
    {
        let mut by_timer = driver(plan, "");
        by_timer.begin_approved("trigger morning");
        by_timer.run();
        let by_a_person = crate::support::run(plan, "");
        assert_eq!(by_timer.trace(), by_a_person.trace());
        assert_eq!(by_timer.stored, by_a_person.stored);
    }
}
