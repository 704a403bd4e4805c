//! Abortion hooks: of everything under way, nearest first.

use expect_test::expect;

use crate::support::check;

const PLAN: &str = "
    timeout 1h
    stage build
      acts compile
    stage deploy
      acts prepare
      acts apply
      acts verify
    stage notify
      acts tell
    hook ofRun on Abortion
      acts post
    hook ofBuild on Abortion for stage/build
      acts post
    hook ofDeploy on Abortion for stage/deploy
      acts post
    hook ofNotify on Abortion for stage/notify
      acts post
    hook ofPrepare on Abortion for step/prepare
      acts post
    hook ofApply on Abortion for step/apply
      acts post
    hook ofVerify on Abortion for step/verify
      acts post";

#[test]
fn they_run_for_the_step_the_stage_and_the_pipeline_under_way() {
    check(
        PLAN,
        "apply: wait 1m\n abort 12s",
        expect![[r#"
        0s stage build starts
        0s claim compile under key 1
        0s write 1
        0s act compile
        0s compile Succeeded
        0s stage build Succeeded
        0s stage deploy starts
        0s claim prepare under key 2
        0s write 2
        0s act prepare
        0s prepare Succeeded
        0s claim apply under key 3
        0s write 3
        0s act apply
        12s apply Aborted
        12s stage deploy Aborted (Aborted: alice asked for it)
        12s ending Aborted (Aborted: alice asked for it)
        12s hook ofApply starts (Abortion step/apply)
        12s claim ofApply/post under key 4
        12s write 4
        12s act ofApply/post
        12s ofApply/post Succeeded
        12s hook ofApply Succeeded
        12s hook ofDeploy starts (Abortion stage/deploy)
        12s claim ofDeploy/post under key 5
        12s write 5
        12s act ofDeploy/post
        12s ofDeploy/post Succeeded
        12s hook ofDeploy Succeeded
        12s hook ofRun starts (Abortion pipeline)
        12s claim ofRun/post under key 6
        12s write 6
        12s act ofRun/post
        12s ofRun/post Succeeded
        12s hook ofRun Succeeded
        12s stage notify Omitted
        12s run Aborted
        12s write 7
    "#]],
    );
}

#[test]
fn they_run_when_the_run_times_out() {
    check(
        "timeout 25s
         stage deploy
           acts apply
         hook ofApply on Abortion for step/apply
           acts post",
        "apply: wait 1h",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            25s apply Aborted
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook ofApply starts (Abortion step/apply)
            25s claim ofApply/post under key 2
            25s write 2
            25s act ofApply/post
            25s ofApply/post Succeeded
            25s hook ofApply Succeeded
            25s run Aborted
            25s write 3
        "#]],
    );
}

#[test]
fn they_run_once_though_the_process_dies_again_and_again() {
    check(
        PLAN,
        "apply: wait 1m
         abort 12s
         crash after ending Aborted (Aborted: alice asked for it)
         crash after act ofApply/post
         crash after hook ofApply Succeeded
         crash after hook ofDeploy starts (Abortion stage/deploy)
         crash after run Aborted",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim prepare under key 2
            0s write 2
            0s act prepare
            0s prepare Succeeded
            0s claim apply under key 3
            0s write 3
            0s act apply
            12s apply Aborted
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofApply starts (Abortion step/apply)
            12s claim ofApply/post under key 4
            12s write 4
            12s act ofApply/post
            12s crash
            12s claim ofApply/post under key 4 (2)
            12s write 5
            12s act ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s crash
            12s claim ofApply/post under key 4 (3)
            12s write 6
            12s act ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s crash
            12s claim ofApply/post under key 4 (4)
            12s write 7
            12s act ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s claim ofDeploy/post under key 5
            12s write 8
            12s act ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s claim ofRun/post under key 6
            12s write 9
            12s act ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s crash
            12s claim ofRun/post under key 6 (2)
            12s write 10
            12s act ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s write 11
        "#]],
    );
}

#[test]
fn before_the_first_stage_only_those_of_the_pipeline_run() {
    check(
        PLAN,
        "abort 0s",
        expect![[r#"
        0s ending Aborted (Aborted: alice asked for it)
        0s hook ofRun starts (Abortion pipeline)
        0s claim ofRun/post under key 1
        0s write 1
        0s act ofRun/post
        0s ofRun/post Succeeded
        0s hook ofRun Succeeded
        0s stage build Omitted
        0s stage deploy Omitted
        0s stage notify Omitted
        0s run Aborted
        0s write 2
    "#]],
    );
}
