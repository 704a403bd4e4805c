//! `when`: false skips, an error fails.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_true_condition_lets_stage_and_step_run() {
    check(
        "stage deploy when=true
           acts apply when=true",
        "",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 2
        "#]],
    );
}

#[test]
fn a_false_condition_skips_a_stage_with_its_steps() {
    check(
        "stage build when=false
           acts compile
         stage deploy
           pure render",
        "",
        expect![[r#"
            0s compile Skipped
            0s stage build Skipped (ConditionFalse: its condition `when` is false)
            0s stage deploy starts
            0s compute render
            0s render Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}

#[test]
fn a_false_condition_skips_a_step_alone() {
    check(
        "stage deploy
           acts apply when=false
           acts notify",
        "",
        expect![[r#"
            0s stage deploy starts
            0s apply Skipped (ConditionFalse: its condition `when` is false)
            0s claim notify under key 1
            0s write 1
            0s act notify
            0s notify Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 2
        "#]],
    );
}

#[test]
fn a_run_of_skipped_stages_succeeds() {
    check(
        "stage build when=false
           acts compile
         stage deploy when=false
           acts apply",
        "",
        expect![[r#"
            0s compile Skipped
            0s stage build Skipped (ConditionFalse: its condition `when` is false)
            0s apply Skipped
            0s stage deploy Skipped (ConditionFalse: its condition `when` is false)
            0s ending Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_its_stage() {
    check(
        "stage build when=error
           acts compile
         stage deploy
           acts apply",
        "",
        expect![[r#"
            0s stage build Failed (ConditionFailed: no such key: version)
            0s ending Failed (ConditionFailed: stage build: no such key: version)
            0s stage deploy Omitted
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_its_step_without_a_retry() {
    check(
        "stage build
           acts compile when=error retry=3
           acts publish",
        "retry everything",
        expect![[r#"
            0s stage build starts
            0s compile Failed (ConditionFailed: no such key: version)
            0s stage build Failed (ConditionFailed: step compile: no such key: version)
            0s ending Failed (ConditionFailed: stage build: step compile: no such key: version)
            0s run Failed
            0s write 1
        "#]],
    );
}
