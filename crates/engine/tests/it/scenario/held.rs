//! Waiting for a person or a lock stops the clocks of timeouts.

use expect_test::expect;

use crate::support::check;

#[test]
fn waiting_for_a_person_does_not_count_towards_any_timeout() {
    check(
        "timeout 30s
         stage deploy timeout=20s
           reads sign timeout=10s
           reads apply",
        "approval sign
         sign: wait 1000s; ok
         apply: wait 15s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim sign under key 1
            0s write 1
            0s look sign
            1000s look sign
            1000s sign Succeeded
            1000s claim apply under key 2
            1000s write 2
            1000s look apply
            1015s look apply
            1015s apply Succeeded
            1015s stage deploy Succeeded
            1015s ending Succeeded
            1015s run Succeeded
            1015s write 3
        "#]],
    );
}

#[test]
fn the_clock_of_a_stage_goes_on_while_something_else_in_it_is_under_way() {
    check(
        "stage deploy timeout=20s parallel
           reads sign
           reads apply",
        "approval sign
         sign: wait 1000s; ok
         apply: wait 1000s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim sign under key 1
            0s claim apply under key 2
            0s write 1
            0s look sign
            0s look apply
            20s look sign
            20s look apply
            20s sign Succeeded
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 2
        "#]],
    );
}

#[test]
fn a_stopped_clock_stays_stopped_over_a_crash_and_goes_on_where_it_stood() {
    check(
        "stage deploy timeout=20s
           reads before
           reads sign
           reads apply",
        "approval sign
         before: wait 10s; ok
         sign: wait 500s; wait 400s; ok
         apply: wait 30s; wait 30s
         crash after write 2",
        expect![[r#"
            0s stage deploy starts
            0s claim before under key 1
            0s write 1
            0s look before
            10s look before
            10s before Succeeded
            10s claim sign under key 2
            10s write 2
            10s crash
            10s look sign
            510s look sign
            910s look sign
            910s sign Succeeded
            910s claim apply under key 3
            910s write 3
            910s look apply
            920s look apply
            920s apply Failed (StageTimeout: the stage took longer than its timeout of 20s; step apply had not ended)
            920s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 20s; step apply had not ended)
            920s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 20s; step apply had not ended)
            920s run Failed
            920s write 4
        "#]],
    );
}

#[test]
fn the_clock_of_the_run_goes_on_while_another_stage_works() {
    check(
        "timeout 30s
         stage wait
           reads sign
         stage work needs=
           reads apply",
        "approval sign
         sign: wait 1000s
         apply: wait 20s; ok",
        expect![[r#"
            0s stage wait starts
            0s claim sign under key 1
            0s stage work starts
            0s claim apply under key 2
            0s write 1
            0s look sign
            0s look apply
            20s look apply
            20s apply Succeeded
            20s stage work Succeeded
            20s write 2
            1000s look sign
            1000s sign Succeeded
            1000s stage wait Succeeded
            1000s ending Succeeded
            1000s run Succeeded
            1000s write 3
        "#]],
    );
}

#[test]
fn the_clock_of_a_stage_goes_on_in_the_pause_before_a_steps_next_attempt() {
    check(
        "stage deploy timeout=20s
           reads sign retry=1 backoff=1m",
        "approval sign
         sign: wait 100s; away Away",
        expect![[r#"
            0s stage deploy starts
            0s claim sign under key 1
            0s write 1
            0s look sign
            100s look sign
            100s sign attempt 2 at 160s (Away: it broke)
            100s write 2
            120s sign Failed (StageTimeout: the stage took longer than its timeout of 20s; step sign had not ended; last seen: it broke)
            120s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 20s; step sign had not ended; last seen: it broke)
            120s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 20s; step sign had not ended; last seen: it broke)
            120s run Failed
            120s write 3
        "#]],
    );
}

#[test]
fn the_clock_of_the_run_goes_on_while_a_hook_waits_for_a_person() {
    check(
        "timeout 30s
         stage deploy
           acts apply
         hook ask on Started
           reads sign",
        "approval sign
         sign: wait 1000s",
        expect![[r#"
            0s hook ask starts (Started pipeline)
            0s claim ask/sign under key 1
            0s write 1
            0s look ask/sign
            30s ask/sign Aborted
            30s hook ask Aborted
            30s ending Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s stage deploy Omitted
            30s run Aborted
            30s write 2
        "#]],
    );
}

#[test]
fn a_lock_stops_the_clocks_as_a_person_does_and_a_new_attempt_starts_a_new_clock() {
    check(
        "stage deploy timeout=20s retry=1 backoff=5s
           reads lock timeout=10s
           reads apply",
        "lock lock
         lock: wait 50s; ok; wait 50s; ok
         apply: wait 15s; fail Refused; wait 15s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim lock under key 1
            0s write 1
            0s look lock
            50s look lock
            50s lock Succeeded
            50s claim apply under key 2
            50s write 2
            50s look apply
            65s look apply
            65s apply Failed (Refused: it broke)
            65s stage deploy Failed (Refused: step apply: it broke)
            65s stage deploy again at 70s: attempt 2, iteration 1
            65s write 3
            70s claim lock under key 3
            70s write 4
            70s look lock
            120s look lock
            120s lock Succeeded
            120s claim apply under key 4
            120s write 5
            120s look apply
            135s look apply
            135s apply Succeeded
            135s stage deploy Succeeded
            135s ending Succeeded
            135s run Succeeded
            135s write 6
        "#]],
    );
}

#[test]
fn the_clock_of_the_run_goes_on_only_while_a_hook_runs_beside_what_waits_for_a_person() {
    check(
        "timeout 30s
         stage wait
           reads sign
         stage work needs=
           acts apply
         hook note on Success for step/apply
           reads quiet",
        "approval sign
         sign: wait 1000s; ok
         quiet: wait 20s; ok",
        expect![[r#"
            0s stage wait starts
            0s claim sign under key 1
            0s stage work starts
            0s claim apply under key 2
            0s write 1
            0s look sign
            0s act apply
            0s apply Succeeded
            0s hook note starts (Success step/apply)
            0s claim note/quiet under key 3
            0s write 2
            0s look note/quiet
            20s look note/quiet
            20s note/quiet Succeeded
            20s hook note Succeeded
            20s stage work Succeeded
            20s write 3
            1000s look sign
            1000s sign Succeeded
            1000s stage wait Succeeded
            1000s ending Succeeded
            1000s run Succeeded
            1000s write 4
        "#]],
    );
    check(
        "timeout 30s
         stage wait
           reads sign
         stage work needs=
           acts apply
         hook note on Success for step/apply
           reads quiet",
        "approval sign
         sign: wait 1000s; ok
         quiet: wait 40s; ok",
        expect![[r#"
            0s stage wait starts
            0s claim sign under key 1
            0s stage work starts
            0s claim apply under key 2
            0s write 1
            0s look sign
            0s act apply
            0s apply Succeeded
            0s hook note starts (Success step/apply)
            0s claim note/quiet under key 3
            0s write 2
            0s look note/quiet
            30s note/quiet Aborted
            30s hook note Aborted
            30s sign Aborted
            30s stage wait Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s stage work Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s ending Aborted (RunTimeout: the run took longer than its timeout of 30s)
            30s run Aborted
            30s write 3
        "#]],
    );
}
