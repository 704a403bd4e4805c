//! What people see of a run, on wide and narrow terminals.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

const PLAIN: Look = Look { width: Some(80), height: None, has_colour: false, is_unicode: true };

fn status(state: Value) -> PipelineRunStatus {
    let mut status: PipelineRunStatus = serde_json::from_value(state).unwrap();
    let summary = sluice_api::Summary::of(&status.state);
    (status.step, status.message, status.waiting_on) = (summary.step, summary.message, summary.waiting_on);
    status
}

fn draw(state: Value, look: Look) -> String {
    let now = "2026-05-04T12:01:30Z".parse().unwrap();
    look.draw(&of_run("deploy-1", &status(state), Some(&Commands::example()), now)).join("\n") + "\n"
}

#[expect(clippy::needless_pass_by_value, reason = "so that the macro may stand in the call")]
fn check(state: Value, look: Look, expected: Expect) {
    let drawn = draw(state, look);
    for line in drawn.lines().filter(|line| !line.contains("://") && !line.contains("sluice ")) {
        assert!(width_of(line) <= look.width.unwrap_or(usize::MAX), "too wide: {line:?}");
    }
    expected.assert_eq(&drawn);
}

fn waiting() -> Value {
    json!({
        "phase": "Running", "startedAt": "2026-05-04T12:00:00Z",
        "stages": [
            {"name": "assess", "phase": "Succeeded", "startedAt": "2026-05-04T12:00:00Z", "finishedAt": "2026-05-04T12:00:00.4Z", "steps": [
                {"name": "current", "phase": "Succeeded", "startedAt": "2026-05-04T12:00:00Z", "finishedAt": "2026-05-04T12:00:00.4Z"},
            ]},
            {"name": "deploy", "phase": "Running", "startedAt": "2026-05-04T12:00:00.4Z", "steps": [
                {"name": "openChange", "phase": "Succeeded", "startedAt": "2026-05-04T12:00:00.4Z", "finishedAt": "2026-05-04T12:00:12Z",
                 "outputs": {"url": "https://git.example/shop/gitops/pulls/7"}},
                {"name": "merged", "phase": "Running", "startedAt": "2026-05-04T12:00:12Z",
                 "waitingOn": {"kind": "PullRequest", "key": "https://git.example/shop/gitops/pulls/7", "since": "2026-05-04T12:00:12Z"},
                 "message": "waits for a person to merge https://git.example/shop/gitops/pulls/7"},
            ]},
            {"name": "verify", "steps": [{"name": "check"}]},
        ],
    })
}

#[test]
fn a_waiting_run_says_what_it_waits_for() {
    check(
        waiting(),
        PLAIN,
        expect![[r#"
            ◔ deploy-1  Running   1m30s
            ├─ ✓ assess            0.4s
            │  └─ ✓ current        0.4s
            ├─ ● deploy           1m29s
            │  ├─ ✓ openChange      11s  https://git.example/shop/gitops/pulls/7
            │  └─ ◔ merged        1m18s
            │       waits for a person to merge https://git.example/shop/gitops/pulls/7
            └─ ○ verify
               └─ ○ check
        "#]],
    );
}

#[test]
fn a_link_is_never_cut_on_a_narrow_terminal() {
    check(
        waiting(),
        Look { width: Some(30), ..PLAIN },
        expect![[r#"
            ◔ deploy-1  Running   1m30s
            ├─ ✓ assess            0.4s
            │  └─ ✓ current        0.4s
            ├─ ● deploy           1m29s
            │  ├─ ✓ openChange      11s
            │  │    https://git.example/shop/gitops/pulls/7
            │  └─ ◔ merged        1m18s
            │       waits for a person to
            │       merge
            │       https://git.example/shop/gitops/pulls/7
            └─ ○ verify
               └─ ○ check
        "#]],
    );
}

/// A run whose one step says this.
fn saying(message: &str) -> Value {
    json!({
        "phase": "Running",
        "stages": [{"name": "a", "phase": "Running", "steps": [{"name": "b", "phase": "Running", "message": message}]}],
    })
}

#[test]
fn a_link_that_is_wider_than_the_terminal_has_a_line_of_its_own() {
    let link = "file:///home/ada/projects/delivery/pipelines/target/demo/repositories/shop/gitops.git#changes/1";
    check(
        saying(&format!("waits for a person to merge {link} now")),
        PLAIN,
        expect![[r#"
            ● deploy-1  Running
            └─ ● a
               └─ ● b
                    waits for a person to merge
                    file:///home/ada/projects/delivery/pipelines/target/demo/repositories/shop/gitops.git#changes/1
                    now
        "#]],
    );
}

#[test]
fn what_does_not_go_to_a_terminal_is_neither_broken_nor_cut() {
    let message = "there are many words in this ".repeat(20);
    let drawn = draw(saying(&message), Look { width: None, ..PLAIN });
    assert_eq!(drawn.lines().count(), 3, "{drawn}");
    assert!(drawn.contains(message.trim_end()), "{drawn}");
}

#[test]
fn a_long_message_is_cut_but_not_the_links_in_it() {
    let message = format!("{}https://git.example/7 {}", "one two three ".repeat(20), "four ".repeat(20));
    check(
        saying(&message),
        Look { width: Some(40), ..PLAIN },
        expect![[r#"
            ● deploy-1  Running
            └─ ● a
               └─ ● b
                    one two three one two three one
                    two three one two three one two
                    three one two three one two
                    three one two three one two…
                    https://git.example/7 four four
        "#]],
    );
}

#[test]
fn a_line_of_several_rows_counts_as_such_where_there_is_no_room() {
    let look = Look { width: Some(30), ..PLAIN };
    for height in 1..20 {
        let drawn = draw(waiting(), Look { height: Some(height), ..look });
        let rows: usize = drawn.lines().map(|line| look.rows(width_of(line))).sum();
        assert!(rows <= height, "{rows} rows in {height}:\n{drawn}");
    }
}

#[test]
fn without_unicode_there_is_ascii() {
    check(
        waiting(),
        Look { is_unicode: false, ..PLAIN },
        expect![[r#"
            ~ deploy-1  Running   1m30s
            |- + assess            0.4s
            |  `- + current        0.4s
            |- * deploy           1m29s
            |  |- + openChange      11s  https://git.example/shop/gitops/pulls/7
            |  `- ~ merged        1m18s
            |       waits for a person to merge https://git.example/shop/gitops/pulls/7
            `- . verify
               `- . check
        "#]],
    );
}

#[test]
fn where_there_is_no_room_the_steps_of_what_is_over_and_to_come_go_first() {
    check(
        waiting(),
        Look { height: Some(8), ..PLAIN },
        expect![[r#"
            ◔ deploy-1  Running   1m30s
            ├─ ✓ assess            0.4s
            ├─ ● deploy           1m29s
            │  ├─ ✓ openChange      11s  https://git.example/shop/gitops/pulls/7
            │  └─ ◔ merged        1m18s
            │       waits for a person to merge https://git.example/shop/gitops/pulls/7
            └─ ○ verify
               └─ ○ check
        "#]],
    );
    for height in 1..12 {
        let lines = draw(waiting(), Look { height: Some(height), ..PLAIN }).lines().count();
        assert!(lines <= height, "{lines} lines in {height}");
    }
}

#[test]
fn a_failed_run_says_why_once_and_shows_its_hooks() {
    let failed = json!({
        "phase": "Failed", "startedAt": "2026-05-04T12:00:00Z", "finishedAt": "2026-05-04T12:00:05Z",
        "ending": {"phase": "Failed", "reason": "CheckFailed", "message": "stage verify: step check: no", "at": "2026-05-04T12:00:04Z"},
        "stages": [
            {"name": "verify", "phase": "Failed", "message": "step check: no", "startedAt": "2026-05-04T12:00:00Z", "finishedAt": "2026-05-04T12:00:04Z", "steps": [
                {"name": "check", "phase": "Failed", "message": "no\nand \u{1b}[31mred", "startedAt": "2026-05-04T12:00:00Z", "finishedAt": "2026-05-04T12:00:04Z"},
                {"name": "again", "phase": "Omitted"},
            ]},
            {"name": "later", "phase": "Omitted", "steps": [{"name": "never", "phase": "Omitted"}]},
        ],
        "hooks": [{"hook": "alert", "event": "Failure", "subject": "stage/verify", "phase": "Succeeded",
            "startedAt": "2026-05-04T12:00:04Z", "finishedAt": "2026-05-04T12:00:05Z",
            "steps": [{"name": "tell", "phase": "Succeeded", "startedAt": "2026-05-04T12:00:04Z", "finishedAt": "2026-05-04T12:00:05Z"}]}],
    });
    check(
        failed,
        PLAIN,
        expect![[r"
            ✗ deploy-1  Failed    5.0s  stage verify: step check: no
            ├─ ✗ verify           4.0s
            │  ├─ ✗ check         4.0s  no and ^[[31mred
            │  └─ · again
            ├─ · later                  never started
            └─ ✓ hook alert       1.0s  Failure of stage/verify
               └─ ✓ tell          1.0s
        "]],
    );
}

#[test]
fn a_retry_says_when_and_why() {
    let retrying = json!({
        "phase": "Running", "startedAt": "2026-05-04T12:00:00Z",
        "stages": [{"name": "a", "phase": "Running", "startedAt": "2026-05-04T12:00:00Z", "steps": [
            {"name": "call", "phase": "Starting", "attempt": 2, "startedAt": "2026-05-04T12:01:20Z", "retryAt": "2026-05-04T12:01:34Z", "message": "the host was away"}]}],
    });
    check(
        retrying,
        PLAIN,
        expect![[r"
            ● deploy-1  Running   1m30s
            └─ ● a                1m30s
               └─ ◔ call            10s  attempt 2 in 4.0s: the host was away
        "]],
    );
}

#[test]
fn several_stages_and_items_are_under_way_at_once() {
    let step = |phase: &str| json!([{"name": "roll", "phase": phase}]);
    let item = |item: &str, phase: &str| json!({"name": "deploy", "item": item, "phase": phase, "steps": step(phase)});
    let running = json!({
        "phase": "Running", "startedAt": "2026-05-04T12:00:00Z",
        "stages": [
            {"name": "checks", "phase": "Running", "startedAt": "2026-05-04T12:01:00Z", "steps": [
                {"name": "smoke", "phase": "Running", "startedAt": "2026-05-04T12:01:00Z"},
                {"name": "load", "phase": "Running", "startedAt": "2026-05-04T12:01:00Z"}]},
            item("eu", "Succeeded"), item("us", "Running"), item("asia", "Pending"),
        ],
    });
    check(
        running,
        PLAIN,
        expect![[r#"
            ● deploy-1  Running   1m30s
            ├─ ● checks             30s
            │  ├─ ● smoke           30s
            │  └─ ● load            30s
            ├─ ✓ deploy[eu]
            │  └─ ✓ roll
            ├─ ● deploy[us]
            │  └─ ● roll
            └─ ○ deploy[asia]
               └─ ○ roll
        "#]],
    );
}

#[test]
fn a_stage_says_which_attempt_and_iteration_it_is_at_and_when_the_next_one_is() {
    let stage = |rest: Value| {
        let mut stage = json!({"name": "drain", "startedAt": "2026-05-04T12:01:00Z",
            "steps": [{"name": "left", "phase": "Pending"}]});
        stage.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"phase": "Running", "stages": [stage]})
    };
    let later = "2026-05-04T12:02:00Z";
    let why = "step left: the host was away";
    check(
        stage(json!({"phase": "Running", "startedAt": null, "attempt": 2, "resumeAt": later, "message": why})),
        PLAIN,
        expect![[r#"
            ◔ deploy-1  Running
            └─ ◔ drain                   attempt 2 in 30s: step left: the host was away
               └─ ○ left
        "#]],
    );
    check(
        stage(json!({"phase": "Running", "attempt": 2, "message": why})),
        PLAIN,
        expect![[r#"
            ● deploy-1  Running
            └─ ● drain              30s  attempt 2, after step left: the host was away
               └─ ○ left
        "#]],
    );
    check(
        stage(json!({"phase": "Running", "iteration": 3, "resumeAt": later})),
        PLAIN,
        expect![[r#"
        ◔ deploy-1  Running
        └─ ◔ drain              30s  iteration 3 in 30s
           └─ ○ left
    "#]],
    );
    check(
        stage(json!({"phase": "Succeeded", "attempt": 2, "iteration": 4, "message": why})),
        PLAIN,
        expect![[r#"
        ● deploy-1  Running
        └─ ✓ drain              30s  attempt 2, iteration 4
           └─ ○ left
    "#]],
    );
}

#[test]
fn the_hooks_of_items_and_attempts_say_whose_they_are() {
    let hook = |item: Value, attempt: i32| {
        json!({"hook": "alert", "event": "Failure", "subject": "stage/deploy", "item": item, "attempt": attempt,
            "phase": "Succeeded", "steps": []})
    };
    let state = json!({"phase": "Running", "stages": [], "hooks": [hook(json!("eu"), 1), hook(json!("eu"), 2), hook(json!(null), 1)]});
    check(
        state,
        PLAIN,
        expect![[r#"
        ● deploy-1  Running
        ├─ ✓ hook alert              Failure of stage/deploy[eu]
        ├─ ✓ hook alert              Failure of stage/deploy[eu], attempt 2
        └─ ✓ hook alert              Failure of stage/deploy
    "#]],
    );
}

#[test]
fn an_effect_that_is_taken_back_says_how_far_that_is() {
    let link = json!({"url": "https://git.example/7"});
    let since = "2026-05-04T12:01:00Z";
    let aborted = json!({
        "phase": "Running",
        "ending": {"phase": "Aborted", "reason": "Aborted", "message": "aborted by ada: enough", "at": since},
        "stages": [{"name": "deploy", "phase": "Aborted", "message": "aborted by ada: enough", "steps": [
            {"name": "a", "phase": "Succeeded", "outputs": link, "undo": {"phase": "Pending", "since": since}},
            {"name": "b", "phase": "Succeeded", "outputs": link, "undo": {"phase": "Pending", "since": since, "attempt": 2,
                "retryAt": "2026-05-04T12:01:40Z", "message": "the host was away"}},
            {"name": "c", "phase": "Succeeded", "outputs": link, "undo": {"phase": "Undone", "since": since}},
            {"name": "d", "phase": "Aborted", "undo": {"phase": "Failed", "since": since, "message": "no right to delete it"}},
        ]}],
    });
    check(
        aborted,
        PLAIN,
        expect![[r#"
        ● deploy-1  Running          aborted by ada: enough
        └─ ■ deploy                  aborted by ada: enough
           ├─ ● a                    is taken back: https://git.example/7
           ├─ ◔ b
           │    taken back: attempt 2 in 10s: the host was away: https://git.example/7
           ├─ ✓ c                    taken back: https://git.example/7
           └─ ? d
                could not be taken back, look at it: no right to delete it
    "#]],
    );
}

/// A run of these members, between a stage that is done and one that is to come.
fn amid(stage: Value, more: Value) -> Value {
    let mut state = json!({"phase": "Running", "startedAt": "2026-05-04T12:00:00Z",
        "stages": [{"name": "build", "phase": "Succeeded"}, stage, {"name": "verify", "steps": [{"name": "check"}]}]});
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    state
}

fn awaiting(more: Value) -> Value {
    let mut stage = json!({"name": "production", "phase": "AwaitingApproval", "steps": [{"name": "roll"}],
        "guard": {"resource": "environments", "name": "production"},
        "approval": {"required": 2, "since": "2026-05-04T12:01:00Z", "by": [{"name": "ada", "at": "2026-05-04T12:01:10Z"}]}});
    stage.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage
}

#[test]
fn a_manual_stage_says_who_is_missing_and_the_command_that_approves() {
    check(
        amid(awaiting(json!({})), json!({})),
        PLAIN,
        expect![[r#"
            ◔ deploy-1  Running   1m30s
            ├─ ✓ build
            ├─ ◔ production         30s
            │    waits for one more approval by whoever may approve environments/production;
            │    approved by ada
            │    sluice approve deploy-1 production --attempt 1 -n shop
            │  └─ ○ roll
            └─ ○ verify
               └─ ○ check
        "#]],
    );
    check(
        amid(awaiting(json!({"item": "eu west", "attempt": 2})), json!({})),
        Look { width: Some(40), ..PLAIN },
        expect![[r#"
            ◔ deploy-1  Running        1m30s
            ├─ ✓ build
            ├─ ◔ production[eu west]     30s
            │    attempt 2, waits for one more
            │    approval by whoever may approve
            │    environments/production; approved
            │    by ada
            │    sluice approve deploy-1 production --item 'eu west' --attempt 2 -n shop
            │  └─ ○ roll
            └─ ○ verify
               └─ ○ check
        "#]],
    );
    let given = amid(awaiting(json!({"phase": "Running"})), json!({}));
    check(
        given,
        PLAIN,
        expect![[r#"
        ● deploy-1  Running   1m30s
        ├─ ✓ build
        ├─ ● production              approved by ada
        │  └─ ○ roll
        └─ ○ verify
           └─ ○ check
    "#]],
    );
}

#[test]
fn a_pause_a_suspension_and_a_queue_say_why_with_the_run() {
    let since = "2026-05-04T12:01:00Z";
    let pending = || json!({"name": "production", "steps": [{"name": "roll"}]});
    let paused = json!({"paused": {"by": "ada", "reason": "lunch", "since": since}, "round": 2});
    check(
        amid(pending(), paused),
        PLAIN,
        expect![[r#"
        ◔ deploy-1  Paused, round 2   1m30s  paused by ada: lunch
          sluice resume deploy-1 -n shop
        ├─ ✓ build
        ├─ ○ production
        │  └─ ○ roll
        └─ ○ verify
           └─ ○ check
    "#]],
    );
    let suspended = json!({"phase": "Pending", "suspended": {"reason": "quarter end", "since": since}});
    check(
        amid(pending(), suspended),
        PLAIN,
        expect![[r#"
        ◔ deploy-1  Suspended   1m30s  the pipeline is suspended: quarter end
        ├─ ✓ build
        ├─ ○ production
        │  └─ ○ roll
        └─ ○ verify
           └─ ○ check
    "#]],
    );
    let queued =
        json!({"phase": "Pending", "lock": {"group": "web", "since": since, "position": 2, "holder": "deploy-0"}});
    check(
        amid(pending(), queued),
        PLAIN,
        expect![[r#"
        ◔ deploy-1  Queued   1m30s
          waits for the lock "web": run deploy-0 has it; one run more is before this one
        ├─ ✓ build
        ├─ ○ production
        │  └─ ○ roll
        └─ ○ verify
           └─ ○ check
    "#]],
    );
    let held = json!({"lock": {"group": "web", "since": since, "position": 0}});
    check(
        amid(pending(), held),
        PLAIN,
        expect![[r#"
        ● deploy-1  Running   1m30s
        ├─ ✓ build
        ├─ ○ production
        │  └─ ○ roll
        └─ ○ verify
           └─ ○ check
    "#]],
    );
}

#[test]
fn what_people_ended_and_passed_says_who_did_it() {
    let at = "2026-05-04T12:01:00Z";
    let ending = |phase: &str, message: &str| {
        json!({"phase": phase, "startedAt": "2026-05-04T12:00:00Z", "finishedAt": at,
            "ending": {"phase": phase, "reason": "No", "message": message, "at": at}})
    };
    let rejected = json!({"name": "production", "phase": "Failed", "message": "rejected by bob: not today",
        "steps": [{"name": "roll", "phase": "Omitted"}]});
    check(
        amid(rejected, ending("Failed", "stage production: rejected by bob: not today")),
        PLAIN,
        expect![[r#"
            ✗ deploy-1  Failed   1m00s  stage production: rejected by bob: not today
            ├─ ✓ build
            ├─ ✗ production             rejected by bob: not today
            │  └─ · roll
            └─ ○ verify
               └─ ○ check
        "#]],
    );
    let skipped = json!({"name": "production", "phase": "Running", "steps": [
        {"name": "roll", "phase": "Skipped", "message": "skipped by ada: done by hand"}, {"name": "look", "phase": "Skipped"}]});
    check(
        amid(skipped, json!({})),
        PLAIN,
        expect![[r#"
        ● deploy-1  Running   1m30s
        ├─ ✓ build
        ├─ ● production
        │  ├─ ↷ roll                 skipped by ada: done by hand
        │  └─ ↷ look                 skipped: its condition is false
        └─ ○ verify
           └─ ○ check
    "#]],
    );
    let passed = json!({"name": "production", "phase": "Skipped", "message": "skipped by ada: not needed"});
    check(
        amid(passed, json!({})),
        PLAIN,
        expect![[r#"
        ● deploy-1  Running   1m30s
        ├─ ✓ build
        ├─ ↷ production              skipped by ada: not needed
        └─ ○ verify
           └─ ○ check
    "#]],
    );
    let cancelled = json!({"name": "production", "phase": "Omitted"});
    check(
        amid(cancelled, ending("Cancelled", "run deploy-0 holds the lock \"web\"")),
        PLAIN,
        expect![[r#"
        ■ deploy-1  Cancelled   1m00s  run deploy-0 holds the lock "web"
        ├─ ✓ build
        ├─ · production                never started
        └─ ○ verify
           └─ ○ check
    "#]],
    );
}

#[test]
fn what_keeps_a_run_from_being_carried_on_is_said_with_it() {
    let mut status = status(waiting());
    status.message = Some("there is no ServiceAccount \"deployer\"".to_owned());
    let rows = of_run("deploy-1", &status, None, Timestamp::UNIX_EPOCH);
    assert_eq!(rows[0].detail.as_deref(), Some("there is no ServiceAccount \"deployer\""));
}

#[test]
fn colours_are_codes_that_take_no_room() {
    let drawn = draw(waiting(), Look { has_colour: true, ..PLAIN });
    assert!(drawn.contains("\u{1b}[32m✓\u{1b}[0m") && drawn.contains("\u{1b}[33m◔\u{1b}[0m"), "{drawn}");
}

#[test]
fn times_are_short() {
    for (seconds, expected) in
        [(0, "0.0s"), (9, "9.0s"), (10, "10s"), (65, "1m05s"), (7800, "2h10m"), (273_600, "3d04h")]
    {
        assert_eq!(short(SignedDuration::from_secs(seconds)), expected);
    }
}
