//! The items of a stage: its list, and what each of them does on its own.

use expect_test::expect;
use serde_json::json;
use sluice_engine::MAX_DEPTH;

use crate::support::{check, run};

#[test]
fn a_list_that_failed_is_evaluated_again_when_the_stage_is_tried_again() {
    check(
        "stage roll each=error retry=1 backoff=5s
           acts apply
         hook tell on Started,Failure for stage/roll
           pure post",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll Failed (ListFailed: no such key: regions)
            0s hook tell starts (Failure stage/roll)
            0s compute tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage roll again at 5s: attempt 2, iteration 1
            0s write 1
            5s stage roll Failed (ListFailed: no such key: regions)
            5s hook tell starts (Failure stage/roll)
            5s compute tell/post
            5s tell/post Succeeded
            5s hook tell Succeeded
            5s ending Failed (ListFailed: stage roll: no such key: regions)
            5s run Failed
            5s write 2
        "#]],
    );
}

#[test]
fn the_items_of_a_stage_wait_for_all_that_it_needs_and_what_needs_it_for_all_of_them() {
    check(
        "stage plan
           acts think
         stage roll each=a,b
           acts apply
         stage after
           acts tell",
        "think: +5s ok
         apply: +1s ok; +9s ok",
        expect![[r#"
            0s stage plan starts
            0s claim think under key 1
            0s write 1
            0s act think
            5s think Succeeded
            5s stage plan Succeeded
            5s stage roll starts
            5s stage roll[a] is listed
            5s stage roll[b] is listed
            5s stage roll[a] starts
            5s claim a/apply under key 2
            5s stage roll[b] starts
            5s claim b/apply under key 3
            5s write 2
            5s act a/apply
            5s act b/apply
            6s a/apply Succeeded
            6s stage roll[a] Succeeded
            6s write 3
            14s b/apply Succeeded
            14s stage roll[b] Succeeded
            14s stage after starts
            14s claim tell under key 4
            14s write 4
            14s act tell
            14s tell Succeeded
            14s stage after Succeeded
            14s ending Succeeded
            14s run Succeeded
            14s write 5
        "#]],
    );
}

#[test]
fn the_items_are_a_snapshot_a_crash_does_not_list_them_again() {
    check(
        "stage roll each=a,b
           acts apply",
        "crash after write 1
         crash after act b/apply",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s claim b/apply under key 2
            0s write 1
            0s crash
            0s claim a/apply under key 1 (2)
            0s claim b/apply under key 2 (2)
            0s write 2
            0s act a/apply
            0s act b/apply
            0s crash
            0s claim a/apply under key 1 (3)
            0s claim b/apply under key 2 (3)
            0s write 3
            0s act a/apply
            0s act b/apply
            0s a/apply Succeeded
            0s b/apply Succeeded
            0s stage roll[a] Succeeded
            0s stage roll[b] Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 4
        "#]],
    );
}

#[test]
fn an_item_loops_until_its_own_condition_holds() {
    check(
        "stage roll each=a,b max=1 until=2 limit=2 every=5s
           acts apply",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s write 1
            0s act a/apply
            0s a/apply Succeeded
            0s stage roll[a] Succeeded
            0s stage roll[a] again at 5s: attempt 1, iteration 2
            0s write 2
            5s claim a/apply under key 2
            5s write 3
            5s act a/apply
            5s a/apply Succeeded
            5s stage roll[a] Succeeded
            5s stage roll[b] starts
            5s claim b/apply under key 3
            5s write 4
            5s act b/apply
            5s b/apply Succeeded
            5s stage roll[b] Succeeded
            5s stage roll[b] again at 10s: attempt 1, iteration 2
            5s write 5
            10s claim b/apply under key 4
            10s write 6
            10s act b/apply
            10s b/apply Succeeded
            10s stage roll[b] Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 7
        "#]],
    );
}

#[test]
fn each_item_has_the_whole_time_of_the_stage() {
    check(
        "stage roll each=a,b max=1 timeout=10s
           reads apply",
        "apply: wait 8s; ok; wait 8s; ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s write 1
            0s look a/apply
            8s look a/apply
            8s a/apply Succeeded
            8s stage roll[a] Succeeded
            8s stage roll[b] starts
            8s claim b/apply under key 2
            8s write 2
            8s look b/apply
            16s look b/apply
            16s b/apply Succeeded
            16s stage roll[b] Succeeded
            16s ending Succeeded
            16s run Succeeded
            16s write 3
        "#]],
    );
}

#[test]
fn an_item_that_is_late_fails_alone_and_the_other_goes_on_to_its_end() {
    check(
        "stage roll each=a,b timeout=10s
           reads apply
           reads check",
        "apply: wait 60s; wait 4s; ok; wait 60s
         check: wait 5s; ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s stage roll[b] starts
            0s claim b/apply under key 2
            0s write 1
            0s look a/apply
            0s look b/apply
            4s look b/apply
            4s b/apply Succeeded
            4s claim b/check under key 3
            4s write 2
            4s look b/check
            9s look b/check
            9s b/check Succeeded
            9s stage roll[b] Succeeded
            9s write 3
            10s look a/apply
            10s a/apply Failed (StageTimeout: the stage took longer than its timeout of 10s; step apply had not ended)
            10s stage roll[a] Failed (StageTimeout: the stage took longer than its timeout of 10s; step apply had not ended)
            10s ending Failed (StageTimeout: stage roll[a]: the stage took longer than its timeout of 10s; step apply had not ended)
            10s run Failed
            10s write 4
        "#]],
    );
}

#[test]
fn an_abort_ends_the_items_under_way_and_takes_the_effects_of_all_back() {
    check(
        "stage roll each=a,b,c max=2
           acts openPr undo
           reads merged",
        "merged: ok; wait 1h; wait 1h
         abort 5s",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[c] is listed
            0s stage roll[a] starts
            0s claim a/openPr under key 1
            0s stage roll[b] starts
            0s claim b/openPr under key 2
            0s write 1
            0s act a/openPr
            0s act b/openPr
            0s a/openPr Succeeded
            0s b/openPr Succeeded
            0s claim a/merged under key 3
            0s claim b/merged under key 4
            0s write 2
            0s look a/merged
            0s look b/merged
            0s a/merged Succeeded
            0s stage roll[a] Succeeded
            0s stage roll[c] starts
            0s claim c/openPr under key 5
            0s write 3
            0s act c/openPr
            0s c/openPr Succeeded
            0s claim c/merged under key 6
            0s write 4
            0s look c/merged
            5s b/merged Aborted
            5s stage roll[b] Aborted (Aborted: alice asked for it)
            5s c/merged Aborted
            5s stage roll[c] Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 5
            5s undo a/openPr
            5s undo b/openPr
            5s undo c/openPr
            5s a/openPr undone
            5s b/openPr undone
            5s c/openPr undone
            5s run Aborted
            5s write 6
        "#]],
    );
}

#[test]
fn a_stage_with_items_that_is_behind_a_failure_is_never_listed() {
    check(
        "stage build
           acts compile
         stage roll each=a,b
           acts apply",
        "compile: fail Refused",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Failed (Refused: it broke)
            0s stage build Failed (Refused: step compile: it broke)
            0s ending Failed (Refused: stage build: step compile: it broke)
            0s stage roll Omitted
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn an_abort_before_the_list_is_there_omits_the_stage_with_its_items() {
    check(
        "stage build
           reads compile
         stage roll each=a,b
           acts apply",
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
            5s stage roll Omitted
            5s run Aborted
            5s write 2
        "#]],
    );
}

#[test]
fn no_item_starts_while_a_hook_runs() {
    check(
        "stage roll each=a,b max=1
           acts apply
         hook tell on Success for step/apply
           reads quiet",
        "quiet: wait 5s; ok",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/apply under key 1
            0s write 1
            0s act a/apply
            0s a/apply Succeeded
            0s hook tell starts (Success step/apply[a])
            0s claim tell/quiet under key 2
            0s write 2
            0s look tell/quiet
            5s look tell/quiet
            5s tell/quiet Succeeded
            5s hook tell Succeeded
            5s stage roll[a] Succeeded
            5s stage roll[b] starts
            5s claim b/apply under key 3
            5s write 3
            5s act b/apply
            5s b/apply Succeeded
            5s hook tell starts (Success step/apply[b])
            5s claim tell/quiet under key 4
            5s write 4
            5s look tell/quiet
            5s tell/quiet Succeeded
            5s hook tell Succeeded
            5s stage roll[b] Succeeded
            5s ending Succeeded
            5s run Succeeded
            5s write 5
        "#]],
    );
}

#[test]
fn an_item_whose_steps_are_parallel_starts_them_together() {
    check(
        "stage roll each=a,b parallel
           acts one
           acts two",
        "",
        expect![[r#"
            0s stage roll starts
            0s stage roll[a] is listed
            0s stage roll[b] is listed
            0s stage roll[a] starts
            0s claim a/one under key 1
            0s claim a/two under key 2
            0s stage roll[b] starts
            0s claim b/one under key 3
            0s claim b/two under key 4
            0s write 1
            0s act a/one
            0s act a/two
            0s act b/one
            0s act b/two
            0s a/one Succeeded
            0s a/two Succeeded
            0s b/one Succeeded
            0s b/two Succeeded
            0s stage roll[a] Succeeded
            0s stage roll[b] Succeeded
            0s ending Succeeded
            0s run Succeeded
            0s write 2
        "#]],
    );
}

/// The labels of a stage's items.
fn labels(list: &str) -> String {
    let driver = run(&format!("stage roll each={list}\n pure apply"), "");
    let labels: Vec<_> = driver.state.stages.iter().map(|stage| stage.item.clone().unwrap_or_default()).collect();
    labels.join(" ")
}

#[test]
fn an_item_is_called_by_what_it_is_or_by_its_name() {
    expect!["eu us-east 7"].assert_eq(&labels("eu,us-east,7"));
    expect!["1.5 -3 2"].assert_eq(&labels("1.5,-3,2.0"));
    expect!["eu us"].assert_eq(&labels(r#"{"name":"eu"},{"name":"us"}"#));
    expect!["eu us"].assert_eq(&labels(r#"{"name":"eu"},us"#));
}

#[test]
fn items_that_their_names_do_not_tell_apart_are_called_by_where_they_stand() {
    expect!["0 1 2"].assert_eq(&labels("eu,us,eu"));
    expect!["0 1"].assert_eq(&labels(r#"{"name":"eu"},eu"#));
    expect!["0 1"].assert_eq(&labels(r#"7,"7""#));
    expect!["0 1"].assert_eq(&labels(r#"{"id":1},{"name":"us"}"#));
    expect!["0 1"].assert_eq(&labels(r#"{"name":7},{"name":"us"}"#));
    expect!["0 1"].assert_eq(&labels("true,null"));
    expect!["0 1"].assert_eq(&labels("[],eu"));
    expect!["0 1"].assert_eq(&labels(r#""",eu"#));
    expect!["0 1"].assert_eq(&labels(r#""a\nb",eu"#));
}

#[test]
fn a_long_text_is_no_name() {
    let (longest, longer) = ("é".repeat(63), "é".repeat(64));
    assert_eq!(labels(&longest), longest);
    assert_eq!(labels(&longer), "0");
}

#[test]
fn each_item_keeps_its_value_as_the_api_server_hands_it_back() {
    let driver = run(r#"stage roll each=2.0,{"name":"eu"}"#, "");
    let values: Vec<_> = driver.state.stages.iter().filter_map(|stage| stage.value.clone()).collect();
    assert_eq!(values, [json!(2), json!({"name": "eu"})]);
}

/// Why the run of this plan failed.
fn failure(plan: &str) -> String {
    let ending = run(plan, "").state.ending.unwrap();
    format!("{}: {}", ending.reason, ending.message.unwrap_or_default())
}

fn numbers(count: usize) -> String {
    (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

#[test]
fn a_hundred_items_are_possible_and_more_are_not() {
    assert_eq!(failure(&format!("stage roll each={}\n pure a", numbers(100))), "Succeeded: ");
    expect!["TooManyItems: stage roll: the list has 101 items; at most 100 are possible; start a run for each with a `pipelineRun` step"].assert_eq(&failure(&format!("stage roll each={}\n pure a", numbers(101))));
}

#[test]
fn the_items_of_all_stages_have_five_hundred_steps_with_those_of_their_hooks() {
    let each = |name: &str, count| format!("stage {name} each={}\n pure {name}1\n pure {name}2\n", numbers(count));
    let hooks = "
        hook ofStage on Started,Success for stage/b
          pure note
        hook ofStep on Failure for step/b2
          pure note
          pure tell
        hook ofRun on Success
          pure note";
    let plan = |count| format!("{}{}{hooks}", each("a", 70), each("b", count));
    assert_eq!(failure(&plan(60)), "Succeeded: ");
    expect!["TooManyItems: stage b: 61 items of 6 steps each, those of hooks included, besides the 140 of other stages are more than 500; start a run for each with a `pipelineRun` step"].assert_eq(&failure(&plan(61)));
}

#[test]
fn the_items_of_all_stages_take_32_kib() {
    let plan = |size: usize| {
        let each = |name: &str, size: usize| format!("stage {name} each={}\n pure do{name}\n", "x".repeat(size));
        each("a", 16 * 1024) + &each("b", size)
    };
    let frame = r#"[""]"#.len() + r#""""#.len();
    assert_eq!(failure(&plan(16 * 1024 - frame)), "Succeeded: ");
    expect!["ItemsTooLarge: stage b: the items take 16383 bytes besides the 16386 of other stages; at most 32768 are kept of a run; list less of each"].assert_eq(&failure(&plan(16 * 1024 - frame + 1)));
}

#[test]
fn an_item_may_nest_up_to_a_limit() {
    let nested = |levels| format!("stage roll each={}{}\n pure a", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(failure(&nested(MAX_DEPTH)), "Succeeded: ");
    expect!["ItemTooDeep: stage roll: an item nests deeper than 64 levels"].assert_eq(&failure(&nested(MAX_DEPTH + 1)));
}
