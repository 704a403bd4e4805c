//! What a person has done again after it failed, or after it succeeded.

use std::collections::BTreeSet;

use expect_test::expect;

use crate::support::{check, driver, run};

#[test]
fn a_failed_run_goes_on_from_the_step_that_failed_and_keeps_what_succeeded() {
    check(
        "stage build
           acts compile
         stage deploy
           acts a
           acts b
           acts c
         stage tell
           acts post",
        r#"a: ok {"url": "x"}
           b: fail Refused; ok
           ask 10s Retry by=bob reason=fixed"#,
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s write 2
            0s act a
            0s a Succeeded
            0s claim b under key 3
            0s write 3
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s ending Failed (Refused: stage deploy: step b: it broke)
            0s stage tell Omitted
            0s run Failed
            0s write 4
            10s bob asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage tell is to be done again: attempt 1
            10s stage deploy starts
            10s claim b under key 4
            10s write 5
            10s act b
            10s b Succeeded
            10s claim c under key 5
            10s write 6
            10s act c
            10s c Succeeded
            10s stage deploy Succeeded
            10s stage tell starts
            10s claim post under key 6
            10s write 7
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 8
        "#]],
    );
}

#[test]
fn outputs_of_what_is_kept_stay() {
    let driver = run(
        "stage deploy
           acts a
           acts b",
        r#"a: ok {"url": "x"}
           b: fail Refused; ok
           ask 10s Retry"#,
    );
    let step = &driver.state.stages[0].steps[0];
    assert_eq!((step.outputs["url"].as_str(), step.kept, step.epoch), (Some("x"), true, 1));
    let step = &driver.state.stages[0].steps[1];
    assert_eq!((step.kept, step.epoch), (false, 2));
}

#[test]
fn hooks_of_the_run_run_once_in_each_round_and_those_of_what_is_kept_do_not_run_again() {
    check(
        "stage build
           acts compile
         stage deploy
           acts a
           acts b
         hook run on Started,Success,Failure
           acts tellRun
         hook stage on Started,Success,Failure for stage/deploy
           acts tellStage
         hook kept on Started,Success for step/a
           acts tellA
         hook built on Started,Success for stage/build
           acts tellBuild",
        "b: fail Refused; ok
         ask 10s Retry",
        expect![[r#"
            0s hook run starts (Started pipeline)
            0s claim run/tellRun under key 1
            0s write 1
            0s act run/tellRun
            0s run/tellRun Succeeded
            0s hook run Succeeded
            0s stage build starts
            0s hook built starts (Started stage/build)
            0s claim built/tellBuild under key 2
            0s write 2
            0s act built/tellBuild
            0s built/tellBuild Succeeded
            0s hook built Succeeded
            0s claim compile under key 3
            0s write 3
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s hook built starts (Success stage/build)
            0s claim built/tellBuild under key 4
            0s write 4
            0s act built/tellBuild
            0s built/tellBuild Succeeded
            0s hook built Succeeded
            0s stage deploy starts
            0s hook stage starts (Started stage/deploy)
            0s claim stage/tellStage under key 5
            0s write 5
            0s act stage/tellStage
            0s stage/tellStage Succeeded
            0s hook stage Succeeded
            0s hook kept starts (Started step/a)
            0s claim kept/tellA under key 6
            0s write 6
            0s act kept/tellA
            0s kept/tellA Succeeded
            0s hook kept Succeeded
            0s claim a under key 7
            0s write 7
            0s act a
            0s a Succeeded
            0s hook kept starts (Success step/a)
            0s claim kept/tellA under key 8
            0s write 8
            0s act kept/tellA
            0s kept/tellA Succeeded
            0s hook kept Succeeded
            0s claim b under key 9
            0s write 9
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s hook stage starts (Failure stage/deploy)
            0s claim stage/tellStage under key 10
            0s write 10
            0s act stage/tellStage
            0s stage/tellStage Succeeded
            0s hook stage Succeeded
            0s ending Failed (Refused: stage deploy: step b: it broke)
            0s hook run starts (Failure pipeline)
            0s claim run/tellRun under key 11
            0s write 11
            0s act run/tellRun
            0s run/tellRun Succeeded
            0s hook run Succeeded
            0s run Failed
            0s write 12
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s hook run starts (Started pipeline)
            10s claim run/tellRun under key 12
            10s write 13
            10s act run/tellRun
            10s run/tellRun Succeeded
            10s hook run Succeeded
            10s stage deploy starts
            10s hook stage starts (Started stage/deploy)
            10s claim stage/tellStage under key 13
            10s write 14
            10s act stage/tellStage
            10s stage/tellStage Succeeded
            10s hook stage Succeeded
            10s claim b under key 14
            10s write 15
            10s act b
            10s b Succeeded
            10s stage deploy Succeeded
            10s hook stage starts (Success stage/deploy)
            10s claim stage/tellStage under key 15
            10s write 16
            10s act stage/tellStage
            10s stage/tellStage Succeeded
            10s hook stage Succeeded
            10s ending Succeeded
            10s hook run starts (Success pipeline)
            10s claim run/tellRun under key 16
            10s write 17
            10s act run/tellRun
            10s run/tellRun Succeeded
            10s hook run Succeeded
            10s run Succeeded
            10s write 18
        "#]],
    );
}

#[test]
fn after_a_known_end_the_key_is_new_and_after_an_unknown_one_it_is_the_same() {
    check(
        "stage known
           acts a
         stage unknown needs=
           acts b
         stage late needs= timeout=20s
           acts c
         stage unresolved needs=
           acts d",
        "a: fail Refused; ok
         b: away Away; ok
         c: wait 60s; wait 60s; ok
         d: lost Gone; ok
         ask 30s Retry",
        expect![[r#"
            0s stage known starts
            0s claim a under key 1
            0s stage unknown starts
            0s claim b under key 2
            0s stage late starts
            0s claim c under key 3
            0s stage unresolved starts
            0s claim d under key 4
            0s write 1
            0s act a
            0s act b
            0s act c
            0s act d
            0s a Failed (Refused: it broke)
            0s b Failed (Away: it broke)
            0s d Unknown (Gone: it broke)
            0s stage known Failed (Refused: step a: it broke)
            0s stage unknown Failed (Away: step b: it broke)
            0s stage unresolved Failed (Gone: step d: it broke)
            0s write 2
            20s look c
            20s c Failed (StageTimeout: the stage took longer than its timeout of 20s; step c had not ended)
            20s stage late Failed (StageTimeout: the stage took longer than its timeout of 20s; step c had not ended)
            20s ending Failed (Refused: stage known: step a: it broke)
            20s run Failed
            20s write 3
            30s ada asks for Retry
            30s action 0 Applied
            30s round 2
            30s stage known is to be done again: attempt 2
            30s stage unknown is to be done again: attempt 2
            30s stage late is to be done again: attempt 2
            30s stage unresolved is to be done again: attempt 2
            30s stage known starts
            30s claim a under key 5
            30s stage unknown starts
            30s claim b under key 2 (2)
            30s stage late starts
            30s claim c under key 3 (2)
            30s stage unresolved starts
            30s claim d under key 6
            30s write 4
            30s act a
            30s act b
            30s act c
            30s act d
            30s a Succeeded
            30s b Succeeded
            30s c Succeeded
            30s d Succeeded
            30s stage known Succeeded
            30s stage unknown Succeeded
            30s stage late Succeeded
            30s stage unresolved Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 5
        "#]],
    );
}

#[test]
fn an_unknown_effect_is_looked_for_even_when_a_round_ended_before_its_step_began() {
    check(
        "stage deploy
           acts a
           acts b retry=0",
        "b: away Away; ok
         ask 10s Pause
         ask 20s Retry
         ask 20s Pause
         ask 20s Abort
         ask 30s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s claim b under key 2
            0s write 2
            0s act b
            0s b Failed (Away: it broke)
            0s stage deploy Failed (Away: step b: it broke)
            0s ending Failed (Away: stage deploy: step b: it broke)
            0s run Failed
            0s write 3
            10s ada asks for Pause
            10s action 0 Ignored (the run's result was decided before)
            10s write 4
            20s ada asks for Retry
            20s ada asks for Pause
            20s ada asks for Abort
            20s action 1 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s action 2 Applied
            20s paused by ada
            20s action 3 Applied
            20s ending Aborted (Aborted: aborted by ada)
            20s not paused
            20s stage deploy Omitted
            20s run Aborted
            20s write 5
            30s ada asks for Retry
            30s action 4 Applied
            30s round 3
            30s stage deploy is to be done again: attempt 2
            30s stage deploy starts
            30s claim b under key 2 (2)
            30s write 6
            30s act b
            30s b Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 7
        "#]],
    );
}

#[test]
fn what_an_abort_took_back_is_done_anew_and_what_it_kept_is_kept() {
    check(
        "stage build
           acts openPr undo
           acts compile
         stage deploy
           acts a undo
           acts b",
        "b: wait 60s; ok
         ask 10s Abort
         ask 20s Retry",
        expect![[r#"
            0s stage build starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim compile under key 2
            0s write 2
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 3
            0s write 3
            0s act a
            0s a Succeeded
            0s claim b under key 4
            0s write 4
            0s act b
            10s ada asks for Abort
            10s action 0 Applied
            10s b Aborted
            10s stage deploy Aborted (Aborted: aborted by ada)
            10s ending Aborted (Aborted: aborted by ada)
            10s write 5
            10s undo openPr
            10s undo a
            10s openPr undone
            10s a undone
            10s run Aborted
            10s write 6
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage build is to be done again: attempt 2
            20s stage deploy is to be done again: attempt 2
            20s stage build starts
            20s claim openPr under key 5
            20s write 7
            20s act openPr
            20s openPr Succeeded
            20s stage build Succeeded
            20s stage deploy starts
            20s claim a under key 6
            20s write 8
            20s act a
            20s a Succeeded
            20s claim b under key 4 (2)
            20s write 9
            20s act b
            20s b Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 10
        "#]],
    );
}

#[test]
fn what_an_abort_could_not_take_back_is_looked_for_or_kept() {
    check(
        "stage build
           acts openPr undo
         stage deploy
           acts a undo",
        "a: wait 60s; ok
         undo openPr: fail Forbidden
         undo a: fail Forbidden
         ask 10s Abort
         ask 20s Retry",
        expect![[r#"
            0s stage build starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s write 2
            0s act a
            10s ada asks for Abort
            10s action 0 Applied
            10s a Aborted
            10s stage deploy Aborted (Aborted: aborted by ada)
            10s ending Aborted (Aborted: aborted by ada)
            10s write 3
            10s undo openPr
            10s undo a
            10s openPr not undone (it broke)
            10s a not undone (it broke)
            10s run Aborted
            10s write 4
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s stage deploy starts
            20s claim a under key 2 (2)
            20s write 5
            20s act a
            20s a Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn a_step_that_was_aborted_is_looked_for_under_its_key() {
    check(
        "stage deploy
           acts a",
        "a: wait 60s; ok
         ask 10s Abort
         ask 20s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Abort
            10s action 0 Applied
            10s a Aborted
            10s stage deploy Aborted (Aborted: aborted by ada)
            10s ending Aborted (Aborted: aborted by ada)
            10s run Aborted
            10s write 2
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s stage deploy starts
            20s claim a under key 1 (2)
            20s write 3
            20s act a
            20s a Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 4
        "#]],
    );
}

#[test]
fn a_named_stage_that_succeeded_is_done_again_whole_with_all_that_needs_it() {
    check(
        "stage build
           acts compile
         stage deploy needs=build
           acts a
         stage docs needs=build
           acts publish
         stage tell needs=deploy
           acts post",
        "ask 10s Retry deploy",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s stage docs starts
            0s claim publish under key 3
            0s write 2
            0s act a
            0s act publish
            0s a Succeeded
            0s publish Succeeded
            0s stage deploy Succeeded
            0s stage docs Succeeded
            0s stage tell starts
            0s claim post under key 4
            0s write 3
            0s act post
            0s post Succeeded
            0s stage tell Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 4
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage tell is to be done again: attempt 2
            10s stage deploy starts
            10s claim a under key 5
            10s write 5
            10s act a
            10s a Succeeded
            10s stage deploy Succeeded
            10s stage tell starts
            10s claim post under key 6
            10s write 6
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 7
        "#]],
    );
}

#[test]
fn a_named_stage_that_failed_goes_on_from_its_failed_step() {
    check(
        "stage deploy
           acts a
           acts b
         stage docs needs=
           acts publish",
        "b: fail Refused; ok
         publish: fail Refused; ok
         ask 10s Retry deploy",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s stage docs starts
            0s claim publish under key 2
            0s write 1
            0s act a
            0s act publish
            0s a Succeeded
            0s publish Failed (Refused: it broke)
            0s claim b under key 3
            0s stage docs Failed (Refused: step publish: it broke)
            0s write 2
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s ending Failed (Refused: stage deploy: step b: it broke)
            0s run Failed
            0s write 3
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage docs is to be done again: attempt 2
            10s stage deploy starts
            10s claim b under key 4
            10s stage docs starts
            10s claim publish under key 5
            10s write 4
            10s act b
            10s act publish
            10s b Succeeded
            10s publish Succeeded
            10s stage deploy Succeeded
            10s stage docs Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 5
        "#]],
    );
}

#[test]
fn a_named_step_is_done_again_with_all_behind_it() {
    check(
        "stage deploy
           acts a
           acts b
           acts c
         stage tell
           acts post",
        "post: fail Refused; ok
         ask 10s Retry deploy step=b",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s claim b under key 2
            0s write 2
            0s act b
            0s b Succeeded
            0s claim c under key 3
            0s write 3
            0s act c
            0s c Succeeded
            0s stage deploy Succeeded
            0s stage tell starts
            0s claim post under key 4
            0s write 4
            0s act post
            0s post Failed (Refused: it broke)
            0s stage tell Failed (Refused: step post: it broke)
            0s ending Failed (Refused: stage tell: step post: it broke)
            0s run Failed
            0s write 5
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage tell is to be done again: attempt 2
            10s stage deploy starts
            10s claim b under key 5
            10s write 6
            10s act b
            10s b Succeeded
            10s claim c under key 6
            10s write 7
            10s act c
            10s c Succeeded
            10s stage deploy Succeeded
            10s stage tell starts
            10s claim post under key 7
            10s write 8
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 9
        "#]],
    );
}

#[test]
fn what_is_behind_a_named_stage_is_done_again_whole_although_some_of_it_succeeded() {
    check(
        "stage build
           acts compile
         stage deploy
           acts a
           acts b",
        "b: fail Refused; ok
         ask 10s Retry build",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s write 2
            0s act a
            0s a Succeeded
            0s claim b under key 3
            0s write 3
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s ending Failed (Refused: stage deploy: step b: it broke)
            0s run Failed
            0s write 4
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage build is to be done again: attempt 2
            10s stage deploy is to be done again: attempt 2
            10s stage build starts
            10s claim compile under key 4
            10s write 5
            10s act compile
            10s compile Succeeded
            10s stage build Succeeded
            10s stage deploy starts
            10s claim a under key 5
            10s write 6
            10s act a
            10s a Succeeded
            10s claim b under key 6
            10s write 7
            10s act b
            10s b Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 8
        "#]],
    );
}

#[test]
fn one_step_of_a_parallel_stage_is_done_again_alone() {
    check(
        "stage deploy parallel
           acts a
           acts b
           acts c",
        "c: fail Refused; ok
         ask 10s Retry deploy step=b",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s claim b under key 2
            0s claim c under key 3
            0s write 1
            0s act a
            0s act b
            0s act c
            0s a Succeeded
            0s b Succeeded
            0s c Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step c: it broke)
            0s ending Failed (Refused: stage deploy: step c: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage deploy starts
            10s claim b under key 4
            10s claim c under key 5
            10s write 3
            10s act b
            10s act c
            10s b Succeeded
            10s c Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_parallel_stage_keeps_the_steps_that_succeeded() {
    check(
        "stage deploy parallel
           acts a
           acts b",
        "a: fail Refused; ok
         ask 10s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a Failed (Refused: it broke)
            0s b Succeeded
            0s stage deploy Failed (Refused: step a: it broke)
            0s ending Failed (Refused: stage deploy: step a: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage deploy starts
            10s claim a under key 3
            10s write 3
            10s act a
            10s a Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn an_item_is_done_again_alone_and_what_needs_its_stage_is_listed_anew() {
    check(
        "stage roll each=eu,us
           acts apply
         stage check each=a,b
           acts probe",
        "ask 10s Retry roll item=us",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s stage roll[us] starts
            0s claim us/apply under key 2
            0s write 1
            0s act eu/apply
            0s act us/apply
            0s eu/apply Succeeded
            0s us/apply Succeeded
            0s stage roll[eu] Succeeded
            0s stage roll[us] Succeeded
            0s stage check starts
            0s stage check[a] is listed
            0s stage check[b] is listed
            0s stage check[a] starts
            0s claim a/probe under key 3
            0s stage check[b] starts
            0s claim b/probe under key 4
            0s write 2
            0s act a/probe
            0s act b/probe
            0s a/probe Succeeded
            0s b/probe Succeeded
            0s stage check[a] Succeeded
            0s stage check[b] Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 3
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage roll[us] is to be done again: attempt 2
            10s stage roll[us] starts
            10s claim us/apply under key 5
            10s write 4
            10s act us/apply
            10s us/apply Succeeded
            10s stage roll[us] Succeeded
            10s stage check starts
            10s stage check[a] is listed
            10s stage check[b] is listed
            10s stage check[a] starts
            10s claim a/probe under key 6
            10s stage check[b] starts
            10s claim b/probe under key 7
            10s write 5
            10s act a/probe
            10s act b/probe
            10s a/probe Succeeded
            10s b/probe Succeeded
            10s stage check[a] Succeeded
            10s stage check[b] Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 6
        "#]],
    );
}

#[test]
fn items_that_failed_are_done_again_and_those_that_succeeded_are_kept() {
    check(
        "stage roll each=eu,us,ap max=2
           acts apply",
        "apply: ok; fail Refused; ok
         ask 10s Retry",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[ap] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s stage roll[us] starts
            0s claim us/apply under key 2
            0s write 1
            0s act eu/apply
            0s act us/apply
            0s eu/apply Succeeded
            0s us/apply Failed (Refused: it broke)
            0s stage roll[eu] Succeeded
            0s stage roll[us] Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage roll[us]: step apply: it broke)
            0s stage roll[ap] Omitted
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage roll[us] is to be done again: attempt 2
            10s stage roll[ap] is to be done again: attempt 1
            10s stage roll[us] starts
            10s claim us/apply under key 3
            10s stage roll[ap] starts
            10s claim ap/apply under key 4
            10s write 3
            10s act us/apply
            10s act ap/apply
            10s us/apply Succeeded
            10s ap/apply Succeeded
            10s stage roll[us] Succeeded
            10s stage roll[ap] Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_list_that_failed_is_evaluated_again_and_so_is_a_condition() {
    check(
        "stage roll each=error
           acts apply
         stage live needs= when=error
           acts probe",
        "ask 10s Retry",
        expect![[r#"
            0s stage roll starts
            0s stage roll Failed (ListFailed: no such key: regions)
            0s ending Failed (ListFailed: stage roll: no such key: regions)
            0s stage live Omitted
            0s run Failed
            0s write 1
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage roll is to be done again: attempt 2
            10s stage live is to be done again: attempt 1
            10s stage roll starts
            10s stage roll Failed (ListFailed: no such key: regions)
            10s ending Failed (ListFailed: stage roll: no such key: regions)
            10s stage live Omitted
            10s run Failed
            10s write 2
        "#]],
    );
}

#[test]
fn a_rejected_stage_is_asked_for_again() {
    check(
        "stage live approve=1
           acts apply",
        "ask 10s Reject live reason=friday
         ask 20s Retry
         ask 30s Approve live",
        expect![[r#"
            0s stage live awaits 1 in attempt 1
            0s write 1
            10s ada asks for Reject
            10s action 0 Applied
            10s stage live Failed (Rejected: rejected by ada: friday)
            10s ending Failed (Rejected: stage live: rejected by ada: friday)
            10s run Failed
            10s write 2
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage live is to be done again: attempt 2
            20s stage live awaits 1 in attempt 2
            20s write 3
            30s ada asks for Approve
            30s action 2 Applied
            30s stage live starts
            30s claim apply under key 1
            30s write 4
            30s act apply
            30s apply Succeeded
            30s stage live Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 5
        "#]],
    );
}

#[test]
fn a_loop_goes_on_in_the_iteration_that_failed() {
    check(
        "stage drain until=3
           acts count",
        "count: ok; fail Refused; ok; ok
         ask 10s Retry",
        expect![[r#"
            0s stage drain starts
            0s claim count under key 1
            0s write 1
            0s act count
            0s count Succeeded
            0s stage drain Succeeded
            0s stage drain again at 0s: attempt 1, iteration 2
            0s claim count under key 2
            0s write 2
            0s act count
            0s count Failed (Refused: it broke)
            0s stage drain Failed (Refused: step count: it broke)
            0s ending Failed (Refused: stage drain: step count: it broke)
            0s run Failed
            0s write 3
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage drain is to be done again: attempt 2
            10s stage drain starts
            10s claim count under key 3
            10s write 4
            10s act count
            10s count Succeeded
            10s stage drain Succeeded
            10s stage drain again at 10s: attempt 2, iteration 3
            10s claim count under key 4
            10s write 5
            10s act count
            10s count Succeeded
            10s stage drain Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 6
        "#]],
    );
}

#[test]
fn a_loop_that_came_to_its_limit_has_as_many_iterations_again() {
    check(
        "stage drain until=9 limit=2
           acts count",
        "ask 10s Retry",
        expect![[r#"
            0s stage drain starts
            0s claim count under key 1
            0s write 1
            0s act count
            0s count Succeeded
            0s stage drain Succeeded
            0s stage drain again at 0s: attempt 1, iteration 2
            0s claim count under key 2
            0s write 2
            0s act count
            0s count Succeeded
            0s stage drain Failed (LoopLimit: its condition `until` is false after 2 iterations, the limit)
            0s ending Failed (LoopLimit: stage drain: its condition `until` is false after 2 iterations, the limit)
            0s run Failed
            0s write 3
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage drain is to be done again: attempt 2
            10s stage drain starts
            10s claim count under key 3
            10s write 4
            10s act count
            10s count Succeeded
            10s stage drain Succeeded
            10s stage drain again at 10s: attempt 2, iteration 2
            10s claim count under key 4
            10s write 5
            10s act count
            10s count Succeeded
            10s stage drain Failed (LoopLimit: its condition `until` is false after 2 iterations, the limit)
            10s ending Failed (LoopLimit: stage drain: its condition `until` is false after 2 iterations, the limit)
            10s run Failed
            10s write 6
        "#]],
    );
}

#[test]
fn a_loop_that_succeeded_begins_with_its_first_iteration_again() {
    check(
        "stage drain until=2
           pure count",
        "ask 10s Retry drain",
        expect![[r#"
            0s stage drain starts
            0s compute count
            0s count Succeeded
            0s stage drain Succeeded
            0s stage drain again at 0s: attempt 1, iteration 2
            0s compute count
            0s count Succeeded
            0s stage drain Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 1
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage drain is to be done again: attempt 2
            10s stage drain starts
            10s compute count
            10s count Succeeded
            10s stage drain Succeeded
            10s stage drain again at 10s: attempt 2, iteration 2
            10s compute count
            10s count Succeeded
            10s stage drain Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 2
        "#]],
    );
}

#[test]
fn a_stage_that_was_late_has_its_whole_time_again() {
    check(
        "stage deploy timeout=20s
           acts a
           acts b",
        "a: wait 15s; ok
         b: wait 15s; wait 15s; ok
         ask 30s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            15s look a
            15s a Succeeded
            15s claim b under key 2
            15s write 2
            15s act b
            20s look b
            20s b Failed (StageTimeout: the stage took longer than its timeout of 20s; step b had not ended)
            20s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 20s; step b had not ended)
            20s ending Failed (StageTimeout: stage deploy: the stage took longer than its timeout of 20s; step b had not ended)
            20s run Failed
            20s write 3
            30s ada asks for Retry
            30s action 0 Applied
            30s round 2
            30s stage deploy is to be done again: attempt 2
            30s stage deploy starts
            30s claim b under key 2 (2)
            30s write 4
            30s act b
            30s b Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 5
        "#]],
    );
}

#[test]
fn each_round_has_the_time_of_a_run() {
    check(
        "timeout 20s
         stage deploy
           acts a",
        "a: wait 30s; wait 15s; ok
         ask 100s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            20s a Aborted
            20s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 20s)
            20s ending Aborted (RunTimeout: the run took longer than its timeout of 20s)
            20s run Aborted
            20s write 2
            100s ada asks for Retry
            100s action 0 Applied
            100s round 2
            100s stage deploy is to be done again: attempt 2
            100s stage deploy starts
            100s claim a under key 1 (2)
            100s write 3
            100s act a
            115s look a
            115s a Succeeded
            115s stage deploy Succeeded
            115s ending Succeeded
            115s run Succeeded
            115s write 4
        "#]],
    );
}

#[test]
fn outputs_that_could_not_be_computed_are_computed_again() {
    check(
        "outputs
         stage deploy
           acts a",
        "outputs: fail NoSuchKey; ok
         ask 10s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s stage deploy Succeeded
            0s ending Failed (OutputsFailed: the outputs of the run cannot be computed: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn a_retry_waits_until_the_hooks_of_the_failed_round_have_ended() {
    check(
        "stage deploy
           acts a
         hook warn on Failure
           acts mail",
        "a: fail Refused; ok
         mail: wait 30s; ok
         ask 10s Retry
         ask 10s Pause
         ask 60s Resume
         crash after write 3",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s ending Failed (Refused: stage deploy: step a: it broke)
            0s hook warn starts (Failure pipeline)
            0s claim warn/mail under key 2
            0s write 2
            0s act warn/mail
            10s ada asks for Retry
            10s ada asks for Pause
            30s look warn/mail
            30s warn/mail Succeeded
            30s hook warn Succeeded
            30s run Failed
            30s action 0 Applied
            30s round 2
            30s stage deploy is to be done again: attempt 2
            30s action 1 Applied
            30s paused by ada
            30s write 3
            30s crash
            60s ada asks for Resume
            60s action 2 Applied
            60s not paused
            60s stage deploy starts
            60s claim a under key 3
            60s write 4
            60s act a
            60s a Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 5
        "#]],
    );
}

#[test]
fn a_retry_waits_until_the_hooks_of_the_failed_stage_have_ended() {
    check(
        "stage deploy
           acts a
         stage docs needs=
           acts publish
         hook warn on Failure for stage/deploy
           acts mail",
        "a: wait 10s; fail Refused; ok
         publish: wait 60s; ok
         mail: wait 20s; ok
         ask 15s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s stage docs starts
            0s claim publish under key 2
            0s write 1
            0s act a
            0s act publish
            10s look a
            10s a Failed (Refused: it broke)
            10s stage deploy Failed (Refused: step a: it broke)
            10s hook warn starts (Failure stage/deploy)
            10s claim warn/mail under key 3
            10s write 2
            10s act warn/mail
            15s ada asks for Retry
            30s look warn/mail
            30s warn/mail Succeeded
            30s hook warn Succeeded
            30s action 0 Applied
            30s stage deploy is to be done again: attempt 2
            30s stage deploy starts
            30s claim a under key 4
            30s write 3
            30s act a
            30s a Succeeded
            30s stage deploy Succeeded
            30s write 4
            60s look publish
            60s publish Succeeded
            60s stage docs Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 5
        "#]],
    );
}

#[test]
fn a_stage_is_done_again_while_another_goes_on() {
    check(
        "stage deploy
           acts a
           acts b
         stage docs needs=
           acts publish",
        "b: fail Refused; ok
         publish: wait 60s; ok
         ask 10s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s stage docs starts
            0s claim publish under key 2
            0s write 1
            0s act a
            0s act publish
            0s a Succeeded
            0s claim b under key 3
            0s write 2
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s write 3
            10s ada asks for Retry
            10s action 0 Applied
            10s stage deploy is to be done again: attempt 2
            10s stage deploy starts
            10s claim b under key 4
            10s write 4
            10s act b
            10s b Succeeded
            10s stage deploy Succeeded
            10s write 5
            60s look publish
            60s publish Succeeded
            60s stage docs Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 6
        "#]],
    );
}

#[test]
fn what_needs_a_stage_and_is_under_way_keeps_it_from_being_done_again() {
    check(
        "stage build
           acts compile
         stage deploy
           acts a
         stage tell
           acts post",
        "a: wait 60s; ok
         ask 10s Retry build
         ask 20s Retry tell
         ask 30s Retry deploy",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s write 2
            0s act a
            10s ada asks for Retry
            10s action 0 Ignored (stage deploy, which needs it, is under way)
            10s write 3
            20s ada asks for Retry
            20s action 1 Ignored (stage tell has not ended)
            20s write 4
            30s ada asks for Retry
            30s action 2 Ignored (stage deploy has not ended)
            30s write 5
            60s look a
            60s a Succeeded
            60s stage deploy Succeeded
            60s stage tell starts
            60s claim post under key 3
            60s write 6
            60s act post
            60s post Succeeded
            60s stage tell Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 7
        "#]],
    );
}

#[test]
fn automatic_attempts_count_on_after_a_persons_retry() {
    check(
        "stage deploy retry=1
           acts a",
        "a: fail One; fail Two; fail Three
         ask 10s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (One: it broke)
            0s stage deploy Failed (One: step a: it broke)
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 2
            1s claim a under key 2
            1s write 3
            1s act a
            1s a Failed (Two: it broke)
            1s stage deploy Failed (Two: step a: it broke)
            1s ending Failed (Two: stage deploy: step a: it broke)
            1s run Failed
            1s write 4
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 3
            10s stage deploy starts
            10s claim a under key 3
            10s write 5
            10s act a
            10s a Failed (Three: it broke)
            10s stage deploy Failed (Three: step a: it broke)
            10s ending Failed (Three: stage deploy: step a: it broke)
            10s run Failed
            10s write 6
        "#]],
    );
}

/// Each process that dies after a write leaves a state from which the same effects follow.
#[test]
fn a_retry_survives_a_crash_after_each_write() {
    let plan = "lock keep
                stage build
                  acts compile undo
                stage deploy approve=1
                  acts a
                  acts b
                stage roll each=eu,us max=1 approve=1
                  acts apply
                hook warn on Failure
                  acts mail
                hook greet on Started
                  acts hello";
    let script = "b: fail Refused
                  ask 10s Approve deploy
                  ask 20s Retry
                  ask 30s Pause
                  ask 40s Approve deploy by=bob
                  ask 50s Resume
                  ask 60s Approve roll
                  ask 70s Retry build
                  ask 80s Approve deploy
                  ask 90s Approve roll";
    let end = |crash: Option<usize>| {
        let crash = crash.map(|write| format!("\ncrash after write {write}")).unwrap_or_default();
        let mut driver = driver(plan, &(script.to_owned() + &crash));
        driver.run();
        assert_eq!(driver.state.actions.len(), 9, "{}", driver.trace());
        let keys: BTreeSet<_> =
            driver.stored.iter().flat_map(|state| state.steps()).filter_map(|step| step.key.clone()).collect();
        (keys, driver.state.round, driver.state.phase, driver.stored.len())
    };
    let (calm, round, phase, writes) = end(None);
    assert_eq!((calm.len(), round), (15, 3));
    for write in 1..=writes {
        let crashed = end(Some(write));
        assert_eq!((&crashed.0, crashed.1, crashed.2), (&calm, round, phase), "after write {write}");
    }
}

#[test]
fn what_is_behind_something_that_is_done_again_waits_for_it_although_what_is_between_was_kept() {
    check(
        "stage build
           acts openPr undo
         stage deploy
           acts a
         stage tell
           acts post",
        "post: wait 60s; ok
         ask 10s Abort
         ask 20s Retry",
        expect![[r#"
            0s stage build starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim a under key 2
            0s write 2
            0s act a
            0s a Succeeded
            0s stage deploy Succeeded
            0s stage tell starts
            0s claim post under key 3
            0s write 3
            0s act post
            10s ada asks for Abort
            10s action 0 Applied
            10s post Aborted
            10s stage tell Aborted (Aborted: aborted by ada)
            10s ending Aborted (Aborted: aborted by ada)
            10s write 4
            10s undo openPr
            10s openPr undone
            10s run Aborted
            10s write 5
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage build is to be done again: attempt 2
            20s stage tell is to be done again: attempt 2
            20s stage build starts
            20s claim openPr under key 4
            20s write 6
            20s act openPr
            20s openPr Succeeded
            20s stage build Succeeded
            20s stage tell starts
            20s claim post under key 3 (2)
            20s write 7
            20s act post
            20s post Succeeded
            20s stage tell Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 8
        "#]],
    );
}

#[test]
fn a_list_is_not_made_anew_while_an_effect_of_its_items_may_still_be_going_on() {
    check(
        "stage plan
           pure choose
         stage deploy each=eu,us
           acts apply",
        "apply: wait 100s; wait 100s
         ask 10s Abort by=ada
         ask 20s Retry plan
         ask 30s Retry deploy",
        expect![[r#"
            0s stage plan starts
            0s compute choose
            0s choose Succeeded
            0s stage plan Succeeded
            0s stage deploy starts
            0s stage deploy[eu] is listed
            0s stage deploy[us] is listed
            0s stage deploy[eu] starts
            0s claim eu/apply under key 1
            0s stage deploy[us] starts
            0s claim us/apply under key 2
            0s write 1
            0s act eu/apply
            0s act us/apply
            10s ada asks for Abort
            10s action 0 Applied
            10s eu/apply Aborted
            10s stage deploy[eu] Aborted (Aborted: aborted by ada)
            10s us/apply Aborted
            10s stage deploy[us] Aborted (Aborted: aborted by ada)
            10s ending Aborted (Aborted: aborted by ada)
            10s run Aborted
            10s write 2
            20s ada asks for Retry
            20s action 1 Ignored (stage deploy[eu], which needs it, may still be doing something; retry stage deploy first)
            20s write 3
            30s ada asks for Retry
            30s action 2 Applied
            30s round 2
            30s stage deploy[eu] is to be done again: attempt 2
            30s stage deploy[us] is to be done again: attempt 2
            30s stage deploy[eu] starts
            30s claim eu/apply under key 1 (2)
            30s stage deploy[us] starts
            30s claim us/apply under key 2 (2)
            30s write 4
            30s act eu/apply
            30s act us/apply
            30s eu/apply Succeeded
            30s us/apply Succeeded
            30s stage deploy[eu] Succeeded
            30s stage deploy[us] Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 5
        "#]],
    );
}
