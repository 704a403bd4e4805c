//! Parallel steps: their hooks, retries, timeouts and crashes do not disturb each other.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_started_hook_ends_before_its_own_step_acts_and_after_another_has_started() {
    check(
        "stage all parallel
           acts a
           acts b
         hook ofAll on Started for stage/all
           acts post
         hook ofB on Started for step/b
           reads quiet",
        "a: +3s ok
         quiet: wait 10s; ok",
        expect![[r#"
            0s stage all starts
            0s hook ofAll starts (Started stage/all)
            0s claim ofAll/post under key 1
            0s write 1
            0s act ofAll/post
            0s ofAll/post Succeeded
            0s hook ofAll Succeeded
            0s claim a under key 2
            0s hook ofB starts (Started step/b)
            0s claim ofB/quiet under key 3
            0s write 2
            0s look ofB/quiet
            0s act a
            3s a Succeeded
            3s write 3
            10s look ofB/quiet
            10s ofB/quiet Succeeded
            10s hook ofB Succeeded
            10s claim b under key 4
            10s write 4
            10s act b
            10s b Succeeded
            10s stage all Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 5
        "#]],
    );
}

#[test]
fn a_step_is_tried_again_while_another_goes_on() {
    check(
        "stage all parallel
           acts a retry=1 backoff=5s
           acts b",
        "a: away HostAway; ok
         b: +8s ok",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a attempt 2 at 5s (HostAway: it broke)
            0s write 2
            5s claim a under key 1 (2)
            5s write 3
            5s act a
            5s a Succeeded
            5s write 4
            8s b Succeeded
            8s stage all Succeeded
            8s ending Succeeded
            8s run Succeeded
            8s write 5
        "#]],
    );
}

#[test]
fn a_step_is_tried_again_though_another_has_failed() {
    check(
        "stage all parallel
           acts a retry=1 backoff=5s
           acts b",
        "a: away HostAway; ok
         b: fail Refused",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a attempt 2 at 5s (HostAway: it broke)
            0s b Failed (Refused: it broke)
            0s write 2
            5s claim a under key 1 (2)
            5s write 3
            5s act a
            5s a Succeeded
            5s stage all Failed (Refused: step b: it broke)
            5s ending Failed (Refused: stage all: step b: it broke)
            5s run Failed
            5s write 4
        "#]],
    );
}

#[test]
fn all_of_them_are_looked_at_once_more_before_their_stage_times_out() {
    check(
        "stage all timeout=25s parallel
           reads a
           acts b
           acts c retry=1 backoff=1m
           reads d",
        "a: wait 10m 1 of 2; ok
         b: wait 10m 1 of 3; wait 10m 2 of 3
         c: away HostAway no answer
         d: wait 20s; +10s wait 10m",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s claim c under key 3
            0s claim d under key 4
            0s write 1
            0s look a
            0s act b
            0s act c
            0s look d
            0s c attempt 2 at 60s (HostAway: no answer)
            0s write 2
            20s look d
            25s look a
            25s look b
            25s a Succeeded
            25s write 3
            30s b Failed (StageTimeout: the stage took longer than its timeout of 25s; step b had not ended; last seen: 2 of 3)
            30s c Failed (StageTimeout: the stage took longer than its timeout of 25s; step c had not ended; last seen: no answer)
            30s d Failed (StageTimeout: the stage took longer than its timeout of 25s; step d had not ended)
            30s stage all Failed (StageTimeout: the stage took longer than its timeout of 25s; step b had not ended; last seen: 2 of 3; step c had not ended; last seen: no answer; step d had not ended)
            30s ending Failed (StageTimeout: stage all: the stage took longer than its timeout of 25s; step b had not ended; last seen: 2 of 3; step c had not ended; last seen: no answer; step d had not ended)
            30s run Failed
            30s write 4
        "#]],
    );
}

#[test]
fn a_stage_waits_with_its_timeout_for_what_is_being_performed() {
    check(
        "stage all timeout=25s parallel
           acts a
           reads b",
        "a: +60s ok
         b: wait 10m; wait 10m; wait 10m",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s look b
            25s look b
            60s a Succeeded
            60s b Failed (StageTimeout: the stage took longer than its timeout of 25s; step b had not ended)
            60s stage all Failed (StageTimeout: the stage took longer than its timeout of 25s; step b had not ended)
            60s ending Failed (StageTimeout: stage all: the stage took longer than its timeout of 25s; step b had not ended)
            60s run Failed
            60s write 2
        "#]],
    );
}

#[test]
fn a_step_times_out_alone() {
    check(
        "stage all parallel
           reads a timeout=10s
           reads b",
        "a: wait 1m; wait 1m
         b: wait 30s; ok",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s look a
            0s look b
            10s look a
            10s a Failed (Timeout: timed out after 10s)
            10s write 2
            30s look b
            30s b Succeeded
            30s stage all Failed (Timeout: step a: timed out after 10s)
            30s ending Failed (Timeout: stage all: step a: timed out after 10s)
            30s run Failed
            30s write 3
        "#]],
    );
}

#[test]
fn skipped_steps_and_conditions_that_fail_do_not_keep_the_others_from_starting() {
    check(
        "stage all parallel
           acts a when=false
           acts b when=error
           acts c when=true",
        "",
        expect![[r#"
            0s stage all starts
            0s a Skipped (ConditionFalse: its condition `when` is false)
            0s b Failed (ConditionFailed: no such key: version)
            0s claim c under key 1
            0s write 1
            0s act c
            0s c Succeeded
            0s stage all Failed (ConditionFailed: step b: no such key: version)
            0s ending Failed (ConditionFailed: stage all: step b: no such key: version)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_crash_with_several_in_flight_goes_on_with_each_under_its_key() {
    check(
        "stage all parallel
           acts a
           reads b
           acts c",
        "a: wait 10s; +1s ok
         b: wait 20s; wait 20s; ok
         c: +5s ok; ok
         crash after act c",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s claim c under key 3
            0s write 1
            0s act a
            0s look b
            0s act c
            5s crash
            5s claim a under key 1 (2)
            5s claim c under key 3 (2)
            5s write 2
            5s act a
            5s look b
            5s act c
            5s c Succeeded
            5s write 3
            6s a Succeeded
            6s write 4
            25s look b
            25s b Succeeded
            25s stage all Succeeded
            25s ending Succeeded
            25s run Succeeded
            25s write 5
        "#]],
    );
}

#[test]
fn an_outcome_that_was_persisted_while_others_were_in_flight_is_kept_over_a_crash() {
    check(
        "stage all parallel
           acts a
           acts b",
        "a: +2s ok
         b: +5s wait 10s; wait 10s; ok
         crash after write 2",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            2s a Succeeded
            2s write 2
            2s crash
            2s claim b under key 2 (2)
            2s write 3
            2s act b
            12s look b
            12s b Succeeded
            12s stage all Succeeded
            12s ending Succeeded
            12s run Succeeded
            12s write 4
        "#]],
    );
}

#[test]
fn a_stage_with_several_failures_ends_with_the_first_in_time() {
    check(
        "stage all parallel
           acts a
           acts b",
        "a: +5s fail Late
         b: +2s fail Early",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            2s b Failed (Early: it broke)
            2s write 2
            5s a Failed (Late: it broke)
            5s stage all Failed (Early: step b: it broke)
            5s ending Failed (Early: stage all: step b: it broke)
            5s run Failed
            5s write 3
        "#]],
    );
}

#[test]
fn a_stage_is_tried_again_only_when_each_of_its_failures_may_be() {
    check(
        "stage all parallel retry=3
           acts a
           acts b",
        "retry stages when transient
         a: flake Away; flake Away
         b: flake Busy; +1s fail Refused",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a Failed (Away: it broke)
            0s b Failed (Busy: it broke)
            0s stage all Failed (Away: step a: it broke)
            0s stage all again at 1s: attempt 2, iteration 1
            0s write 2
            1s claim a under key 3
            1s claim b under key 4
            1s write 3
            1s act a
            1s act b
            1s a Failed (Away: it broke)
            1s write 4
            2s b Failed (Refused: it broke)
            2s stage all Failed (Away: step a: it broke)
            2s ending Failed (Away: stage all: step a: it broke)
            2s run Failed
            2s write 5
        "#]],
    );
}
