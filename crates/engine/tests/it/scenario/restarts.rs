//! What a process does with what it finds after the one before it died.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_step_that_reads_is_looked_at_without_a_write() {
    check(
        "stage deploy
           reads inspect",
        "inspect: wait 10s; wait 10s not ready; wait 10s; ok
         crash after write 2 (progress)",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            10s look inspect
            10s write 2 (progress)
            10s crash
            10s look inspect
            20s look inspect
            20s inspect Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 3
        "#]],
    );
}

#[test]
fn a_step_that_acts_is_claimed_again_under_its_key_before_it_acts() {
    check(
        "stage deploy
           acts apply",
        "apply: wait 10s; wait 10s not ready; wait 10s; ok
         crash after write 2 (progress)",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            10s look apply
            10s write 2 (progress)
            10s crash
            10s claim apply under key 1 (2)
            10s write 3
            10s act apply
            20s look apply
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 4
        "#]],
    );
}

#[test]
fn a_crash_between_claim_and_effect_repeats_the_claim_alone() {
    check(
        "stage deploy
           acts apply",
        "crash after write 1",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s crash
            0s claim apply under key 1 (2)
            0s write 2
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 3
        "#]],
    );
}

#[test]
fn a_crash_before_the_claim_is_persisted_leaves_no_trace() {
    check(
        "stage deploy
           acts apply",
        "crash after claim apply under key 1",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s crash
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
fn a_crash_after_the_effect_finds_it_under_the_same_key() {
    check(
        "stage deploy
           acts apply",
        "crash after act apply",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s crash
            0s claim apply under key 1 (2)
            0s write 2
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 3
        "#]],
    );
}

#[test]
fn an_outcome_that_was_persisted_is_never_sought_again() {
    check(
        "stage deploy
           acts apply
           acts verify",
        "crash after write 2",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s claim verify under key 2
            0s write 2
            0s crash
            0s claim verify under key 2 (2)
            0s write 3
            0s act verify
            0s verify Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn a_pure_step_is_computed_again_when_its_result_was_not_persisted() {
    check(
        "stage deploy
           pure render
           acts apply",
        "crash after render Succeeded",
        expect![[r#"
            0s stage deploy starts
            0s compute render
            0s render Succeeded
            0s crash
            0s stage deploy starts
            0s compute render
            0s render Succeeded
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
fn a_pause_before_the_next_attempt_outlives_a_crash() {
    check(
        "stage deploy
           acts apply retry=1 backoff=1m",
        "apply: flake Refused; ok
         crash after write 2",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 60s (Refused: it broke)
            0s write 2
            0s crash
            60s claim apply under key 2
            60s write 3
            60s act apply
            60s apply Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 4
        "#]],
    );
}

#[test]
fn a_step_found_after_its_timeout_is_looked_at_before_it_fails() {
    check(
        "stage deploy
           reads inspect timeout=10s",
        "inspect: +20s wait 5s; wait 5s; ok
         crash after look inspect",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            20s crash
            20s look inspect
            20s inspect Failed (Timeout: timed out after 10s)
            20s stage deploy Failed (Timeout: step inspect: timed out after 10s)
            20s ending Failed (Timeout: stage deploy: step inspect: timed out after 10s)
            20s run Failed
            20s write 2
        "#]],
    );
}

#[test]
fn a_claim_that_another_replica_took_over_gives_no_right_to_act() {
    check(
        "stage deploy
           acts apply",
        "apply: wait 10s; wait 10s; ok
         steal 5s apply",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            5s another replica claims apply
            5s claim apply under key 1 (3)
            5s write 3
            5s act apply
            15s look apply
            15s apply Succeeded
            15s stage deploy Succeeded
            15s ending Succeeded
            15s run Succeeded
            15s write 4
        "#]],
    );
}

#[test]
fn a_crash_after_the_end_changes_nothing() {
    check(
        "stage deploy
           acts apply",
        "crash after write 2",
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
            0s crash
        "#]],
    );
}

#[test]
fn a_step_that_another_replica_claimed_first_is_left_to_it_for_a_while() {
    check(
        "stage deploy
           acts apply",
        "apply: wait 3s; wait 3s; ok
         lose 5s apply",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            3s look apply
            5s another replica claims apply
            15s claim apply under key 1 (3)
            15s write 3
            15s act apply
            15s apply Succeeded
            15s stage deploy Succeeded
            15s ending Succeeded
            15s run Succeeded
            15s write 4
        "#]],
    );
}
