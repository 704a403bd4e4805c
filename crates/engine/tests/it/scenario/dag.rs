//! Stages as a graph: what starts when, what runs at the same time, and what a failure does to the others.

use expect_test::expect;

use crate::support::check;

#[test]
fn the_two_sides_of_a_diamond_run_at_the_same_time() {
    check(
        "stage build
           acts make
         stage left
           acts goLeft
         stage right needs=build
           acts goRight
         stage join needs=left,right
           acts meet",
        "goLeft: +10s ok
         goRight: +3s ok",
        expect![[r#"
            0s stage build starts
            0s claim make under key 1
            0s write 1
            0s act make
            0s make Succeeded
            0s stage build Succeeded
            0s stage left starts
            0s claim goLeft under key 2
            0s stage right starts
            0s claim goRight under key 3
            0s write 2
            0s act goLeft
            0s act goRight
            3s goRight Succeeded
            3s stage right Succeeded
            3s write 3
            10s goLeft Succeeded
            10s stage left Succeeded
            10s stage join starts
            10s claim meet under key 4
            10s write 4
            10s act meet
            10s meet Succeeded
            10s stage join Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 5
        "#]],
    );
}

#[test]
fn a_stage_that_needs_none_starts_with_the_run() {
    check(
        "stage one
           reads look
         stage two needs=
           reads see",
        "look: wait 10s; ok",
        expect![[r#"
            0s stage one starts
            0s claim look under key 1
            0s stage two starts
            0s claim see under key 2
            0s write 1
            0s look look
            0s look see
            0s see Succeeded
            0s stage two Succeeded
            0s write 2
            10s look look
            10s look Succeeded
            10s stage one Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn a_skipped_stage_does_not_break_what_needs_it() {
    check(
        "stage maybe when=false
           acts try
         stage after
           acts go",
        "",
        expect![[r#"
            0s try Skipped
            0s stage maybe Skipped (ConditionFalse: its condition `when` is false)
            0s stage after starts
            0s claim go under key 1
            0s write 1
            0s act go
            0s go Succeeded
            0s stage after Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 2
        "#]],
    );
}

#[test]
fn after_a_failure_what_is_under_way_goes_on_to_its_end_and_nothing_starts() {
    check(
        "stage fails
           acts break
         stage long needs=
           acts first
           acts second
         stage never needs=fails
           acts no
         stage later needs=long
           acts no2",
        "break: +1s fail Refused
         first: +5s ok",
        expect![[r#"
            0s stage fails starts
            0s claim break under key 1
            0s stage long starts
            0s claim first under key 2
            0s write 1
            0s act break
            0s act first
            1s break Failed (Refused: it broke)
            1s stage fails Failed (Refused: step break: it broke)
            1s write 2
            5s first Succeeded
            5s claim second under key 3
            5s write 3
            5s act second
            5s second Succeeded
            5s stage long Succeeded
            5s ending Failed (Refused: stage fails: step break: it broke)
            5s stage never Omitted
            5s stage later Omitted
            5s run Failed
            5s write 4
        "#]],
    );
}

#[test]
fn the_failure_that_came_first_is_the_runs() {
    check(
        "stage slow
           acts a
         stage quick needs=
           acts b",
        "a: +9s fail Slow
         b: +2s fail Quick",
        expect![[r#"
            0s stage slow starts
            0s claim a under key 1
            0s stage quick starts
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            2s b Failed (Quick: it broke)
            2s stage quick Failed (Quick: step b: it broke)
            2s write 2
            9s a Failed (Slow: it broke)
            9s stage slow Failed (Slow: step a: it broke)
            9s ending Failed (Quick: stage quick: step b: it broke)
            9s run Failed
            9s write 3
        "#]],
    );
}

#[test]
fn stages_that_need_each_other_fail_the_run_instead_of_blocking_it() {
    check(
        "stage one needs=1
           acts a
         stage two
           acts b",
        "",
        expect![[r#"
            0s ending Failed (NeverStarts: stage one can never start: it needs itself through other stages)
            0s stage one Omitted
            0s stage two Omitted
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn steps_of_a_parallel_stage_start_together_and_each_outcome_is_kept_when_it_comes() {
    check(
        "stage all parallel
           acts a
           acts b
           pure c",
        "a: +10s ok
         b: +3s ok",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s compute c
            0s c Succeeded
            0s write 1
            0s act a
            0s act b
            3s b Succeeded
            3s write 2
            10s a Succeeded
            10s stage all Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 3
        "#]],
    );
}

#[test]
fn when_a_parallel_step_fails_the_others_go_on_to_their_end() {
    check(
        "stage all parallel
           acts a
           acts b
         stage after
           acts c",
        "a: +1s fail Refused
         b: +3s wait 10s; ok",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            1s a Failed (Refused: it broke)
            1s write 2
            13s look b
            13s b Succeeded
            13s stage all Failed (Refused: step a: it broke)
            13s ending Failed (Refused: stage all: step a: it broke)
            13s stage after Omitted
            13s run Failed
            13s write 3
        "#]],
    );
}

#[test]
fn while_a_hook_runs_what_is_under_way_goes_on_and_nothing_starts() {
    check(
        "stage left
           acts a
           acts then
         stage right needs=
           acts b
         hook tell on Success for step/b
           reads post",
        "a: +3s ok
         b: +1s ok
         post: wait 10s; ok",
        expect![[r#"
            0s stage left starts
            0s claim a under key 1
            0s stage right starts
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            1s b Succeeded
            1s hook tell starts (Success step/b)
            1s claim tell/post under key 3
            1s write 2
            1s look tell/post
            3s a Succeeded
            3s write 3
            11s look tell/post
            11s tell/post Succeeded
            11s hook tell Succeeded
            11s claim then under key 4
            11s stage right Succeeded
            11s write 4
            11s act then
            11s then Succeeded
            11s stage left Succeeded
            11s ending Succeeded
            11s run Succeeded
            11s write 5
        "#]],
    );
}

#[test]
fn an_abort_waits_for_the_outcome_of_what_is_being_performed() {
    check(
        "stage left
           acts a undo
         stage right needs=
           reads b",
        "a: +30s ok
         b: wait 100s
         abort 5s",
        expect![[r#"
            0s stage left starts
            0s claim a under key 1
            0s stage right starts
            0s claim b under key 2
            0s write 1
            0s act a
            0s look b
            30s a Succeeded
            30s stage left Aborted (Aborted: alice asked for it)
            30s b Aborted
            30s stage right Aborted (Aborted: alice asked for it)
            30s ending Aborted (Aborted: alice asked for it)
            30s write 2
            30s undo a
            30s a undone
            30s run Aborted
            30s write 3
        "#]],
    );
}

#[test]
fn what_needs_a_skipped_stage_waits_for_the_others_that_it_needs() {
    check(
        "stage build
           acts make
         stage left when=false
           acts goLeft
         stage right needs=build
           acts goRight
         stage join needs=left,right
           acts meet",
        "goRight: +5s ok",
        expect![[r#"
            0s stage build starts
            0s claim make under key 1
            0s write 1
            0s act make
            0s make Succeeded
            0s stage build Succeeded
            0s goLeft Skipped
            0s stage left Skipped (ConditionFalse: its condition `when` is false)
            0s stage right starts
            0s claim goRight under key 2
            0s write 2
            0s act goRight
            5s goRight Succeeded
            5s stage right Succeeded
            5s stage join starts
            5s claim meet under key 3
            5s write 3
            5s act meet
            5s meet Succeeded
            5s stage join Succeeded
            5s ending Succeeded
            5s run Succeeded
            5s write 4
        "#]],
    );
}

#[test]
fn all_that_is_behind_a_failure_is_omitted_and_so_is_what_needs_it_through_a_skipped_stage() {
    check(
        "stage build
           acts make
         stage maybe when=false
           acts try
         stage after
           acts go
         stage other needs=
           acts do",
        "make: fail Refused",
        expect![[r#"
            0s stage build starts
            0s claim make under key 1
            0s stage other starts
            0s claim do under key 2
            0s write 1
            0s act make
            0s act do
            0s make Failed (Refused: it broke)
            0s do Succeeded
            0s stage build Failed (Refused: step make: it broke)
            0s stage other Succeeded
            0s ending Failed (Refused: stage build: step make: it broke)
            0s stage maybe Omitted
            0s stage after Omitted
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_stage_under_way_is_tried_again_and_loops_on_after_another_has_failed() {
    check(
        "stage fails
           acts break
         stage long needs= retry=1 backoff=5s until=2
           acts work",
        "break: +1s fail Refused
         work: +2s fail Busy; ok; ok",
        expect![[r#"
            0s stage fails starts
            0s claim break under key 1
            0s stage long starts
            0s claim work under key 2
            0s write 1
            0s act break
            0s act work
            1s break Failed (Refused: it broke)
            1s stage fails Failed (Refused: step break: it broke)
            1s write 2
            2s work Failed (Busy: it broke)
            2s stage long Failed (Busy: step work: it broke)
            2s stage long again at 7s: attempt 2, iteration 1
            2s write 3
            7s claim work under key 3
            7s write 4
            7s act work
            7s work Succeeded
            7s stage long Succeeded
            7s stage long again at 7s: attempt 2, iteration 2
            7s claim work under key 4
            7s write 5
            7s act work
            7s work Succeeded
            7s stage long Succeeded
            7s ending Failed (Refused: stage fails: step break: it broke)
            7s run Failed
            7s write 6
        "#]],
    );
}

#[test]
fn hooks_of_two_stages_that_end_together_run_one_after_the_other() {
    check(
        "stage left
           acts a
         stage right needs=
           acts b
         stage join needs=left,right
           acts c
         hook ofLeft on Success for stage/left
           acts post
         hook ofRight on Success for stage/right
           acts post",
        "",
        expect![[r#"
            0s stage left starts
            0s claim a under key 1
            0s stage right starts
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            0s a Succeeded
            0s b Succeeded
            0s stage left Succeeded
            0s hook ofLeft starts (Success stage/left)
            0s claim ofLeft/post under key 3
            0s write 2
            0s act ofLeft/post
            0s ofLeft/post Succeeded
            0s hook ofLeft Succeeded
            0s stage right Succeeded
            0s hook ofRight starts (Success stage/right)
            0s claim ofRight/post under key 4
            0s write 3
            0s act ofRight/post
            0s ofRight/post Succeeded
            0s hook ofRight Succeeded
            0s stage join starts
            0s claim c under key 5
            0s write 4
            0s act c
            0s c Succeeded
            0s stage join Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 5
        "#]],
    );
}

#[test]
fn a_stage_that_needs_itself_fails_the_run_when_the_others_are_done() {
    check(
        "stage good
           acts a
         stage round needs=1
           acts b",
        "",
        expect![[r#"
            0s stage good starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Succeeded
            0s stage good Succeeded
            0s ending Failed (NeverStarts: stage round can never start: it needs itself through other stages)
            0s stage round Omitted
            0s run Failed
            0s write 2
        "#]],
    );
}
