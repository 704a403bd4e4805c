//! Taking effects back when the run is aborted.

use expect_test::expect;

use crate::support::check;

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
