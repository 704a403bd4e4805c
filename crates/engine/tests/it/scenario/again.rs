//! A stage that is executed again: retries, loops, and items.

use expect_test::expect;

use crate::support::check;

#[test]
fn a_failed_stage_is_tried_again_from_its_first_step_under_new_keys() {
    check(
        "stage deploy retry=2 backoff=5s
           acts a
           acts b",
        "b: fail Refused; fail Refused; ok",
        expect![[r#"
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
            0s stage deploy again at 5s: attempt 2, iteration 1
            0s write 3
            5s claim a under key 3
            5s write 4
            5s act a
            5s a Succeeded
            5s claim b under key 4
            5s write 5
            5s act b
            5s b Failed (Refused: it broke)
            5s stage deploy Failed (Refused: step b: it broke)
            5s stage deploy again at 15s: attempt 3, iteration 1
            5s write 6
            15s claim a under key 5
            15s write 7
            15s act a
            15s a Succeeded
            15s claim b under key 6
            15s write 8
            15s act b
            15s b Succeeded
            15s stage deploy Succeeded
            15s ending Succeeded
            15s run Succeeded
            15s write 9
        "#]],
    );
}

#[test]
fn a_stage_fails_when_no_attempt_is_left() {
    check(
        "stage deploy retry=1
           acts a",
        "a: fail One; fail Two",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (One: it broke)
            0s stage deploy Failed (One: step a: it broke)
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 2
            1s claim a under key 2
            1s write 3
            1s act a
            1s a Failed (Two: it broke)
            1s stage deploy Failed (Two: step a: it broke)
            1s ending Failed (Two: stage deploy: step a: it broke)
            1s run Failed
            1s write 4
        "#]],
    );
}

#[test]
fn a_policy_may_refuse_another_attempt() {
    check(
        "stage deploy retry=3
           acts a",
        "retry stages when transient
         a: flake Away; fail Refused",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Failed (Away: it broke)
            0s stage deploy Failed (Away: step a: it broke)
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 2
            1s claim a under key 2
            1s write 3
            1s act a
            1s a Failed (Refused: it broke)
            1s stage deploy Failed (Refused: step a: it broke)
            1s ending Failed (Refused: stage deploy: step a: it broke)
            1s run Failed
            1s write 4
        "#]],
    );
}

#[test]
fn a_stage_with_an_unresolved_step_is_never_tried_again() {
    check(
        "stage deploy retry=3
           acts a",
        "a: lost Gone",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a Unknown (Gone: it broke)
            0s stage deploy Failed (Gone: step a: it broke)
            0s ending Failed (Gone: stage deploy: step a: it broke)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn an_effect_of_which_nothing_is_known_keeps_its_key_in_the_next_attempt() {
    check(
        "stage deploy retry=1
           acts first
           acts a",
        "a: away Reset; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim first under key 1
            0s write 1
            0s act first
            0s first Succeeded
            0s claim a under key 2
            0s write 2
            0s act a
            0s a Failed (Reset: it broke)
            0s stage deploy Failed (Reset: step a: it broke)
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 3
            1s claim first under key 3
            1s write 4
            1s act first
            1s first Succeeded
            1s claim a under key 2 (2)
            1s write 5
            1s act a
            1s a Succeeded
            1s stage deploy Succeeded
            1s ending Succeeded
            1s run Succeeded
            1s write 6
        "#]],
    );
}

#[test]
fn the_effects_of_a_failed_attempt_are_taken_back_before_the_next() {
    check(
        "stage deploy retry=1
           acts openPr undo
           reads merged",
        "merged: fail Closed; ok
         undo openPr: away Busy; ok",
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
            0s write 3
            0s undo openPr
            0s openPr undo again at 1s (it broke)
            0s write 4
            1s undo openPr
            1s openPr undone
            1s stage deploy again at 2s: attempt 2, iteration 1
            1s write 5
            2s claim openPr under key 3
            2s write 6
            2s act openPr
            2s openPr Succeeded
            2s claim merged under key 4
            2s write 7
            2s look merged
            2s merged Succeeded
            2s stage deploy Succeeded
            2s ending Succeeded
            2s run Succeeded
            2s write 8
        "#]],
    );
}

#[test]
fn a_loop_goes_on_until_its_condition_holds() {
    check(
        "stage drain until=3 limit=5 every=10s
           acts poll",
        "",
        expect![[r#"
            0s stage drain starts
            0s claim poll under key 1
            0s write 1
            0s act poll
            0s poll Succeeded
            0s stage drain Succeeded
            0s stage drain again at 10s: attempt 1, iteration 2
            0s write 2
            10s claim poll under key 2
            10s write 3
            10s act poll
            10s poll Succeeded
            10s stage drain Succeeded
            10s stage drain again at 20s: attempt 1, iteration 3
            10s write 4
            20s claim poll under key 3
            20s write 5
            20s act poll
            20s poll Succeeded
            20s stage drain Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 6
        "#]],
    );
}

#[test]
fn a_loop_that_reaches_its_limit_fails_and_may_be_tried_again() {
    check(
        "stage drain until=9 limit=2 retry=1
           acts poll",
        "",
        expect![[r#"
            0s stage drain starts
            0s claim poll under key 1
            0s write 1
            0s act poll
            0s poll Succeeded
            0s stage drain Succeeded
            0s stage drain again at 0s: attempt 1, iteration 2
            0s claim poll under key 2
            0s write 2
            0s act poll
            0s poll Succeeded
            0s stage drain Failed (LoopLimit: its condition `until` is false after 2 iterations, the limit)
            0s stage drain again at 1s: attempt 2, iteration 1
            0s write 3
            1s claim poll under key 3
            1s write 4
            1s act poll
            1s poll Succeeded
            1s stage drain Succeeded
            1s stage drain again at 1s: attempt 2, iteration 2
            1s claim poll under key 4
            1s write 5
            1s act poll
            1s poll Succeeded
            1s stage drain Failed (LoopLimit: its condition `until` is false after 2 iterations, the limit)
            1s ending Failed (LoopLimit: stage drain: its condition `until` is false after 2 iterations, the limit)
            1s run Failed
            1s write 6
        "#]],
    );
}

#[test]
fn a_loop_whose_condition_cannot_be_evaluated_fails() {
    check(
        "stage drain until=error
           acts poll",
        "",
        expect![[r#"
            0s stage drain starts
            0s claim poll under key 1
            0s write 1
            0s act poll
            0s poll Succeeded
            0s stage drain Failed (ConditionFailed: no such key: version)
            0s ending Failed (ConditionFailed: stage drain: no such key: version)
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_stage_times_out_in_the_pause_between_two_iterations() {
    check(
        "stage drain until=9 every=10s timeout=15s
           acts poll",
        "",
        expect![[r#"
            0s stage drain starts
            0s claim poll under key 1
            0s write 1
            0s act poll
            0s poll Succeeded
            0s stage drain Succeeded
            0s stage drain again at 10s: attempt 1, iteration 2
            0s write 2
            10s claim poll under key 2
            10s write 3
            10s act poll
            10s poll Succeeded
            10s stage drain Succeeded
            10s stage drain again at 20s: attempt 1, iteration 3
            10s write 4
            15s stage drain Failed (StageTimeout: the stage took longer than its timeout of 15s)
            15s ending Failed (StageTimeout: stage drain: the stage took longer than its timeout of 15s)
            15s run Failed
            15s write 5
        "#]],
    );
}

#[test]
fn every_item_is_a_stage_of_its_own() {
    check(
        "stage roll each=eu,us
           acts apply
           acts check
         stage after
           acts tell",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s stage roll[us] starts
            0s claim us/apply under key 2
            0s write 1
            0s act eu/apply
            0s act us/apply
            0s eu/apply Succeeded
            0s us/apply Succeeded
            0s claim eu/check under key 3
            0s claim us/check under key 4
            0s write 2
            0s act eu/check
            0s act us/check
            0s eu/check Succeeded
            0s us/check Succeeded
            0s stage roll[eu] Succeeded
            0s stage roll[us] Succeeded
            0s stage after starts
            0s claim tell under key 5
            0s write 3
            0s act tell
            0s tell Succeeded
            0s stage after Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn no_more_items_are_under_way_than_may_be() {
    check(
        "stage roll each=a,b,c max=2
           acts apply",
        "apply: +5s ok; +2s ok; ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[c] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s claim b/apply under key 2
            0s write 1
            0s act a/apply
            0s act b/apply
            2s b/apply Succeeded
            2s stage roll[b] Succeeded
            2s stage roll[c] starts
            2s claim c/apply under key 3
            2s write 2
            2s act c/apply
            2s c/apply Succeeded
            2s stage roll[c] Succeeded
            2s write 3
            5s a/apply Succeeded
            5s stage roll[a] Succeeded
            5s ending Succeeded
            5s run Succeeded
            5s write 4
        "#]],
    );
}

#[test]
fn after_an_item_has_failed_no_other_starts_and_those_under_way_end() {
    check(
        "stage roll each=a,b,c,d max=2
           acts apply
           acts check",
        "apply: +5s fail Refused; +6s ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[c] is listed
            0s stage roll[d] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s claim b/apply under key 2
            0s write 1
            0s act a/apply
            0s act b/apply
            5s a/apply Failed (Refused: it broke)
            5s stage roll[a] Failed (Refused: step apply: it broke)
            5s write 2
            6s b/apply Succeeded
            6s claim b/check under key 3
            6s write 3
            6s act b/check
            6s b/check Succeeded
            6s stage roll[b] Succeeded
            6s ending Failed (Refused: stage roll[a]: step apply: it broke)
            6s stage roll[c] Omitted
            6s stage roll[d] Omitted
            6s run Failed
            6s write 4
        "#]],
    );
}

#[test]
fn an_item_is_tried_again_by_itself() {
    check(
        "stage roll each=a,b retry=1 backoff=10s
           acts apply",
        "apply: fail Refused; ok; ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s claim b/apply under key 2
            0s write 1
            0s act a/apply
            0s act b/apply
            0s a/apply Failed (Refused: it broke)
            0s b/apply Succeeded
            0s stage roll[a] Failed (Refused: step apply: it broke)
            0s stage roll[a] again at 10s: attempt 2, iteration 1
            0s stage roll[b] Succeeded
            0s write 2
            10s claim a/apply under key 3
            10s write 3
            10s act a/apply
            10s a/apply Succeeded
            10s stage roll[a] Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 4
        "#]],
    );
}

#[test]
fn a_list_without_items_fails_the_stage() {
    check(
        "stage roll each=-
           acts apply",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll Failed (NoItems: the list of its items is empty; say with `when` where there may be nothing to do)
            0s ending Failed (NoItems: stage roll: the list of its items is empty; say with `when` where there may be nothing to do)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_list_that_cannot_be_evaluated_fails_the_stage() {
    check(
        "stage roll each=error
           acts apply",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll Failed (ListFailed: no such key: regions)
            0s ending Failed (ListFailed: stage roll: no such key: regions)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_stage_with_a_list_is_skipped_as_a_whole() {
    check(
        "stage roll each=a,b when=false
           acts apply",
        "",
        expect![[r#"
            0s apply Skipped
            0s stage roll Skipped (ConditionFalse: its condition `when` is false)
            0s ending Succeeded
            0s run Succeeded
            0s write 1
        "#]],
    );
}

#[test]
fn hooks_follow_each_item_attempt_and_iteration() {
    check(
        "stage roll each=a,b until=2 retry=1
           acts apply
         hook tell on Started,Success,Failure for stage/roll
           pure post",
        "apply: ok; ok; fail Refused",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s hook tell starts (Started stage/roll[a])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s hook tell starts (Started stage/roll[b])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim b/apply under key 2
            0s write 1
            0s act a/apply
            0s act b/apply
            0s a/apply Succeeded
            0s b/apply Succeeded
            0s stage roll[a] Succeeded
            0s hook tell starts (Success stage/roll[a])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage roll[a] again at 0s: attempt 1, iteration 2
            0s hook tell starts (Started stage/roll[a])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim a/apply under key 3
            0s stage roll[b] Succeeded
            0s hook tell starts (Success stage/roll[b])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage roll[b] again at 0s: attempt 1, iteration 2
            0s hook tell starts (Started stage/roll[b])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s claim b/apply under key 4
            0s write 2
            0s act a/apply
            0s act b/apply
            0s a/apply Failed (Refused: it broke)
            0s b/apply Succeeded
            0s stage roll[a] Failed (Refused: step apply: it broke)
            0s hook tell starts (Failure stage/roll[a])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage roll[a] again at 1s: attempt 2, iteration 1
            0s stage roll[b] Succeeded
            0s hook tell starts (Success stage/roll[b])
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s write 3
            1s hook tell starts (Started stage/roll[a])
            1s compute tell/post
            1s tell/post Succeeded
            1s hook tell Succeeded
            1s claim a/apply under key 5
            1s write 4
            1s act a/apply
            1s a/apply Succeeded
            1s stage roll[a] Succeeded
            1s hook tell starts (Success stage/roll[a])
            1s compute tell/post
            1s tell/post Succeeded
            1s hook tell Succeeded
            1s stage roll[a] again at 1s: attempt 2, iteration 2
            1s hook tell starts (Started stage/roll[a])
            1s compute tell/post
            1s tell/post Succeeded
            1s hook tell Succeeded
            1s claim a/apply under key 6
            1s write 5
            1s act a/apply
            1s a/apply Succeeded
            1s stage roll[a] Succeeded
            1s hook tell starts (Success stage/roll[a])
            1s compute tell/post
            1s tell/post Succeeded
            1s hook tell Succeeded
            1s ending Succeeded
            1s run Succeeded
            1s write 6
        "#]],
    );
}

#[test]
fn after_a_stage_was_late_what_it_had_begun_is_looked_for_under_its_keys() {
    check(
        "stage deploy timeout=10s retry=1 parallel
           acts a
           acts b retry=1 backoff=1m
           acts c retry=1 backoff=1m",
        "a: wait 1h; wait 1h; ok
         b: away Reset; ok
         c: flake Closed; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s claim b under key 2
            0s claim c under key 3
            0s write 1
            0s act a
            0s act b
            0s act c
            0s b attempt 2 at 60s (Reset: it broke)
            0s c attempt 2 at 60s (Closed: it broke)
            0s write 2
            10s look a
            10s a Failed (StageTimeout: the stage took longer than its timeout of 10s; step a had not ended)
            10s b Failed (StageTimeout: the stage took longer than its timeout of 10s; step b had not ended; last seen: it broke)
            10s c Failed (StageTimeout: the stage took longer than its timeout of 10s; step c had not ended; last seen: it broke)
            10s stage deploy Failed (StageTimeout: the stage took longer than its timeout of 10s; step a had not ended; step b had not ended; last seen: it broke; step c had not ended; last seen: it broke)
            10s stage deploy again at 11s: attempt 2, iteration 1
            10s write 3
            11s claim a under key 1 (2)
            11s claim b under key 2 (2)
            11s claim c under key 4
            11s write 4
            11s act a
            11s act b
            11s act c
            11s a Succeeded
            11s b Succeeded
            11s c Succeeded
            11s stage deploy Succeeded
            11s ending Succeeded
            11s run Succeeded
            11s write 5
        "#]],
    );
}

#[test]
fn the_key_that_is_kept_is_the_newest() {
    check(
        "stage deploy retry=1
           acts a retry=1",
        "a: flake Closed; away Reset; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim a under key 1
            0s write 1
            0s act a
            0s a attempt 2 at 1s (Closed: it broke)
            0s write 2
            1s claim a under key 2
            1s write 3
            1s act a
            1s a Failed (Reset: it broke)
            1s stage deploy Failed (Reset: step a: it broke)
            1s stage deploy again at 2s: attempt 2, iteration 1
            1s write 4
            2s claim a under key 2 (2)
            2s write 5
            2s act a
            2s a Succeeded
            2s stage deploy Succeeded
            2s ending Succeeded
            2s run Succeeded
            2s write 6
        "#]],
    );
}

#[test]
fn an_effect_of_which_nothing_is_known_keeps_its_key_also_when_the_next_attempt_does_not_come_to_it() {
    check(
        "stage deploy retry=2
           acts first
           acts a",
        "first: ok; fail Refused; ok
         a: away Reset; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim first under key 1
            0s write 1
            0s act first
            0s first Succeeded
            0s claim a under key 2
            0s write 2
            0s act a
            0s a Failed (Reset: it broke)
            0s stage deploy Failed (Reset: step a: it broke)
            0s stage deploy again at 1s: attempt 2, iteration 1
            0s write 3
            1s claim first under key 3
            1s write 4
            1s act first
            1s first Failed (Refused: it broke)
            1s stage deploy Failed (Refused: step first: it broke)
            1s stage deploy again at 3s: attempt 3, iteration 1
            1s write 5
            3s claim first under key 4
            3s write 6
            3s act first
            3s first Succeeded
            3s claim a under key 2 (2)
            3s write 7
            3s act a
            3s a Succeeded
            3s stage deploy Succeeded
            3s ending Succeeded
            3s run Succeeded
            3s write 8
        "#]],
    );
}
