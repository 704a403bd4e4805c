//! Runs that a person pauses, and those of pipelines that are suspended.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_run_that_is_paused_before_its_start_stays_pending() {
    check(
        "stage deploy
           acts apply
         hook greet on Started
           pure note",
        "ask 0s Pause reason=lunch
         ask 60s Resume",
        expect![[r#"
            0s ada asks for Pause
            0s action 0 Applied
            0s paused by ada
            0s write 1
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s hook greet starts (Started pipeline)
            60s compute greet/note
            60s greet/note Succeeded
            60s hook greet Succeeded
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
fn what_is_under_way_ends_and_nothing_starts() {
    check(
        "stage deploy
           acts a
           acts b
         stage tell
           acts post",
        "a: wait 20s; ok
         ask 10s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s look a
            20s a Succeeded
            20s write 3
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s claim b under key 2
            60s write 4
            60s act b
            60s b Succeeded
            60s stage deploy Succeeded
            60s stage tell starts
            60s claim post under key 3
            60s write 5
            60s act post
            60s post Succeeded
            60s stage tell Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 6
        "#]],
    );
}

#[test]
fn the_last_step_ends_its_stage_and_its_run_although_it_is_paused() {
    check(
        "stage deploy
           acts apply",
        "apply: wait 20s; ok
         ask 10s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s look apply
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s not paused
            20s run Succeeded
            20s write 3
            60s ada asks for Resume
            60s action 1 Ignored (the run's result was decided before)
            60s write 4
        "#]],
    );
}

#[test]
fn a_failure_ends_a_paused_run() {
    check(
        "stage deploy
           acts apply
         stage tell
           acts post",
        "apply: wait 20s; fail Refused
         ask 10s Pause",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s look apply
            20s apply Failed (Refused: it broke)
            20s stage deploy Failed (Refused: step apply: it broke)
            20s ending Failed (Refused: stage deploy: step apply: it broke)
            20s not paused
            20s stage tell Omitted
            20s run Failed
            20s write 3
        "#]],
    );
}

#[test]
fn steps_side_by_side_go_on_to_their_own_ends() {
    check(
        "stage deploy parallel
           acts a
           acts b
         stage docs needs= parallel
           acts c",
        "a: wait 20s; ok
         b: wait 5s; flake Away; ok
         c: wait 40s; ok
         ask 10s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s claim b under key 2
            0s stage docs starts
            0s claim c under key 3
            0s write 1
            0s act a
            0s act b
            0s act c
            5s look b
            5s b Failed (Away: it broke)
            5s write 2
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 3
            20s look a
            20s a Succeeded
            20s stage deploy Failed (Away: step b: it broke)
            20s write 4
            40s look c
            40s c Succeeded
            40s stage docs Succeeded
            40s ending Failed (Away: stage deploy: step b: it broke)
            40s not paused
            40s run Failed
            40s write 5
            60s ada asks for Resume
            60s action 1 Ignored (the run's result was decided before)
            60s write 6
        "#]],
    );
}

#[test]
fn no_further_attempt_of_a_step_starts() {
    check(
        "stage deploy
           acts apply retry=1 backoff=10s",
        "apply: flake Away; ok
         ask 5s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 10s (Away: it broke)
            0s write 2
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 3
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s claim apply under key 2
            60s write 4
            60s act apply
            60s apply Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 5
        "#]],
    );
}

#[test]
fn no_further_attempt_of_a_stage_starts_and_its_effects_are_taken_back() {
    check(
        "stage deploy retry=1 backoff=10s
           acts a undo
           acts b",
        "b: wait 10s; fail Refused; ok
         undo a: away Busy; ok
         ask 5s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s claim b under key 2
            0s write 2
            0s act b
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 3
            10s look b
            10s b Failed (Refused: it broke)
            10s stage deploy Failed (Refused: step b: it broke)
            10s write 4
            10s undo a
            10s a undo again at 11s (it broke)
            10s write 5
            11s undo a
            11s a undone
            11s write 6
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s stage deploy again at 70s: attempt 2, iteration 1
            60s write 7
            70s claim a under key 3
            70s write 8
            70s act a
            70s a Succeeded
            70s claim b under key 4
            70s write 9
            70s act b
            70s b Succeeded
            70s stage deploy Succeeded
            70s ending Succeeded
            70s run Succeeded
            70s write 10
        "#]],
    );
}

#[test]
fn the_pause_before_an_attempt_is_not_cut_short_by_a_short_pause_of_the_run() {
    check(
        "stage deploy retry=1 backoff=30s
           acts a",
        "a: fail Refused; ok
         ask 5s Pause
         ask 10s Resume",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s stage deploy again at 30s: attempt 2, iteration 1
            0s write 2
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 3
            10s ada asks for Resume
            10s action 1 Applied
            10s not paused
            10s write 4
            30s claim a under key 2
            30s write 5
            30s act a
            30s a Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 6
        "#]],
    );
}

#[test]
fn no_further_iteration_starts() {
    check(
        "stage drain until=2 every=10s
           acts count",
        "count: wait 5s; ok; ok
         ask 2s Pause
         ask 60s Resume",
        expect![[r#"
            0s stage drain starts
            0s claim count under key 1
            0s write 1
            0s act count
            2s ada asks for Pause
            2s action 0 Applied
            2s paused by ada
            2s write 2
            5s look count
            5s count Succeeded
            5s stage drain Succeeded
            5s write 3
            60s ada asks for Resume
            60s action 1 Applied
            60s not paused
            60s stage drain again at 70s: attempt 1, iteration 2
            60s write 4
            70s claim count under key 2
            70s write 5
            70s act count
            70s count Succeeded
            70s stage drain Succeeded
            70s ending Succeeded
            70s run Succeeded
            70s write 6
        "#]],
    );
}

#[test]
fn hooks_run_on_in_a_paused_run_and_those_of_an_end_start() {
    check(
        "stage deploy
           acts a
           acts b
         hook greet on Started for stage/deploy
           acts hello
         hook done on Success for step/a
           acts note",
        "hello: wait 20s; ok
         a: wait 20s; ok
         ask 10s Pause
         ask 30s Resume
         ask 40s Pause
         ask 90s Resume",
        expect![[r#"
            0s stage deploy starts
            0s hook greet starts (Started stage/deploy)
            0s claim greet/hello under key 1
            0s write 1
            0s act greet/hello
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s look greet/hello
            20s greet/hello Succeeded
            20s hook greet Succeeded
            20s write 3
            30s ada asks for Resume
            30s action 1 Applied
            30s not paused
            30s claim a under key 2
            30s write 4
            30s act a
            40s ada asks for Pause
            40s action 2 Applied
            40s paused by ada
            40s write 5
            50s look a
            50s a Succeeded
            50s hook done starts (Success step/a)
            50s claim done/note under key 3
            50s write 6
            50s act done/note
            50s done/note Succeeded
            50s hook done Succeeded
            50s write 7
            90s ada asks for Resume
            90s action 3 Applied
            90s not paused
            90s claim b under key 4
            90s write 8
            90s act b
            90s b Succeeded
            90s stage deploy Succeeded
            90s ending Succeeded
            90s run Succeeded
            90s write 9
        "#]],
    );
}

#[test]
fn no_item_starts_and_no_list_is_made() {
    check(
        "stage roll each=eu,us max=1
           acts apply
         stage more each=a
           acts extra",
        "apply: wait 20s; ok
         ask 10s Pause
         ask 60s Resume
         ask 60s Pause
         ask 90s Resume",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s write 1
            0s act eu/apply
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            20s look eu/apply
            20s eu/apply Succeeded
            20s stage roll[eu] Succeeded
            20s write 3
            60s ada asks for Resume
            60s ada asks for Pause
            60s action 1 Applied
            60s not paused
            60s action 2 Applied
            60s paused by ada
            60s write 4
            90s ada asks for Resume
            90s action 3 Applied
            90s not paused
            90s stage roll[us] starts
            90s claim us/apply under key 2
            90s write 5
            90s act us/apply
            90s us/apply Succeeded
            90s stage roll[us] Succeeded
            90s stage more starts
            90s stage more[a] is listed
            90s stage more[a] starts
            90s claim a/extra under key 3
            90s write 6
            90s act a/extra
            90s a/extra Succeeded
            90s stage more[a] Succeeded
            90s ending Succeeded
            90s run Succeeded
            90s write 7
        "#]],
    );
}

#[test]
fn the_clocks_of_the_run_and_the_stage_stand_still_and_go_on_where_they_stood() {
    check(
        "timeout 40s
         stage deploy timeout=30s
           acts a
           acts b",
        "a: wait 10s; ok
         b: wait 60s; wait 60s; wait 60s
         ask 5s Pause
         ask 1000s Resume
         crash after write 2
         crash after write 3",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 2
            5s crash
            5s claim a under key 1 (2)
            5s write 3
            5s crash
            5s claim a under key 1 (3)
            5s write 4
            5s act a
            5s a Succeeded
            5s write 5
            1000s ada asks for Resume
            1000s action 1 Applied
            1000s not paused
            1000s claim b under key 2
            1000s write 6
            1000s act b
            1025s look b
            1025s b Failed (StageTimeout: the stage took longer than its timeout of 30s; step b had not ended)
            1025s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 30s; step b had not ended)
            1025s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 30s; step b had not ended)
            1025s run Failed
            1025s write 7
        "#]],
    );
}

#[test]
fn the_clock_of_a_step_that_is_under_way_goes_on() {
    check(
        "stage deploy
           acts a timeout=30s",
        "a: wait 60s; wait 60s
         ask 5s Pause",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            5s ada asks for Pause
            5s action 0 Applied
            5s paused by ada
            5s write 2
            30s look a
            30s a Failed (Timeout: timed out after 30s)
            30s stage deploy Failed (Timeout: step a: timed out after 30s)
            30s ending Failed (Timeout: stage deploy: step a: timed out after 30s)
            30s not paused
            30s run Failed
            30s write 3
        "#]],
    );
}

#[test]
fn the_clock_of_the_run_stands_still_while_only_an_approval_is_awaited() {
    check(
        "timeout 30s
         stage a
           acts one
         stage b approve=1
           acts two",
        "one: wait 20s; ok
         two: wait 60s; ok
         ask 1000s Approve b
         crash after write 2",
        expect![[r#"
            0s stage a starts
            0s claim one under key 1
            0s write 1
            0s act one
            20s look one
            20s one Succeeded
            20s stage a Succeeded
            20s stage b awaits 1 in attempt 1
            20s write 2
            20s crash
            1000s ada asks for Approve
            1000s action 0 Applied
            1000s stage b starts
            1000s claim two under key 2
            1000s write 3
            1000s act two
            1010s two Aborted
            1010s stage b Aborted (RunTimeout: the run took longer than its timeout of 30s)
            1010s ending Aborted (RunTimeout: the run took longer than its timeout of 30s)
            1010s run Aborted
            1010s write 4
        "#]],
    );
}

#[test]
fn the_clock_of_the_run_goes_on_while_something_is_done_beside_an_approval() {
    check(
        "timeout 30s
         stage a approve=1
         stage b needs=
           acts two",
        "two: wait 20s; wait 60s; ok",
        expect![[r#"
            0s stage a awaits 1 in attempt 1
            0s stage b starts
            0s claim two under key 1
            0s write 1
            0s act two
            20s look two
            30s stage a Omitted
            30s two Aborted
            30s stage b Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s ending Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s run Aborted
            30s write 2
        "#]],
    );
}

#[test]
fn a_suspended_pipelines_run_does_not_start() {
    check(
        "lock
         stage deploy
           acts apply",
        "suspend 0s quarter end
         unsuspend 60s",
        expect![[r#"
            0s suspended (quarter end)
            0s write 1
            60s not suspended
            60s ask for the lock
            60s the lock is held
            60s stage deploy starts
            60s claim apply under key 1
            60s write 2
            60s act apply
            60s apply Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s the lock is let go
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn a_suspended_pipelines_run_stops_at_the_next_step() {
    check(
        "timeout 30s
         stage deploy
           acts a
           acts b",
        "a: wait 20s; ok
         suspend 10s quarter end
         suspend 100s new year
         unsuspend 200s
         crash after write 2",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s suspended (quarter end)
            10s write 2
            10s crash
            10s claim a under key 1 (2)
            10s write 3
            10s act a
            10s a Succeeded
            10s write 4
            100s suspended (new year)
            100s write 5
            200s not suspended
            200s claim b under key 2
            200s write 6
            200s act b
            200s b Succeeded
            200s stage deploy Succeeded
            200s ending Succeeded
            200s run Succeeded
            200s write 7
        "#]],
    );
}

#[test]
fn a_run_that_is_both_paused_and_suspended_needs_both_to_end() {
    check(
        "stage deploy
           acts a",
        "suspend 0s quarter end
         ask 10s Resume
         ask 20s Pause
         ask 30s Resume
         unsuspend 40s",
        expect![[r#"
            0s suspended (quarter end)
            0s write 1
            10s ada asks for Resume
            10s action 0 Ignored (nobody has paused the run: its pipeline is suspended)
            10s write 2
            20s ada asks for Pause
            20s action 1 Applied
            20s paused by ada
            20s write 3
            30s ada asks for Resume
            30s action 2 Applied
            30s not paused
            30s write 4
            40s not suspended
            40s stage deploy starts
            40s claim a under key 1
            40s write 5
            40s act a
            40s a Succeeded
            40s stage deploy Succeeded
            40s ending Succeeded
            40s run Succeeded
            40s write 6
        "#]],
    );
}

#[test]
fn the_end_of_a_run_ends_its_pause() {
    check(
        "stage deploy
           acts a",
        "a: wait 20s; fail Refused; ok
         suspend 5s quarter end
         ask 10s Pause
         unsuspend 15s
         ask 30s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            5s suspended (quarter end)
            5s write 2
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 3
            15s not suspended
            15s write 4
            20s look a
            20s a Failed (Refused: it broke)
            20s stage deploy Failed (Refused: step a: it broke)
            20s ending Failed (Refused: stage deploy: step a: it broke)
            20s not paused
            20s run Failed
            20s write 5
            30s ada asks for Retry
            30s action 1 Applied
            30s round 2
            30s stage deploy is to be done again: attempt 2
            30s stage deploy starts
            30s claim a under key 2
            30s write 6
            30s act a
            30s a Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 7
        "#]],
    );
}
