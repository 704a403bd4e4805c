//! Timeouts of steps, stages and runs.

use expect_test::expect;

use crate::support::{check, run};

#[test]
fn a_step_times_out_and_keeps_what_it_saw_last() {
    check(
        "stage deploy
           reads inspect timeout=25s",
        "inspect: wait 10s 1 of 3 ready; wait 10s 2 of 3 ready; wait 10s 2 of 3 ready; wait 10s still 2",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            0s write 2 (progress)
            10s look inspect
            10s write 3 (progress)
            20s look inspect
            25s look inspect
            25s inspect Failed (Timeout: timed out after 25s; last seen: still 2)
            25s stage deploy Failed (Timeout: step inspect: timed out after 25s; last seen: still 2)
            25s ending Failed (Timeout: stage deploy: step inspect: timed out after 25s; last seen: still 2)
            25s run Failed
            25s write 4
        "#]],
    );
}

#[test]
fn what_happened_since_the_last_look_wins_over_the_timeout() {
    check(
        "stage deploy
           acts apply timeout=25s",
        "apply: wait 10m not ready; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s write 2 (progress)
            25s look apply
            25s apply Succeeded
            25s stage deploy Succeeded
            25s ending Succeeded
            25s run Succeeded
            25s write 3
        "#]],
    );
}

#[test]
fn an_act_that_took_longer_than_its_timeout_and_is_not_done_times_out() {
    check(
        "stage deploy
           acts apply timeout=25s",
        "apply: +40s wait 10s not ready",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            40s apply Failed (Timeout: timed out after 25s; last seen: not ready)
            40s stage deploy Failed (Timeout: step apply: timed out after 25s; last seen: not ready)
            40s ending Failed (Timeout: stage deploy: step apply: timed out after 25s; last seen: not ready)
            40s run Failed
            40s write 2
        "#]],
    );
}

#[test]
fn an_act_that_succeeds_after_its_timeout_succeeds() {
    check(
        "stage deploy
           acts apply timeout=25s",
        "apply: +40s ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            40s apply Succeeded
            40s stage deploy Succeeded
            40s ending Succeeded
            40s run Succeeded
            40s write 2
        "#]],
    );
}

#[test]
fn a_timeout_is_retried_under_the_same_key_and_each_attempt_has_the_whole_time() {
    check(
        "stage deploy
           acts apply timeout=15s retry=1 backoff=5s",
        "apply: wait 10m; wait 10m; wait 10m; wait 10m",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            15s look apply
            15s apply attempt 2 at 20s (Timeout: timed out after 15s)
            15s write 2
            20s claim apply under key 1 (2)
            20s write 3
            20s act apply
            35s look apply
            35s apply Failed (Timeout: timed out after 15s)
            35s stage deploy Failed (Timeout: step apply: timed out after 15s)
            35s ending Failed (Timeout: stage deploy: step apply: timed out after 15s)
            35s run Failed
            35s write 4
        "#]],
    );
}

#[test]
fn a_timeout_keeps_why_the_attempt_before_failed() {
    let driver = run(
        "stage deploy\n acts apply timeout=15s retry=2",
        "apply: away HostAway connection refused; wait 1m; wait 1m; wait 1m; wait 1m",
    );
    let step = &driver.state.stages[0].steps[0];
    expect!["timed out after 15s; last seen: connection refused"].assert_eq(step.message.as_deref().unwrap());
}

#[test]
fn a_step_without_patience_is_still_looked_at_once() {
    check(
        "stage deploy
           reads inspect timeout=0s",
        "inspect: wait 10s",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            0s inspect Failed (Timeout: timed out after 0s)
            0s stage deploy Failed (Timeout: step inspect: timed out after 0s)
            0s ending Failed (Timeout: stage deploy: step inspect: timed out after 0s)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_step_that_asks_to_be_looked_at_at_once_times_out_all_the_same() {
    check(
        "stage deploy
           reads inspect timeout=5s",
        "inspect: wait 5s; wait 0s",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            5s look inspect
            5s inspect Failed (Timeout: timed out after 5s)
            5s stage deploy Failed (Timeout: step inspect: timed out after 5s)
            5s ending Failed (Timeout: stage deploy: step inspect: timed out after 5s)
            5s run Failed
            5s write 2
        "#]],
    );
}

#[test]
fn a_step_that_has_to_act_again_and_again_times_out() {
    check(
        "stage deploy
           acts commit timeout=5s",
        "commit: +2s again 0s; +2s again 0s; +2s again 0s; +2s again 0s; +2s again 0s",
        expect![[r#"
            0s stage deploy starts
            0s claim commit under key 1
            0s write 1
            0s act commit
            2s act commit
            4s act commit
            6s commit Failed (Timeout: timed out after 5s)
            6s stage deploy Failed (Timeout: step commit: timed out after 5s)
            6s ending Failed (Timeout: stage deploy: step commit: timed out after 5s)
            6s run Failed
            6s write 2
        "#]],
    );
}

#[test]
fn a_stage_times_out_with_the_step_under_way() {
    check(
        "stage deploy timeout=25s
           acts apply
           acts verify
         stage notify
           acts post",
        "apply: wait 10m 1 of 3 ready; wait 10m 2 of 3 ready",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s write 2 (progress)
            25s look apply
            25s apply Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: 2 of 3 ready)
            25s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: 2 of 3 ready)
            25s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s; step apply had not ended; last seen: 2 of 3 ready)
            25s stage notify Omitted
            25s run Failed
            25s write 3
        "#]],
    );
}

#[test]
fn what_happened_since_the_last_look_wins_over_the_stages_timeout() {
    check(
        "stage deploy timeout=25s
           reads inspect",
        "inspect: wait 10m not ready; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            0s write 2 (progress)
            25s look inspect
            25s inspect Succeeded
            25s stage deploy Succeeded
            25s ending Succeeded
            25s run Succeeded
            25s write 3
        "#]],
    );
}

#[test]
fn a_step_that_fails_at_its_stages_last_look_is_not_tried_again() {
    check(
        "stage deploy timeout=25s
           acts apply retry=3",
        "apply: wait 10m; away HostAway no answer",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            25s look apply
            25s apply attempt 2 at 26s (HostAway: no answer)
            25s apply Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s run Failed
            25s write 2
        "#]],
    );
}

#[test]
fn a_stage_times_out_while_a_step_waits_for_its_next_attempt() {
    check(
        "stage deploy timeout=25s
           acts apply retry=1 backoff=1m",
        "apply: away HostAway no answer",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 60s (HostAway: no answer)
            0s write 2
            25s apply Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s; step apply had not ended; last seen: no answer)
            25s run Failed
            25s write 3
        "#]],
    );
}

#[test]
fn a_stage_times_out_before_its_next_step_starts() {
    check(
        "stage deploy timeout=25s
           acts apply
           acts verify",
        "apply: +30s ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            30s apply Succeeded
            30s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 25s)
            30s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 25s)
            30s run Failed
            30s write 2
        "#]],
    );
}

#[test]
fn a_stage_whose_last_step_succeeded_has_succeeded_however_late() {
    check(
        "stage deploy timeout=25s
           acts apply",
        "apply: +30s ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            30s apply Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 2
        "#]],
    );
}

#[test]
fn a_step_that_failed_by_itself_says_so_even_when_its_stage_is_late() {
    check(
        "stage deploy timeout=25s
           acts apply",
        "apply: +30s fail Refused",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            30s apply Failed (Refused: it broke)
            30s stage deploy Failed (Refused: step apply: it broke)
            30s ending Failed (Refused: stage deploy: step apply: it broke)
            30s run Failed
            30s write 2
        "#]],
    );
}

#[test]
fn a_run_that_takes_too_long_is_aborted() {
    check(
        "timeout 25s
         stage deploy
           acts apply
         stage notify
           acts post",
        "apply: wait 10s; wait 10s; wait 10s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            10s look apply
            20s look apply
            25s apply Aborted
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s stage notify Omitted
            25s run Aborted
            25s write 2
        "#]],
    );
}

#[test]
fn a_run_that_takes_too_long_says_so_in_its_ending() {
    let driver = run("timeout 25s\n stage deploy\n acts apply", "apply: wait 1h");
    let ending = driver.state.ending.unwrap();
    expect![["RunTimeout: the run took longer than its timeout of 25s"]].assert_eq(&format!(
        "{}: {}",
        ending.reason,
        ending.message.unwrap()
    ));
}

#[test]
fn the_runs_timeout_does_not_cut_the_hooks_of_its_end() {
    check(
        "timeout 25s
         stage deploy
           acts apply
         hook cleanUp on Abortion
           reads drain",
        "apply: wait 1h
         drain: wait 30s; wait 30s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            25s apply Aborted
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook cleanUp starts (Abortion pipeline)
            25s claim cleanUp/drain under key 2
            25s write 2
            25s look cleanUp/drain
            55s look cleanUp/drain
            85s look cleanUp/drain
            85s cleanUp/drain Succeeded
            85s hook cleanUp Succeeded
            85s run Aborted
            85s write 3
        "#]],
    );
}

#[test]
fn a_step_that_acts_without_patience_acts_once() {
    check(
        "stage deploy
           acts apply timeout=0s",
        "apply: wait 10s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Timeout: timed out after 0s)
            0s stage deploy Failed (Timeout: step apply: timed out after 0s)
            0s ending Failed (Timeout: stage deploy: step apply: timed out after 0s)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_stage_without_steps_times_out_in_the_pause_between_two_iterations() {
    check(
        "stage drain until=9 every=10s timeout=15s",
        "",
        expect![[r#"
        0s stage drain starts
        0s stage drain Succeeded
        0s stage drain again at 10s: attempt 1, iteration 2
        0s write 1
        10s stage drain Succeeded
        10s stage drain again at 20s: attempt 1, iteration 3
        10s write 2
        15s stage drain Failed (StageTimeout: the stage took longer than its timeout of 15s)
        15s ending Failed (StageTimeout: stage drain: the stage took longer than its timeout of 15s)
        15s run Failed
        15s write 3
    "#]],
    );
}
