//! Hooks: when they run, in which order, and what they change.

use expect_test::expect;

use crate::support::check;

const ALL_STARTED: &str = "
    stage deploy when=true
      acts apply when=true
    hook ofStep on Started for step/apply
      acts post
    hook ofStage on Started for stage/deploy
      acts post
    hook ofRun on Started
      acts post";

#[test]
fn started_hooks_run_from_the_outside_in_before_the_first_action() {
    check(
        ALL_STARTED,
        "",
        expect![[r#"
        0s hook ofRun starts (Started pipeline)
        0s claim ofRun/post under key 1
        0s write 1
        0s act ofRun/post
        0s ofRun/post Succeeded
        0s hook ofRun Succeeded
        0s stage deploy starts
        0s hook ofStage starts (Started stage/deploy)
        0s claim ofStage/post under key 2
        0s write 2
        0s act ofStage/post
        0s ofStage/post Succeeded
        0s hook ofStage Succeeded
        0s hook ofStep starts (Started step/apply)
        0s claim ofStep/post under key 3
        0s write 3
        0s act ofStep/post
        0s ofStep/post Succeeded
        0s hook ofStep Succeeded
        0s claim apply under key 4
        0s write 4
        0s act apply
        0s apply Succeeded
        0s stage deploy Succeeded
        0s ending Succeeded
        0s run Succeeded
        0s write 5
    "#]],
    );
}

const ALL_ENDED: &str = "
    stage deploy
      acts apply
    stage notify
      acts tell
    hook ofRun on Success,Failure
      acts post
    hook ofStage on Success,Failure for stage/deploy
      acts post
    hook ofStep on Success,Failure for step/apply
      acts post";

#[test]
fn success_hooks_run_nearest_first_before_anything_else_starts() {
    check(
        ALL_ENDED,
        "",
        expect![[r#"
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        0s apply Succeeded
        0s hook ofStep starts (Success step/apply)
        0s claim ofStep/post under key 2
        0s write 2
        0s act ofStep/post
        0s ofStep/post Succeeded
        0s hook ofStep Succeeded
        0s stage deploy Succeeded
        0s hook ofStage starts (Success stage/deploy)
        0s claim ofStage/post under key 3
        0s write 3
        0s act ofStage/post
        0s ofStage/post Succeeded
        0s hook ofStage Succeeded
        0s stage notify starts
        0s claim tell under key 4
        0s write 4
        0s act tell
        0s tell Succeeded
        0s stage notify Succeeded
        0s ending Succeeded
        0s hook ofRun starts (Success pipeline)
        0s claim ofRun/post under key 5
        0s write 5
        0s act ofRun/post
        0s ofRun/post Succeeded
        0s hook ofRun Succeeded
        0s run Succeeded
        0s write 6
    "#]],
    );
}

#[test]
fn failure_hooks_run_nearest_first_before_anything_else_starts() {
    check(
        ALL_ENDED,
        "apply: fail Refused",
        expect![[r#"
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        0s apply Failed (Refused: it broke)
        0s hook ofStep starts (Failure step/apply)
        0s claim ofStep/post under key 2
        0s write 2
        0s act ofStep/post
        0s ofStep/post Succeeded
        0s hook ofStep Succeeded
        0s stage deploy Failed (Refused: step apply: it broke)
        0s hook ofStage starts (Failure stage/deploy)
        0s claim ofStage/post under key 3
        0s write 3
        0s act ofStage/post
        0s ofStage/post Succeeded
        0s hook ofStage Succeeded
        0s ending Failed (Refused: stage deploy: step apply: it broke)
        0s hook ofRun starts (Failure pipeline)
        0s claim ofRun/post under key 4
        0s write 4
        0s act ofRun/post
        0s ofRun/post Succeeded
        0s hook ofRun Succeeded
        0s stage notify Omitted
        0s run Failed
        0s write 5
    "#]],
    );
}

#[test]
fn several_hooks_of_one_event_run_in_the_order_of_the_plan() {
    check(
        "stage deploy
           pure apply
         hook second on Failure
           pure a
         hook first on Success for step/apply
           pure a
         hook third on Success for step/apply
           pure a",
        "",
        expect![[r#"
            0s stage deploy starts
            0s compute apply
            0s apply Succeeded
            0s hook first starts (Success step/apply)
            0s compute first/a
            0s first/a Succeeded
            0s hook first Succeeded
            0s hook third starts (Success step/apply)
            0s compute third/a
            0s third/a Succeeded
            0s hook third Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}

#[test]
fn one_hook_may_follow_both_the_start_and_the_end() {
    check(
        "stage deploy
           acts apply
         hook tell on Started,Success,Failure,Abortion for stage/deploy
           acts post",
        "",
        expect![[r#"
            0s stage deploy starts
            0s hook tell starts (Started stage/deploy)
            0s claim tell/post under key 1
            0s write 1
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s hook tell starts (Success stage/deploy)
            0s claim tell/post under key 3
            0s write 3
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn a_hook_runs_once_after_the_retries_of_its_step() {
    check(
        "stage deploy
           acts apply retry=1
         hook tell on Started,Failure for step/apply
           acts post",
        "apply: away HostAway; away HostAway",
        expect![[r#"
            0s stage deploy starts
            0s hook tell starts (Started step/apply)
            0s claim tell/post under key 1
            0s write 1
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply attempt 2 at 1s (HostAway: it broke)
            0s write 3
            1s claim apply under key 2 (2)
            1s write 4
            1s act apply
            1s apply Failed (HostAway: it broke)
            1s hook tell starts (Failure step/apply)
            1s claim tell/post under key 3
            1s write 5
            1s act tell/post
            1s tell/post Succeeded
            1s hook tell Succeeded
            1s stage deploy Failed (HostAway: step apply: it broke)
            1s ending Failed (HostAway: stage deploy: step apply: it broke)
            1s run Failed
            1s write 6
        "#]],
    );
}

#[test]
fn what_is_skipped_or_omitted_has_no_hooks() {
    check(
        "stage build when=false
           acts compile
         stage deploy
           acts apply when=false
           acts verify
         stage notify
           acts tell
         hook a on Started,Success,Failure,Abortion for stage/build
           acts post
         hook b on Started,Success,Failure,Abortion for step/compile
           acts post
         hook c on Started,Success,Failure,Abortion for step/apply
           acts post
         hook d on Started,Success,Failure,Abortion for stage/notify
           acts post
         hook e on Started,Success,Failure,Abortion for step/tell
           acts post",
        "verify: fail Refused",
        expect![[r#"
            0s compile Skipped
            0s stage build Skipped (ConditionFalse: its condition `when` is false)
            0s stage deploy starts
            0s apply Skipped (ConditionFalse: its condition `when` is false)
            0s claim verify under key 1
            0s write 1
            0s act verify
            0s verify Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step verify: it broke)
            0s ending Failed (Refused: stage deploy: step verify: it broke)
            0s stage notify Omitted
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_is_a_failure_with_its_hooks() {
    check(
        "stage deploy
           acts apply when=error
         hook a on Started,Failure for step/apply
           pure post
         hook b on Failure for stage/deploy
           pure post",
        "",
        expect![[r#"
            0s stage deploy starts
            0s apply Failed (ConditionFailed: no such key: version)
            0s hook a starts (Failure step/apply)
            0s compute a/post
            0s a/post Succeeded
            0s hook a Succeeded
            0s stage deploy Failed (ConditionFailed: step apply: no such key: version)
            0s hook b starts (Failure stage/deploy)
            0s compute b/post
            0s b/post Succeeded
            0s hook b Succeeded
            0s ending Failed (ConditionFailed: stage deploy: step apply: no such key: version)
            0s run Failed
            0s write 1
        "#]],
    );
}
