//! The outputs of a run: computed when every stage is done, before its result is decided.

use expect_test::expect;

use crate::support::check;

#[test]
fn they_are_computed_when_every_stage_is_done_and_before_the_hooks_of_the_run() {
    check(
        "outputs
         stage build
           acts compile
         hook tell on Success
           acts post",
        "outputs: ok {\"image\": \"web:1\"}",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s ending Succeeded
            0s hook tell starts (Success pipeline)
            0s claim tell/post under key 2
            0s write 2
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s run Succeeded
            0s write 3
        "#]],
    );
}

#[test]
fn outputs_that_cannot_be_computed_fail_the_run_with_its_failure_hooks() {
    check(
        "outputs
         stage build
           acts compile
         hook good on Success
           acts post
         hook bad on Failure
           acts post",
        "outputs: fail NoSuchKey no such key: image",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s ending Failed (OutputsFailed: the outputs of the run cannot be computed: no such key: image)
            0s hook bad starts (Failure pipeline)
            0s claim bad/post under key 2
            0s write 2
            0s act bad/post
            0s bad/post Succeeded
            0s hook bad Succeeded
            0s run Failed
            0s write 3
        "#]],
    );
}

#[test]
fn they_are_not_computed_when_a_stage_failed() {
    check(
        "outputs
         stage build
           acts compile",
        "compile: fail Refused",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Failed (Refused: it broke)
            0s stage build Failed (Refused: step compile: it broke)
            0s ending Failed (Refused: stage build: step compile: it broke)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn they_are_not_computed_when_the_run_is_aborted() {
    check(
        "outputs
         stage build
           reads compile",
        "compile: wait 1h
         abort 5s",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s look compile
            5s compile Aborted
            5s stage build Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s run Aborted
            5s write 2
        "#]],
    );
}

#[test]
fn a_crash_before_they_are_persisted_computes_them_again() {
    check(
        "outputs
         stage build
           acts compile
         hook tell on Success
           acts post",
        "outputs: ok {\"image\": \"web:1\"}; ok {\"image\": \"web:1\"}
         crash after ending Succeeded",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s ending Succeeded
            0s crash
            0s claim compile under key 1 (2)
            0s write 2
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s ending Succeeded
            0s hook tell starts (Success pipeline)
            0s claim tell/post under key 2
            0s write 3
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn they_are_computed_when_every_stage_was_skipped() {
    check(
        "outputs
         stage build when=false
           acts compile",
        "",
        expect![[r#"
            0s compile Skipped
            0s stage build Skipped (ConditionFalse: its condition `when` is false)
            0s ending Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}
