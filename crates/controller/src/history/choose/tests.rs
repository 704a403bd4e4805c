#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use serde_json::{Value, json};

use super::*;

/// So many minutes after noon.
fn minute(minute: i64) -> Timestamp {
    "2026-11-02T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// A run that ended in this phase at this minute.
fn run(name: &str, phase: &str, end: i64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "resourceVersion": "1"},
        "spec": {"pipelineRef": {"name": "web"}},
        "status": {"phase": phase, "finishedAt": minute(end)},
    })
}

fn with(mut run: Value, path: &str, value: Value) -> Value {
    let (parent, member) = path.rsplit_once('/').unwrap();
    run.pointer_mut(parent).unwrap()[member] = value;
    run
}

/// What goes of these runs at this minute under these limits, and the minute at which to look again. A run named `parent` has not
/// ended.
fn check(limits: Value, runs: &[Value], now: i64, go: &[&str], next: Option<i64>) {
    let mut spec = json!({"serviceAccountName": "a", "stages": []});
    spec.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let limits = Limits::of(&serde_json::from_value(spec).unwrap()).unwrap();
    let runs: Vec<PipelineRun> = runs.iter().cloned().map(|run| serde_json::from_value(run).unwrap()).collect();
    let unfinished = HashSet::from(["uid-of-parent"]);
    let ended = runs.iter().filter_map(|run| Ended::of(run, &unfinished)).collect();
    let choice = choose(limits, ended, minute(now));
    let gone: Vec<_> = choice.go.iter().map(|(run, why)| format!("{} {}", run.name, why.field())).collect();
    assert_eq!((gone, choice.next), (go.iter().map(|&name| name.to_owned()).collect(), next.map(minute)));
}

#[test]
fn a_pipeline_that_sets_nothing_limits_nothing() {
    for spec in [json!({}), json!({"historyLimits": {}})] {
        let mut full = json!({"serviceAccountName": "a", "stages": []});
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        assert_eq!(Limits::of(&serde_json::from_value(full).unwrap()), None);
    }
}

#[test]
fn the_newest_of_those_that_succeeded_are_kept() {
    let runs = [run("b", "Succeeded", 2), run("d", "Succeeded", 4), run("a", "Succeeded", 1), run("c", "Succeeded", 3)];
    check(json!({"historyLimits": {"succeeded": 2}}), &runs, 9, &["b historyLimits", "a historyLimits"], None);
    check(json!({"historyLimits": {"succeeded": 4}}), &runs, 9, &[], None);
    check(json!({"historyLimits": {"failed": 0}}), &runs, 9, &[], None);
}

#[test]
fn an_aborted_run_counts_as_failed() {
    let runs = [run("a", "Failed", 1), run("b", "Aborted", 2), run("c", "Succeeded", 3), run("d", "Failed", 4)];
    check(json!({"historyLimits": {"failed": 2}}), &runs, 9, &["a historyLimits"], None);
    let all = ["d historyLimits", "b historyLimits", "a historyLimits"];
    check(json!({"historyLimits": {"failed": 0}}), &runs, 9, &all, None);
}

#[test]
fn a_run_that_keeps_its_lock_is_kept_and_counts() {
    let lock = json!({"group": "web", "since": minute(0), "position": 0});
    let runs = [with(run("a", "Failed", 1), "/status/lock", lock), run("b", "Failed", 0), run("c", "Failed", 2)];
    let limits = json!({"historyLimits": {"failed": 1}, "ttlAfterFinished": "20m"});
    check(limits.clone(), &runs, 9, &["b historyLimits"], Some(22));
    check(limits, &runs, 59, &["c ttlAfterFinished", "b ttlAfterFinished"], None);
}

#[test]
fn of_runs_that_ended_at_once_the_same_one_is_kept_each_time() {
    let runs = [run("b", "Succeeded", 1), run("c", "Succeeded", 1), run("a", "Succeeded", 1)];
    check(json!({"historyLimits": {"succeeded": 1}}), &runs, 9, &["b historyLimits", "a historyLimits"], None);
}

#[test]
fn a_run_goes_when_its_time_is_over_however_it_ended() {
    let runs = [run("a", "Succeeded", 1), run("b", "Failed", 2), run("c", "Aborted", 3), run("d", "Succeeded", 4)];
    let limits = json!({"ttlAfterFinished": "10m"});
    check(limits.clone(), &runs, 10, &[], Some(11));
    check(limits.clone(), &runs, 12, &["b ttlAfterFinished", "a ttlAfterFinished"], Some(13));
    check(limits.clone(), &runs[3..], 13, &[], Some(14));
    check(limits, &[], 13, &[], None);
}

#[test]
fn whichever_comes_first_limit_or_time() {
    let runs = [run("a", "Succeeded", 1), run("b", "Succeeded", 2), run("c", "Succeeded", 3)];
    let limits = json!({"historyLimits": {"succeeded": 1}, "ttlAfterFinished": "10m"});
    check(limits, &runs, 11, &["b historyLimits", "a ttlAfterFinished"], Some(13));
}

#[test]
fn a_time_that_never_comes_keeps_the_run() {
    check(json!({"ttlAfterFinished": "999999999h"}), &[run("a", "Failed", 1)], 9, &[], None);
}

#[test]
fn a_run_that_has_not_ended_stays_and_does_not_count() {
    let hooks_still_run = with(run("a", "Running", 3), "/status/finishedAt", Value::Null);
    let never_seen = with(run("b", "Pending", 3), "/status", Value::Null);
    let runs = [hooks_still_run, never_seen, run("c", "Succeeded", 2), run("d", "Succeeded", 1)];
    check(
        json!({"historyLimits": {"succeeded": 1, "failed": 0}, "ttlAfterFinished": "8m"}),
        &runs,
        9,
        &["d ttlAfterFinished"],
        Some(10),
    );
}

#[test]
fn a_run_that_argo_cd_tracks_stays_and_does_not_count() {
    let marked = |name, kind: &str, key: &str| with(run(name, "Succeeded", 5), kind, json!({key: "shop"}));
    let runs = [
        marked("a", "/metadata/annotations", "argocd.argoproj.io/tracking-id"),
        marked("b", "/metadata/labels", "app.kubernetes.io/instance"),
        marked("c", "/metadata/labels", "argocd.argoproj.io/instance"),
        marked("d", "/metadata/labels", "app.kubernetes.io/name"),
        run("e", "Succeeded", 4),
    ];
    check(json!({"historyLimits": {"succeeded": 1}}), &runs, 9, &["e historyLimits"], None);
    check(json!({"ttlAfterFinished": "1m"}), &runs, 9, &["d ttlAfterFinished", "e ttlAfterFinished"], None);
}

#[test]
fn a_run_that_is_deleted_already_does_not_count() {
    let deleted = with(run("a", "Succeeded", 5), "/metadata/deletionTimestamp", json!(minute(6)));
    check(json!({"historyLimits": {"succeeded": 1}}), &[deleted, run("b", "Succeeded", 4)], 9, &[], None);
}

#[test]
fn a_run_that_is_still_needed_stays_and_counts() {
    let parent = |name: &str| json!({"parent": {"name": name, "uid": format!("uid-of-{name}"), "step": "build", "key": "k", "pipelines": ["all"]}});
    let asked = json!([{"type": "Abort", "by": "alice"}]);
    let limits = json!({"historyLimits": {"succeeded": 1}, "ttlAfterFinished": "3m"});
    for needed in [
        with(run("a", "Succeeded", 5), "/spec/trigger", parent("parent")),
        with(run("a", "Succeeded", 5), "/spec/actions", asked.clone()),
        with(run("a", "Succeeded", 5), "/metadata/finalizers", json!([names::FINALIZER])),
    ] {
        let runs = [needed, run("b", "Succeeded", 8)];
        check(limits.clone(), &runs, 9, &[], Some(11));
        check(limits.clone(), &runs[..1], 9, &[], None);
        let older = [runs[0].clone(), run("c", "Succeeded", 4)];
        check(json!({"historyLimits": {"succeeded": 1}}), &older, 9, &["c historyLimits"], None);
    }
    let answered = with(run("a", "Succeeded", 5), "/spec/actions", asked);
    for free in [
        with(run("a", "Succeeded", 5), "/spec/trigger", parent("another")),
        with(answered, "/status/actions", json!([{"index": 0, "result": "Ignored"}])),
        with(run("a", "Succeeded", 5), "/metadata/finalizers", json!(["example.com/archive"])),
    ] {
        check(limits.clone(), &[free, run("b", "Succeeded", 8)], 9, &["a ttlAfterFinished"], Some(11));
    }
}
