//! Taking effects back when the run is aborted.

use expect_test::expect;

use sluice_engine::UndoPhase;

use crate::support::{at, check, run};

#[test]
fn an_abort_takes_effects_back_before_its_hooks() {
    check(
        "stage deploy
           acts openPr undo
           acts other
           reads merged
         hook clean on Abortion
           acts sweep",
        "merged: wait 100s
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim other under key 2
            0s write 2
            0s act other
            0s other Succeeded
            0s claim merged under key 3
            0s write 3
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 4
            5s undo openPr
            5s openPr undone
            5s hook clean starts (Abortion pipeline)
            5s claim clean/sweep under key 4
            5s write 5
            5s act clean/sweep
            5s clean/sweep Succeeded
            5s hook clean Succeeded
            5s run Aborted
            5s write 6
        "#]],
    );
}

#[test]
fn an_effect_that_cannot_be_taken_back_yet_is_tried_again() {
    check(
        "stage deploy
           acts openPr undo
           reads merged",
        "merged: wait 100s
         abort 5s
         undo openPr: away Busy; flake Busy; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr undo again at 6s (it broke)
            5s write 4
            6s undo openPr
            6s openPr undo again at 8s (it broke)
            6s write 5
            8s undo openPr
            8s openPr undone
            8s run Aborted
            8s write 6
        "#]],
    );
}

#[test]
fn an_effect_that_can_never_be_taken_back_is_told_and_the_run_ends() {
    check(
        "stage deploy
           acts openPr undo
           reads merged",
        "merged: wait 100s
         abort 5s
         undo openPr: fail Forbidden",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr not undone (it broke)
            5s run Aborted
            5s write 4
        "#]],
    );
}

#[test]
fn what_was_never_claimed_is_not_taken_back() {
    check(
        "stage deploy
           reads merged
           acts openPr undo",
        "merged: wait 100s
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim merged under key 1
            0s write 1
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s run Aborted
            5s write 2
        "#]],
    );
}

#[test]
fn a_crash_while_an_effect_is_taken_back_takes_it_back_again() {
    check(
        "stage deploy
           acts openPr undo
           reads merged",
        "merged: wait 100s
         abort 5s
         crash after undo openPr",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s crash
            5s undo openPr
            5s openPr undone
            5s run Aborted
            5s write 4
        "#]],
    );
}

#[test]
fn the_effects_of_a_hook_that_the_abort_ended_are_taken_back_and_those_of_abortion_hooks_are_not() {
    check(
        "stage deploy
           acts apply
         hook tell on Started
           acts child undo
           reads wait
         hook clean on Abortion
           acts sweep undo",
        "wait: wait 100s
         abort 5s",
        expect![[r#"
            0s hook tell starts (Started pipeline)
            0s claim tell/child under key 1
            0s write 1
            0s act tell/child
            0s tell/child Succeeded
            0s claim tell/wait under key 2
            0s write 2
            0s look tell/wait
            5s tell/wait Aborted
            5s hook tell Aborted
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo tell/child
            5s tell/child undone
            5s hook clean starts (Abortion pipeline)
            5s claim clean/sweep under key 3
            5s write 4
            5s act clean/sweep
            5s clean/sweep Succeeded
            5s hook clean Succeeded
            5s stage deploy Omitted
            5s run Aborted
            5s write 5
        "#]],
    );
}

#[test]
fn a_run_that_fails_keeps_its_effects() {
    check(
        "stage deploy
           acts openPr undo
           reads merged",
        "merged: fail Closed",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            0s merged Failed (Closed: it broke)
            0s stage deploy Failed (Closed: step merged: it broke)
            0s ending Failed (Closed: stage deploy: step merged: it broke)
            0s run Failed
            0s write 3
        "#]],
    );
}

#[test]
fn what_cannot_be_taken_back_is_given_up_after_ten_minutes_and_the_hooks_run() {
    check(
        "stage deploy
           acts openPr undo
           reads merged
         hook clean on Abortion
           pure sweep",
        "merged: wait 100s
         abort 5s
         undo openPr: away Busy after=4m; away Busy after=4m; away Busy after=4m; away Busy no answer",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr undo again at 245s (it broke)
            5s write 4
            245s undo openPr
            245s openPr undo again at 485s (it broke)
            245s write 5
            485s undo openPr
            485s openPr undo again at 605s (it broke)
            485s write 6
            605s undo openPr
            605s openPr not undone (no answer)
            605s hook clean starts (Abortion pipeline)
            605s compute clean/sweep
            605s clean/sweep Succeeded
            605s hook clean Succeeded
            605s run Aborted
            605s write 7
        "#]],
    );
}

#[test]
fn effects_are_taken_back_together_and_each_has_its_own_retries() {
    check(
        "stage deploy parallel
           acts one undo
           acts two undo
           acts three undo
           reads wait",
        "wait: wait 100s
         abort 5s
         undo one: +3s ok
         undo two: away Busy; ok
         undo three: +1s fail Forbidden",
        expect![[r#"
            0s stage deploy starts
            0s claim one under key 1
            0s claim two under key 2
            0s claim three under key 3
            0s claim wait under key 4
            0s write 1
            0s act one
            0s act two
            0s act three
            0s look wait
            0s one Succeeded
            0s two Succeeded
            0s three Succeeded
            0s write 2
            5s wait Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo one
            5s undo two
            5s undo three
            5s two undo again at 6s (it broke)
            5s write 4
            6s three not undone (it broke)
            6s write 5
            6s undo two
            6s two undone
            6s write 6
            8s one undone
            8s run Aborted
            8s write 7
        "#]],
    );
}

#[test]
fn an_effect_of_which_nothing_is_known_is_taken_back_too() {
    check(
        "stage deploy
           acts openPr undo retry=1 backoff=1m",
        "openPr: away Reset
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr attempt 2 at 60s (Reset: it broke)
            0s write 2
            5s openPr Aborted (Reset: it broke)
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr undone
            5s run Aborted
            5s write 4
        "#]],
    );
}

#[test]
fn an_effect_of_which_nothing_is_known_is_taken_back_before_a_retry_which_makes_a_new_one() {
    check(
        "stage deploy retry=1 backoff=1m
           acts openPr undo",
        "openPr: away Reset",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Failed (Reset: it broke)
            0s stage deploy Failed (Reset: step openPr: it broke)
            0s write 2
            0s undo openPr
            0s openPr undone
            0s stage deploy again at 60s: attempt 2, iteration 1
            0s write 3
            60s claim openPr under key 2
            60s write 4
            60s act openPr
            60s openPr Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 5
        "#]],
    );
}

#[test]
fn what_was_taken_back_before_a_retry_is_not_taken_back_again_by_an_abort() {
    check(
        "stage deploy retry=1
           acts one undo
           acts two undo
           acts apply",
        "apply: fail Refused
         undo two: away Busy after=30s; ok
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim one under key 1
            0s write 1
            0s act one
            0s one Succeeded
            0s claim two under key 2
            0s write 2
            0s act two
            0s two Succeeded
            0s claim apply under key 3
            0s write 3
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s write 4
            0s undo one
            0s undo two
            0s one undone
            0s two undo again at 30s (it broke)
            0s write 5
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 6
            5s undo two
            5s two undone
            5s run Aborted
            5s write 7
        "#]],
    );
}

#[test]
fn a_stage_is_not_tried_again_beside_what_could_not_be_taken_back() {
    check(
        "stage deploy retry=1
           acts openPr undo
           acts apply",
        "apply: fail Refused
         undo openPr: fail Forbidden",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s write 3
            0s undo openPr
            0s openPr not undone (it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke; it is not tried again, because the effect of step openPr could not be taken back: it broke)
            0s run Failed
            0s write 4
        "#]],
    );
}

#[test]
fn the_effects_of_a_stage_that_is_not_tried_again_stay() {
    check(
        "stage deploy retry=1
           acts openPr undo
           acts apply",
        "retry stages when transient
         apply: fail Refused",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke)
            0s run Failed
            0s write 3
        "#]],
    );
}

#[test]
fn effects_of_stages_that_ended_long_ago_are_taken_back_with_those_of_the_newest_attempt() {
    check(
        "stage build
           acts child undo
         stage deploy retry=1
           acts openPr undo
           reads merged",
        "merged: fail Closed; wait 1h
         abort 30s",
        expect![[r#"
            0s stage build starts
            0s claim child under key 1
            0s write 1
            0s act child
            0s child Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim openPr under key 2
            0s write 2
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 3
            0s write 3
            0s look merged
            0s merged Failed (Closed: it broke)
            0s stage deploy Failed (Closed: step merged: it broke)
            0s write 4
            0s undo openPr
            0s openPr undone
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 5
            1s claim openPr under key 4
            1s write 6
            1s act openPr
            1s openPr Succeeded
            1s claim merged under key 5
            1s write 7
            1s look merged
            30s merged Aborted
            30s stage deploy Aborted (Aborted: alice asked for it)
            30s ending Aborted (Aborted: alice asked for it)
            30s write 8
            30s undo child
            30s undo openPr
            30s child undone
            30s openPr undone
            30s run Aborted
            30s write 9
        "#]],
    );
}

#[test]
fn a_crash_before_the_retry_of_taking_back_waits_for_its_time() {
    check(
        "stage deploy
           acts openPr undo
           reads merged",
        "merged: wait 100s
         abort 5s
         undo openPr: away Busy after=10s; ok
         crash after write 4",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr undo again at 15s (it broke)
            5s write 4
            5s crash
            15s undo openPr
            15s openPr undone
            15s run Aborted
            15s write 5
        "#]],
    );
}

#[test]
fn the_runs_timeout_takes_effects_back() {
    check(
        "timeout 25s
         stage deploy
           acts openPr undo
           reads merged",
        "merged: wait 100s",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            25s merged Aborted
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s write 3
            25s undo openPr
            25s openPr undone
            25s run Aborted
            25s write 4
        "#]],
    );
}

#[test]
fn what_a_late_stage_left_is_taken_back_while_it_can_still_be_found() {
    check(
        "stage deploy timeout=10s retry=1 backoff=1m
           reads version
           acts child undo",
        "child: wait 1h; wait 1h; ok
         undo child: wait 1s it is ending; ok
         abort 90s",
        expect![[r#"
            0s stage deploy starts
            0s claim version under key 1
            0s write 1
            0s look version
            0s version Succeeded
            0s claim child under key 2
            0s write 2
            0s act child
            10s look child
            10s child Failed (StageTimeout: the stage took longer than its timeout of 10s; step child had not ended)
            10s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 10s; step child had not ended)
            10s write 3
            10s undo child
            10s child undo again at 11s (it is ending)
            10s write 4
            11s undo child
            11s child undone
            11s stage deploy again at 71s: attempt 2, iteration 1
            11s write 5
            71s claim version under key 3
            71s write 6
            71s look version
            71s version Succeeded
            71s claim child under key 4
            71s write 7
            71s act child
            71s child Succeeded
            71s stage deploy Succeeded
            71s ending Succeeded
            71s run Succeeded
            71s write 8
        "#]],
    );
}

#[test]
fn an_abort_tries_again_what_could_not_be_taken_back_before_a_retry() {
    check(
        "stage left retry=1
           acts openPr undo
           acts apply
         stage right needs=
           reads merged",
        "apply: fail Refused
         merged: wait 1h
         undo openPr: fail Forbidden; ok
         abort 5s",
        expect![[r#"
            0s stage left starts
            0s claim openPr under key 1
            0s stage right starts
            0s claim merged under key 2
            0s write 1
            0s act openPr
            0s look merged
            0s openPr Succeeded
            0s claim apply under key 3
            0s write 2
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage left Failed (Refused: step apply: it broke)
            0s write 3
            0s undo openPr
            0s openPr not undone (it broke)
            0s write 4
            5s merged Aborted
            5s stage right Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 5
            5s undo openPr
            5s openPr undone
            5s run Aborted
            5s write 6
        "#]],
    );
}

#[test]
fn what_is_ending_is_awaited_for_half_an_hour_and_is_no_failure() {
    let hour = ["wait 1s it is ending"; 1000].join("; ");
    let driver = run(
        "stage deploy
           acts child undo
           reads merged",
        &format!("merged: wait 1h\n undo child: {hour}\n abort 5s"),
    );
    let undo = driver.state.stages[0].steps[0].undo.clone().unwrap();
    assert_eq!((undo.phase, undo.attempt, undo.failing_since), (UndoPhase::Failed, 1, None));
    assert_eq!(undo.message.as_deref(), Some("it is ending"));
    assert_eq!(driver.state.finished_at, Some(at(5 + 30 * 60)));
}

#[test]
fn a_failure_late_in_a_long_wait_is_tried_for_its_own_time() {
    check(
        "stage deploy
           acts child undo
           reads merged",
        "merged: wait 1h
         undo child: +19m wait 1s it is ending; away Busy; away Busy; ok
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim child under key 1
            0s write 1
            0s act child
            0s child Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo child
            1145s child undo again at 1155s (it is ending)
            1145s write 4
            1155s undo child
            1155s child undo again at 1156s (it broke)
            1155s write 5
            1156s undo child
            1156s child undo again at 1158s (it broke)
            1156s write 6
            1158s undo child
            1158s child undone
            1158s run Aborted
            1158s write 7
        "#]],
    );
}
