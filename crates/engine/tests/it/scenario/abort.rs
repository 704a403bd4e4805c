//! An abort, in every phase.

use expect_test::expect;

use crate::support::check;

#[test]
fn before_anything() {
    check(
        "stage deploy
           acts apply",
        "abort 0s",
        expect![[r#"
            0s ending Aborted (Aborted: alice asked for it)
            0s stage deploy Omitted
            0s run Aborted
            0s write 1
        "#]],
    );
}

#[test]
fn before_anything_no_started_hook_runs() {
    check(
        "stage deploy
           acts apply
         hook tell on Started,Abortion
           pure note",
        "abort 0s",
        expect![[r#"
            0s ending Aborted (Aborted: alice asked for it)
            0s hook tell starts (Abortion pipeline)
            0s compute tell/note
            0s tell/note Succeeded
            0s hook tell Succeeded
            0s stage deploy Omitted
            0s run Aborted
            0s write 1
        "#]],
    );
}

#[test]
fn while_a_step_waits() {
    check(
        "stage build
           acts compile
         stage deploy
           acts apply
           acts verify
         stage notify
           acts post",
        "apply: wait 10s; wait 10s
         abort 12s",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s stage build Succeeded
            0s stage deploy starts
            0s claim apply under key 2
            0s write 2
            0s act apply
            10s look apply
            12s apply Aborted
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s stage notify Omitted
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn while_a_step_waits_for_its_next_attempt() {
    check(
        "stage deploy
           acts apply retry=1 backoff=1m",
        "apply: away HostAway
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 60s (HostAway: it broke)
            0s write 2
            12s apply Aborted (HostAway: it broke)
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn while_a_call_is_under_way_its_outcome_is_kept() {
    check(
        "stage deploy
           acts apply
           acts verify",
        "apply: +20s ok
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            20s apply Succeeded
            20s stage deploy Aborted (Aborted: alice asked for it)
            20s ending Aborted (Aborted: alice asked for it)
            20s run Aborted
            20s write 2
        "#]],
    );
}

#[test]
fn between_a_claim_and_its_effect_after_a_crash() {
    check(
        "stage deploy
           acts apply",
        "crash after write 1
         apply: wait 10s; wait 10s
         abort 5s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s crash
            0s claim apply under key 1 (2)
            0s write 2
            0s act apply
            5s apply Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s run Aborted
            5s write 3
        "#]],
    );
}

#[test]
fn while_a_started_hook_runs_its_subject_never_starts() {
    check(
        "stage deploy
           acts apply
         hook warn on Started for stage/deploy
           reads quiet
           acts post
         hook undo on Abortion for stage/deploy
           acts revert",
        "quiet: wait 1m
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s hook warn starts (Started stage/deploy)
            0s claim warn/quiet under key 1
            0s write 1
            0s look warn/quiet
            12s warn/quiet Aborted
            12s hook warn Aborted
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook undo starts (Abortion stage/deploy)
            12s claim undo/revert under key 2
            12s write 2
            12s act undo/revert
            12s undo/revert Succeeded
            12s hook undo Succeeded
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn while_a_failure_hook_runs_the_failure_stays_and_the_run_is_aborted() {
    check(
        "stage deploy
           acts apply
         hook cleanUp on Failure for stage/deploy
           reads drain",
        "apply: fail Refused
         drain: wait 1m
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s hook cleanUp starts (Failure stage/deploy)
            0s claim cleanUp/drain under key 2
            0s write 2
            0s look cleanUp/drain
            12s cleanUp/drain Aborted
            12s hook cleanUp Aborted
            12s ending Aborted (Aborted: alice asked for it)
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn once_the_result_is_decided_it_stays() {
    check(
        "stage deploy
           acts apply
         hook tell on Success
           reads quiet",
        "quiet: wait 1m; ok
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s hook tell starts (Success pipeline)
            0s claim tell/quiet under key 2
            0s write 2
            0s look tell/quiet
            60s look tell/quiet
            60s tell/quiet Succeeded
            60s hook tell Succeeded
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn the_decision_is_persisted_before_its_first_hook_acts() {
    check(
        "stage deploy
           acts apply
         hook undo on Abortion
           acts revert",
        "apply: wait 1m
         abort 12s
         crash after act undo/revert",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            12s apply Aborted
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook undo starts (Abortion pipeline)
            12s claim undo/revert under key 2
            12s write 2
            12s act undo/revert
            12s crash
            12s claim undo/revert under key 2 (2)
            12s write 3
            12s act undo/revert
            12s undo/revert Succeeded
            12s hook undo Succeeded
            12s run Aborted
            12s write 4
        "#]],
    );
}

#[test]
fn a_claim_that_a_killed_process_left_is_told_when_the_run_is_aborted() {
    check(
        "stage deploy
           acts post",
        "post: +10s ok
         crash after act post
         abort 3s",
        expect![[r#"
            0s stage deploy starts
            0s claim post under key 1
            0s write 1
            0s act post
            10s crash
            10s post Aborted (EffectUnknown: it was aborted, and it is not known whether its request was carried out: look at what it changes)
            10s stage deploy Aborted (Aborted: alice asked for it)
            10s ending Aborted (Aborted: alice asked for it)
            10s run Aborted
            10s write 2
        "#]],
    );
}

#[test]
fn what_waits_was_carried_out_when_the_run_is_aborted() {
    check(
        "stage deploy
           acts sync",
        "sync: wait 30s not synced; wait 30s not synced; ok
         abort 40s",
        expect![[r#"
            0s stage deploy starts
            0s claim sync under key 1
            0s write 1
            0s act sync
            0s write 2 (progress)
            30s look sync
            40s sync Aborted (: not synced)
            40s stage deploy Aborted (Aborted: alice asked for it)
            40s ending Aborted (Aborted: alice asked for it)
            40s run Aborted
            40s write 3
        "#]],
    );
}

#[test]
fn a_run_that_never_started_runs_no_hooks() {
    check(
        "lock
         stage deploy
           acts apply
         hook tell on Started,Abortion
           acts post",
        "lock: taken 1 web-1
         abort 10s",
        expect![[r#"
            0s ask for the lock
            0s at 1 in the queue for the lock of web-1
            0s write 1
            10s ending Aborted (Aborted: alice asked for it)
            10s the lock is let go
            10s stage deploy Omitted
            10s run Aborted
            10s write 2
        "#]],
    );
}
