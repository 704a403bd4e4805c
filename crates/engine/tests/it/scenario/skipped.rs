//! What a person passes.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_step_that_is_under_way_is_passed_and_the_stage_goes_on_behind_it() {
    check(
        "stage deploy
           acts a
           acts b",
        "a: wait 60s
         ask 10s Skip deploy step=a reason=stuck",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson: skipped by ada: stuck)
            10s claim b under key 2
            10s write 2
            10s act b
            10s b Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn a_step_that_is_performed_is_passed_when_its_answer_is_there() {
    check(
        "stage deploy
           acts a
           acts b",
        "a: +60s wait 60s
         ask 10s Skip deploy step=a",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Skip
            60s action 0 Applied
            60s a Skipped (SkippedByPerson: skipped by ada)
            60s claim b under key 2
            60s write 2
            60s act b
            60s b Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn a_step_that_waits_for_its_next_attempt_is_passed() {
    check(
        "stage deploy
           acts a retry=3 backoff=60s",
        "a: flake Away
         ask 10s Skip deploy step=a",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a attempt 2 at 60s (Away: it broke)
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson: skipped by ada)
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn a_step_whose_turn_has_not_come_is_passed_when_it_comes() {
    check(
        "stage deploy
           acts a
           acts b
         stage tell
           acts post",
        "a: wait 60s; ok
         ask 10s Skip deploy step=b
         ask 20s Skip tell",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Skip
            10s action 0 Applied
            10s b Skipped (SkippedByPerson: skipped by ada)
            10s write 2
            20s ada asks for Skip
            20s action 1 Applied
            20s post Skipped (SkippedByPerson)
            20s stage tell Skipped (SkippedByPerson: skipped by ada)
            20s write 3
            60s look a
            60s a Succeeded
            60s stage deploy Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 4
        "#]],
    );
}

#[test]
fn a_step_of_a_list_that_is_not_made_yet_is_passed_in_each_item() {
    check(
        "stage build
           acts compile
         stage roll each=eu,us
           acts a
           pure b",
        "compile: wait 60s; ok
         ask 10s Skip roll step=a",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson: skipped by ada)
            10s write 2
            60s look compile
            60s compile Succeeded
            60s stage build Succeeded
            60s stage roll starts
            60s stage roll[eu] is listed
            60s stage roll[us] is listed
            60s stage roll[eu] starts
            60s compute eu/b
            60s eu/b Succeeded
            60s stage roll[eu] Succeeded
            60s stage roll[us] starts
            60s compute us/b
            60s us/b Succeeded
            60s stage roll[us] Succeeded
            60s ending Succeeded
            60s run Succeeded
            60s write 3
        "#]],
    );
}

#[test]
fn a_stage_that_is_under_way_is_passed_with_what_has_not_ended() {
    check(
        "stage deploy parallel
           acts a
           acts b
         stage tell
           acts post",
        "b: wait 60s
         ask 10s Skip deploy reason=stuck",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a Succeeded
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s b Skipped (SkippedByPerson)
            10s stage deploy Skipped (SkippedByPerson: skipped by ada: stuck)
            10s stage tell starts
            10s claim post under key 3
            10s write 3
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_stage_that_waits_for_its_next_attempt_is_passed() {
    check(
        "stage deploy retry=3 backoff=60s
           acts a
         stage tell
           acts post",
        "a: fail Refused
         ask 10s Skip deploy",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s stage deploy again at 60s: attempt 2, iteration 1
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson)
            10s stage deploy Skipped (SkippedByPerson: skipped by ada)
            10s stage tell starts
            10s claim post under key 2
            10s write 3
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_stage_that_is_about_to_be_tried_again_is_not_passed() {
    check(
        "stage deploy retry=3
           acts a undo
           acts b",
        "b: fail Refused; ok
         undo a: away Busy; ok
         ask 0s Pause
         ask 0s Resume
         ask 1s Skip deploy",
        expect![[r#"
            0s ada asks for Pause
            0s ada asks for Resume
            0s action 0 Applied
            0s paused by ada
            0s action 1 Applied
            0s not paused
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s claim b under key 2
            0s write 2
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s write 3
            0s undo a
            0s a undo again at 1s (it broke)
            0s write 4
            1s ada asks for Skip
            1s action 2 Ignored (the stage is about to be done again; pass it once that has begun)
            1s write 5
            1s undo a
            1s a undone
            1s stage deploy again at 2s: attempt 2, iteration 1
            1s write 6
            2s claim a under key 3
            2s write 7
            2s act a
            2s a Succeeded
            2s claim b under key 4
            2s write 8
            2s act b
            2s b Succeeded
            2s stage deploy Succeeded
            2s ending Succeeded
            2s run Succeeded
            2s write 9
        "#]],
    );
}

#[test]
fn a_stage_that_waits_for_approvals_is_passed() {
    check(
        "stage live approve=2
           acts apply
         stage tell
           acts post",
        "ask 10s Approve live
         ask 20s Skip live by=bob",
        expect![[r#"
            0s stage live awaits 2 in attempt 1
            0s write 1
            10s ada asks for Approve
            10s action 0 Applied
            10s write 2
            20s bob asks for Skip
            20s action 1 Applied
            20s apply Skipped (SkippedByPerson)
            20s stage live Skipped (SkippedByPerson: skipped by bob)
            20s stage tell starts
            20s claim post under key 1
            20s write 3
            20s act post
            20s post Succeeded
            20s stage tell Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 4
        "#]],
    );
}

#[test]
fn one_item_is_passed() {
    check(
        "stage roll each=eu,us max=1
           acts apply
         stage tell
           acts post",
        "apply: wait 60s; wait 10s; ok
         ask 10s Skip roll item=eu",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s write 1
            0s act eu/apply
            10s ada asks for Skip
            10s action 0 Applied
            10s eu/apply Skipped (SkippedByPerson)
            10s stage roll[eu] Skipped (SkippedByPerson: skipped by ada)
            10s stage roll[us] starts
            10s claim us/apply under key 2
            10s write 2
            10s act us/apply
            20s look us/apply
            20s us/apply Succeeded
            20s stage roll[us] Succeeded
            20s stage tell starts
            20s claim post under key 3
            20s write 3
            20s act post
            20s post Succeeded
            20s stage tell Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 4
        "#]],
    );
}

#[test]
fn a_failed_stage_is_passed_while_another_goes_on() {
    check(
        "stage deploy
           acts a
         stage docs needs=
           acts publish
         stage tell needs=deploy
           acts post
         hook warn on Failure for stage/deploy
           pure note",
        "a: fail Refused
         publish: wait 60s; ok
         ask 10s Skip deploy",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s stage docs starts
            0s claim publish under key 2
            0s write 1
            0s act a
            0s act publish
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s hook warn starts (Failure stage/deploy)
            0s compute warn/note
            0s warn/note Succeeded
            0s hook warn Succeeded
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson)
            10s stage deploy Skipped (SkippedByPerson: skipped by ada)
            10s stage tell starts
            10s claim post under key 3
            10s write 3
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s write 4
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
fn a_run_that_failed_goes_on_behind_the_step_that_is_passed() {
    check(
        "stage deploy
           acts a
           acts b
           acts c
         stage tell
           acts post
         hook greet on Started,Success
           pure note",
        "b: fail Refused
         ask 10s Skip deploy step=b",
        expect![[r#"
            0s hook greet starts (Started pipeline)
            0s compute greet/note
            0s greet/note Succeeded
            0s hook greet Succeeded
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s claim b under key 2
            0s write 2
            0s act b
            0s b Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step b: it broke)
            0s ending Failed (Refused: stage deploy: step b: it broke)
            0s stage tell Omitted
            0s run Failed
            0s write 3
            10s ada asks for Skip
            10s action 0 Applied
            10s round 2
            10s stage deploy is to be done again: attempt 2
            10s b Skipped (SkippedByPerson: skipped by ada)
            10s stage tell is to be done again: attempt 1
            10s hook greet starts (Started pipeline)
            10s compute greet/note
            10s greet/note Succeeded
            10s hook greet Succeeded
            10s stage deploy starts
            10s claim c under key 3
            10s write 4
            10s act c
            10s c Succeeded
            10s stage deploy Succeeded
            10s stage tell starts
            10s claim post under key 4
            10s write 5
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s hook greet starts (Success pipeline)
            10s compute greet/note
            10s greet/note Succeeded
            10s hook greet Succeeded
            10s run Succeeded
            10s write 6
        "#]],
    );
}

#[test]
fn a_run_that_failed_goes_on_behind_the_stage_that_is_passed() {
    check(
        "lock
         stage deploy
           acts a
           acts b
         stage tell
           acts post",
        "a: fail Refused
         ask 10s Skip deploy",
        expect![[r#"
            0s ask for the lock
            0s the lock is held
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s ending Failed (Refused: stage deploy: step a: it broke)
            0s the lock is let go
            0s stage tell Omitted
            0s run Failed
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s round 2
            10s a Skipped (SkippedByPerson)
            10s b Skipped (SkippedByPerson)
            10s stage deploy Skipped (SkippedByPerson: skipped by ada)
            10s stage tell is to be done again: attempt 1
            10s ask for the lock
            10s the lock is held
            10s stage tell starts
            10s claim post under key 2
            10s write 3
            10s act post
            10s post Succeeded
            10s stage tell Succeeded
            10s ending Succeeded
            10s the lock is let go
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_run_goes_on_when_the_last_of_what_failed_is_passed() {
    check(
        "stage deploy
           acts a
         stage docs needs=
           acts publish
         stage tell needs=deploy,docs
           acts post",
        "a: fail Refused
         publish: fail Refused
         ask 10s Skip deploy step=a
         ask 20s Skip deploy
         ask 30s Skip docs step=publish",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s stage docs starts
            0s claim publish under key 2
            0s write 1
            0s act a
            0s act publish
            0s a Failed (Refused: it broke)
            0s publish Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s stage docs Failed (Refused: step publish: it broke)
            0s ending Failed (Refused: stage deploy: step a: it broke)
            0s stage tell Omitted
            0s run Failed
            0s write 2
            10s ada asks for Skip
            10s action 0 Ignored (stage docs has failed, too; pass that one first, or retry the run)
            10s write 3
            20s ada asks for Skip
            20s action 1 Applied
            20s a Skipped (SkippedByPerson)
            20s stage deploy Skipped (SkippedByPerson: skipped by ada)
            20s write 4
            30s ada asks for Skip
            30s action 2 Applied
            30s round 2
            30s stage docs is to be done again: attempt 2
            30s publish Skipped (SkippedByPerson: skipped by ada)
            30s stage tell is to be done again: attempt 1
            30s stage docs starts
            30s stage docs Succeeded
            30s stage tell starts
            30s claim post under key 3
            30s write 5
            30s act post
            30s post Succeeded
            30s stage tell Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 6
        "#]],
    );
}

#[test]
fn what_never_started_is_passed_when_the_run_is_retried() {
    check(
        "stage deploy
           acts a
         stage docs
           acts publish
           acts index
         stage tell
           acts post",
        "a: fail Refused; ok
         ask 10s Skip tell
         ask 20s Skip docs step=index
         ask 30s Retry",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step a: it broke)
            0s ending Failed (Refused: stage deploy: step a: it broke)
            0s stage docs Omitted
            0s stage tell Omitted
            0s run Failed
            0s write 2
            10s ada asks for Skip
            10s action 0 Applied
            10s post Skipped (SkippedByPerson)
            10s stage tell Skipped (SkippedByPerson: skipped by ada)
            10s write 3
            20s ada asks for Skip
            20s action 1 Ignored (stage deploy has failed, too; pass that one first, or retry the run)
            20s write 4
            30s ada asks for Retry
            30s action 2 Applied
            30s round 2
            30s stage deploy is to be done again: attempt 2
            30s stage docs is to be done again: attempt 1
            30s stage deploy starts
            30s claim a under key 2
            30s write 5
            30s act a
            30s a Succeeded
            30s stage deploy Succeeded
            30s stage docs starts
            30s claim publish under key 3
            30s write 6
            30s act publish
            30s publish Succeeded
            30s claim index under key 4
            30s write 7
            30s act index
            30s index Succeeded
            30s stage docs Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 8
        "#]],
    );
}

#[test]
fn an_aborted_run_goes_on_behind_what_is_passed() {
    check(
        "stage build
           acts openPr undo
         stage deploy
           acts a
         stage tell
           acts post",
        "a: wait 60s
         ask 10s Abort
         ask 20s Skip deploy",
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
            10s openPr undone
            10s stage tell Omitted
            10s run Aborted
            10s write 4
            20s ada asks for Skip
            20s action 1 Applied
            20s round 2
            20s stage build is to be done again: attempt 2
            20s a Skipped (SkippedByPerson)
            20s stage deploy Skipped (SkippedByPerson: skipped by ada)
            20s stage tell is to be done again: attempt 1
            20s stage build starts
            20s claim openPr under key 3
            20s write 5
            20s act openPr
            20s openPr Succeeded
            20s stage build Succeeded
            20s stage tell starts
            20s claim post under key 4
            20s write 6
            20s act post
            20s post Succeeded
            20s stage tell Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 7
        "#]],
    );
}

#[test]
fn a_skip_waits_until_the_failed_round_has_wound_up() {
    check(
        "stage deploy
           acts a
         hook warn on Failure
           acts mail",
        "a: fail Refused
         mail: wait 30s; ok
         ask 10s Skip deploy",
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
            10s ada asks for Skip
            30s look warn/mail
            30s warn/mail Succeeded
            30s hook warn Succeeded
            30s run Failed
            30s action 0 Applied
            30s round 2
            30s a Skipped (SkippedByPerson)
            30s stage deploy Skipped (SkippedByPerson: skipped by ada)
            30s ending Succeeded
            30s run Succeeded
            30s write 3
        "#]],
    );
}

#[test]
fn a_succeeded_run_has_nothing_to_pass() {
    check(
        "stage deploy\n acts a\n stage tell when=false",
        "ask 10s Skip deploy\n ask 10s Skip tell",
        expect![[r#"
        0s stage deploy starts
        0s claim a under key 1
        0s write 1
        0s act a
        0s a Succeeded
        0s stage deploy Succeeded
        0s stage tell Skipped (ConditionFalse: its condition `when` is false)
        0s ending Succeeded
        0s run Succeeded
        0s write 2
        10s ada asks for Skip
        10s ada asks for Skip
        10s action 0 Ignored (nothing of the stage is left to be passed)
        10s action 1 Ignored (nothing of the stage is left to be passed)
        10s write 3
    "#]],
    );
}

#[test]
fn what_was_passed_is_done_when_a_person_names_it() {
    check(
        "stage deploy
           acts a
           acts b",
        "a: wait 60s; ok
         ask 10s Skip deploy step=a
         ask 20s Retry deploy step=a",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson: skipped by ada)
            10s claim b under key 2
            10s write 2
            10s act b
            10s b Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
            20s ada asks for Retry
            20s action 1 Applied
            20s round 2
            20s stage deploy is to be done again: attempt 2
            20s stage deploy starts
            20s claim a under key 1 (2)
            20s write 4
            20s act a
            20s a Succeeded
            20s claim b under key 3
            20s write 5
            20s act b
            20s b Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn the_effect_of_what_was_passed_is_taken_back_by_an_abort() {
    check(
        "stage deploy
           acts a undo
           acts b",
        "a: wait 60s
         b: wait 60s
         ask 10s Skip deploy step=a
         ask 20s Abort",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            10s ada asks for Skip
            10s action 0 Applied
            10s a Skipped (SkippedByPerson: skipped by ada)
            10s claim b under key 2
            10s write 2
            10s act b
            20s ada asks for Abort
            20s action 1 Applied
            20s b Aborted
            20s stage deploy Aborted (Aborted: aborted by ada)
            20s ending Aborted (Aborted: aborted by ada)
            20s write 3
            20s undo a
            20s a undone
            20s run Aborted
            20s write 4
        "#]],
    );
}

#[test]
fn a_skip_waits_until_the_hooks_that_are_due_have_ended() {
    check(
        "stage deploy
           acts a
           acts b
         hook greet on Started for stage/deploy
           acts hello",
        "hello: wait 30s; ok
         ask 10s Skip deploy step=a",
        expect![[r#"
            0s stage deploy starts
            0s hook greet starts (Started stage/deploy)
            0s claim greet/hello under key 1
            0s write 1
            0s act greet/hello
            10s ada asks for Skip
            30s look greet/hello
            30s greet/hello Succeeded
            30s hook greet Succeeded
            30s action 0 Applied
            30s a Skipped (SkippedByPerson: skipped by ada)
            30s claim b under key 2
            30s write 2
            30s act b
            30s b Succeeded
            30s stage deploy Succeeded
            30s ending Succeeded
            30s run Succeeded
            30s write 3
        "#]],
    );
}
