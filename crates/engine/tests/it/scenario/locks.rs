//! Runs that need a lock.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_run_starts_when_it_has_its_lock_and_lets_it_go_at_its_end() {
    check(
        "lock
         stage deploy
           acts apply
         hook greet on Started,Success
           acts post",
        "lock: taken 2 web-1; taken 1 web-2; ok",
        expect![[r#"
            0s ask for the lock
            0s at 2 in the queue for the lock of web-1
            0s write 1
            30s ask for the lock
            30s at 1 in the queue for the lock of web-2
            30s write 2
            60s ask for the lock
            60s the lock is held
            60s hook greet starts (Started pipeline)
            60s claim greet/post under key 1
            60s write 3
            60s act greet/post
            60s greet/post Succeeded
            60s hook greet Succeeded
            60s stage deploy starts
            60s claim apply under key 2
            60s write 4
            60s act apply
            60s apply Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s hook greet starts (Success pipeline)
            60s claim greet/post under key 3
            60s write 5
            60s act greet/post
            60s greet/post Succeeded
            60s hook greet Succeeded
            60s the lock is let go
            60s run Succeeded
            60s write 6
        "#]],
    );
}

#[test]
fn the_queue_counts_towards_no_timeout() {
    check(
        "lock
         timeout 20s
         stage deploy
           acts apply",
        "lock: taken 1 web-1; taken 1 web-1; ok
         apply: wait 10s; ok",
        expect![[r#"
            0s ask for the lock
            0s at 1 in the queue for the lock of web-1
            0s write 1
            30s ask for the lock
            60s ask for the lock
            60s the lock is held
            60s stage deploy starts
            60s claim apply under key 1
            60s write 2
            60s act apply
            70s look apply
            70s apply Succeeded
            70s stage deploy Succeeded
            70s ending Succeeded
            70s the lock is let go
            70s run Succeeded
            70s write 3
        "#]],
    );
}

#[test]
fn a_run_keeps_its_place_over_a_crash() {
    check(
        "lock
         stage deploy
           acts apply",
        "lock: taken 2 web-1; taken 1 web-2; ok
         crash after write 1
         crash after write 2
         crash after the lock is held",
        expect![[r#"
            0s ask for the lock
            0s at 2 in the queue for the lock of web-1
            0s write 1
            0s crash
            0s ask for the lock
            0s at 1 in the queue for the lock of web-2
            0s write 2
            0s crash
            0s ask for the lock
            0s the lock is held
            0s crash
            0s ask for the lock
            0s the lock is held
            0s stage deploy starts
            0s claim apply under key 1
            0s write 3
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s the lock is let go
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn a_run_that_waits_for_its_lock_is_paused_and_skipped_and_aborted() {
    check(
        "lock
         stage deploy
           acts apply
         stage tell
           acts post
         hook warn on Abortion
           acts mail",
        "lock: taken 1 web-1; taken 1 web-1; taken 1 web-1
         ask 10s Pause
         ask 100s Skip deploy
         ask 100s Resume
         ask 110s Abort",
        expect![[r#"
            0s ask for the lock
            0s at 1 in the queue for the lock of web-1
            0s write 1
            10s ada asks for Pause
            10s action 0 Applied
            10s paused by ada
            10s write 2
            100s ada asks for Skip
            100s ada asks for Resume
            100s action 1 Applied
            100s apply Skipped (SkippedByPerson)
            100s stage deploy Skipped (SkippedByPerson: skipped by ada)
            100s action 2 Applied
            100s not paused
            100s ask for the lock
            100s write 3
            110s ada asks for Abort
            110s action 3 Applied
            110s ending Aborted (Aborted: aborted by ada)
            110s the lock is let go
            110s stage tell Omitted
            110s run Aborted
            110s write 4
        "#]],
    );
}

#[test]
fn a_pipeline_that_wants_no_queue_cancels_its_run() {
    check(
        "lock forbid
         stage deploy
           acts apply
         hook warn on Failure,Abortion
           acts mail",
        "lock: taken 1 web-1",
        expect![[r#"
            0s ask for the lock
            0s ending Cancelled (Locked: run web-1 holds the lock "group", and the pipeline wants no queue)
            0s stage deploy Omitted
            0s run Cancelled
            0s write 1
        "#]],
    );
}

#[test]
fn a_cancelled_run_is_retried_and_starts_when_the_lock_is_free() {
    check(
        "lock forbid
         stage deploy
           acts apply",
        "lock: taken 1 web-1; taken 1 web-2; ok
         ask 10s Retry
         ask 20s Retry",
        expect![[r#"
            0s ask for the lock
            0s ending Cancelled (Locked: run web-1 holds the lock "group", and the pipeline wants no queue)
            0s stage deploy Omitted
            0s run Cancelled
            0s write 1
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 1
            10s write 2
            20s ada asks for Retry
            20s action 1 Ignored (nothing has failed)
            20s write 3
            30s ask for the lock
            30s ending Cancelled (Locked: run web-2 holds the lock "group", and the pipeline wants no queue)
            30s stage deploy Omitted
            30s run Cancelled
            30s write 4
        "#]],
    );
}

#[test]
fn a_lock_that_cannot_be_is_a_failure_and_no_hook_acts_without_it() {
    check(
        "lock
         stage deploy
           acts apply
         hook warn on Failure
           acts mail",
        "lock: fail GroupInvalid",
        expect![[r#"
            0s ask for the lock
            0s ending Failed (GroupInvalid: it broke)
            0s stage deploy Omitted
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_lock_that_is_kept_unless_the_run_succeeds_is_let_go_when_it_does() {
    check(
        "lock keep
         stage deploy
           acts apply",
        "",
        expect![[r#"
            0s ask for the lock
            0s the lock is held
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s ending Succeeded
            0s the lock is let go
            0s run Succeeded
            0s write 2
        "#]],
    );
}

#[test]
fn a_lock_is_kept_after_a_failure_until_a_retry_succeeds() {
    check(
        "lock keep
         stage deploy
           acts apply",
        "apply: fail Refused; fail Refused; ok
         ask 10s Retry
         ask 20s Retry",
        expect![[r#"
            0s ask for the lock
            0s the lock is held
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s stage deploy starts
            10s claim apply under key 2
            10s write 3
            10s act apply
            10s apply Failed (Refused: it broke)
            10s stage deploy Failed (Refused: step apply: it broke)
            10s ending Failed (Refused: stage deploy: step apply: it broke)
            10s run Failed
            10s write 4
            20s ada asks for Retry
            20s action 1 Applied
            20s round 3
            20s stage deploy is to be done again: attempt 3
            20s stage deploy starts
            20s claim apply under key 3
            20s write 5
            20s act apply
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s the lock is let go
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn a_lock_that_is_kept_is_let_go_by_whoever_may_and_a_retry_queues_again() {
    check(
        "lock keep
         stage deploy
           acts apply",
        "apply: fail Refused; ok
         lock: ok; taken 1 web-2; ok
         ask 10s Unlock
         ask 11s Unlock
         ask 20s Retry
         ask 25s Unlock",
        expect![[r#"
            0s ask for the lock
            0s the lock is held
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke)
            0s run Failed
            0s write 2
            10s ada asks for Unlock
            10s action 0 Applied
            10s the lock is let go
            10s write 3
            11s ada asks for Unlock
            11s action 1 Ignored (the run holds no lock)
            11s write 4
            20s ada asks for Retry
            20s action 2 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s ask for the lock
            20s at 1 in the queue for the lock of web-2
            20s write 5
            25s ada asks for Unlock
            25s action 3 Ignored (the run has not ended; abort it instead)
            25s write 6
            50s ask for the lock
            50s the lock is held
            50s stage deploy starts
            50s claim apply under key 2
            50s write 7
            50s act apply
            50s apply Succeeded
            50s stage deploy Succeeded
            50s ending Succeeded
            50s the lock is let go
            50s run Succeeded
            50s write 8
        "#]],
    );
}

#[test]
fn a_lock_is_kept_after_an_abort_too_but_not_by_a_run_that_never_had_it() {
    let plan = "lock keep
         stage deploy
           acts apply";
    check(
        plan,
        "apply: wait 60s\n ask 10s Abort\n ask 20s Unlock",
        expect![[r#"
        0s ask for the lock
        0s the lock is held
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        10s ada asks for Abort
        10s action 0 Applied
        10s apply Aborted
        10s stage deploy Aborted (Aborted: aborted by ada)
        10s ending Aborted (Aborted: aborted by ada)
        10s run Aborted
        10s write 2
        20s ada asks for Unlock
        20s action 1 Applied
        20s the lock is let go
        20s write 3
    "#]],
    );
    check(
        plan,
        "lock: taken 1 web-1\n ask 10s Abort",
        expect![[r#"
        0s ask for the lock
        0s at 1 in the queue for the lock of web-1
        0s write 1
        10s ada asks for Abort
        10s action 0 Applied
        10s ending Aborted (Aborted: aborted by ada)
        10s the lock is let go
        10s stage deploy Omitted
        10s run Aborted
        10s write 2
    "#]],
    );
}

#[test]
fn a_lock_is_let_go_after_a_failure_a_reject_and_an_abort() {
    check(
        "lock\n stage deploy\n acts apply",
        "apply: fail Refused",
        expect![[r#"
        0s ask for the lock
        0s the lock is held
        0s stage deploy starts
        0s claim apply under key 1
        0s write 1
        0s act apply
        0s apply Failed (Refused: it broke)
        0s stage deploy Failed (Refused: step apply: it broke)
        0s ending Failed (Refused: stage deploy: step apply: it broke)
        0s the lock is let go
        0s run Failed
        0s write 2
    "#]],
    );
    check(
        "lock\n stage deploy approve=1",
        "ask 10s Reject deploy",
        expect![[r#"
        0s ask for the lock
        0s the lock is held
        0s stage deploy awaits 1 in attempt 1
        0s write 1
        10s ada asks for Reject
        10s action 0 Applied
        10s stage deploy Failed (Rejected: rejected by ada)
        10s ending Failed (Rejected: stage deploy: rejected by ada)
        10s the lock is let go
        10s run Failed
        10s write 2
    "#]],
    );
    check(
        "lock\n stage deploy approve=1",
        "ask 10s Abort",
        expect![[r#"
        0s ask for the lock
        0s the lock is held
        0s stage deploy awaits 1 in attempt 1
        0s write 1
        10s ada asks for Abort
        10s action 0 Applied
        10s stage deploy Omitted
        10s ending Aborted (Aborted: aborted by ada)
        10s the lock is let go
        10s run Aborted
        10s write 2
    "#]],
    );
}

#[test]
fn a_retry_queues_for_the_lock_again() {
    check(
        "lock
         stage deploy
           acts apply
         hook greet on Started
           pure note",
        "lock: ok; taken 1 web-2; ok
         apply: fail Refused; ok
         ask 10s Retry",
        expect![[r#"
            0s ask for the lock
            0s the lock is held
            0s hook greet starts (Started pipeline)
            0s compute greet/note
            0s greet/note Succeeded
            0s hook greet Succeeded
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s ending Failed (Refused: stage deploy: step apply: it broke)
            0s the lock is let go
            0s run Failed
            0s write 2
            10s ada asks for Retry
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s ask for the lock
            10s at 1 in the queue for the lock of web-2
            10s write 3
            40s ask for the lock
            40s the lock is held
            40s hook greet starts (Started pipeline)
            40s compute greet/note
            40s greet/note Succeeded
            40s hook greet Succeeded
            40s stage deploy starts
            40s claim apply under key 2
            40s write 4
            40s act apply
            40s apply Succeeded
            40s stage deploy Succeeded
            40s ending Succeeded
            40s the lock is let go
            40s run Succeeded
            40s write 5
        "#]],
    );
}
