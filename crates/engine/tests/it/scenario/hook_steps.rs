//! The steps of hooks: what they come to, and the time they take.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_failing_hook_changes_no_result() {
    check(
        "stage deploy
           acts apply
         hook tell on Started,Success for stage/deploy
           acts post
           acts log",
        "post: fail Refused; fail Refused",
        expect![[r#"
            0s stage deploy starts
            0s hook tell starts (Started stage/deploy)
            0s claim tell/post under key 1
            0s write 1
            0s act tell/post
            0s tell/post Failed (Refused: it broke)
            0s hook tell Failed
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s hook tell starts (Success stage/deploy)
            0s claim tell/post under key 3
            0s write 3
            0s act tell/post
            0s tell/post Failed (Refused: it broke)
            0s hook tell Failed
            0s ending Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn the_steps_of_a_hook_retry_wait_and_time_out_and_have_conditions() {
    check(
        "stage deploy
           pure apply
         hook tell on Success
           acts post retry=1
           acts never when=false
           reads drain timeout=25s
           acts log",
        "post: away HostAway; ok
         drain: wait 20s; wait 20s 3 left; wait 20s 3 left",
        expect![[r#"
            0s stage deploy starts
            0s compute apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s hook tell starts (Success pipeline)
            0s claim tell/post under key 1
            0s write 1
            0s act tell/post
            0s tell/post attempt 2 at 1s (HostAway: it broke)
            0s write 2
            1s claim tell/post under key 1 (2)
            1s write 3
            1s act tell/post
            1s tell/post Succeeded
            1s tell/never Skipped (ConditionFalse: its condition `when` is false)
            1s claim tell/drain under key 2
            1s write 4
            1s look tell/drain
            21s look tell/drain
            21s write 5 (progress)
            26s look tell/drain
            26s tell/drain Failed (Timeout: timed out after 25s; last seen: 3 left)
            26s hook tell Failed
            26s run Succeeded
            26s write 6
        "#]],
    );
}

#[test]
fn a_stage_that_times_out_has_the_failure_hooks_of_its_step_and_its_own() {
    check(
        "stage deploy timeout=25s
           acts apply
         hook a on Failure for stage/deploy
           pure post
         hook b on Failure for step/apply
           pure post",
        "apply: wait 1h; wait 1h",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            25s look apply
            25s apply Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended)
            25s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended)
            25s hook b starts (Failure step/apply)
            25s compute b/post
            25s b/post Succeeded
            25s hook b Succeeded
            25s hook a starts (Failure stage/deploy)
            25s compute a/post
            25s a/post Succeeded
            25s hook a Succeeded
            25s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s; step apply had not ended)
            25s run Failed
            25s write 2
        "#]],
    );
}

#[test]
fn a_stages_time_runs_on_while_a_hook_runs_but_cuts_no_hook() {
    check(
        "stage deploy timeout=25s
           pure render
           acts apply
         hook warn on Success for step/render
           reads quiet",
        "quiet: wait 1m; ok",
        expect![[r#"
            0s stage deploy starts
            0s compute render
            0s render Succeeded
            0s hook warn starts (Success step/render)
            0s claim warn/quiet under key 1
            0s write 1
            0s look warn/quiet
            60s look warn/quiet
            60s warn/quiet Succeeded
            60s hook warn Succeeded
            60s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s)
            60s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s)
            60s run Failed
            60s write 2
        "#]],
    );
}

#[test]
fn a_hook_without_steps_does_nothing() {
    check(
        "stage deploy
           pure apply
         hook tell on Success",
        "",
        expect![[r#"
            0s stage deploy starts
            0s compute apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s hook tell starts (Success pipeline)
            0s hook tell Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}
