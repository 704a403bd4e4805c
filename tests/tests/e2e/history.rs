//! Runs that have ended go by their pipeline's limits, and no others.

use std::collections::BTreeSet;

use kube::api::ListParams;
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually, paths};

use crate::PATIENCE;
use crate::short::{gate, kubectl, open_gate, pipeline_with, run, run_with};

/// A step that ends at once, well or not as the run's parameter `end` says.
const END: &str = "- {name: end, when: params.end == 'badly', fail: {message: as asked}}";

/// What that step takes, and these limits.
fn limited(limits: &str) -> String {
    pipeline_with("web", END, &format!("params: [{{name: end, default: well}}]\n{limits}"))
}

/// The names of the runs that are there.
async fn there(team: &Team) -> BTreeSet<String> {
    let runs = team.runs().list(&ListParams::default()).await.expect("the runs");
    runs.items.into_iter().filter_map(|run| run.metadata.name).collect()
}

/// Waits until exactly these runs are there.
async fn only(team: &Team, names: &[&str]) {
    let wanted = names.iter().map(|&name| name.to_owned()).collect();
    eventually(&format!("only {names:?} are there"), PATIENCE, async || {
        let there = there(team).await;
        if there == wanted { Ok(()) } else { Err(format!("{there:?}")) }
    })
    .await;
}

/// Runs one after the other, so that it is known which is the newest.
async fn run_in_turn(team: &Team, names: &[&str], end: &str) {
    for name in names {
        team.home().apply(&run_with(name, "web", json!({"end": end})));
        team.ended(name).await;
    }
}

/// A run with this beside its name.
fn marked(name: &str, marks: Value) -> Value {
    let mut run: Value = serde_json::from_str(&run(name, "web")).expect("JSON");
    run["metadata"] = marks;
    run["metadata"]["name"] = json!(name);
    run
}

#[tokio::test]
async fn the_newest_are_kept_and_a_lowered_limit_takes_effect() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&limited(""));
    run_in_turn(&team, &["good-1", "good-2", "good-3"], "well").await;
    run_in_turn(&team, &["bad-1", "bad-2", "bad-3"], "badly").await;
    assert_eq!(there(&team).await.len(), 6, "without limits all are kept");

    team.home().apply(&limited("historyLimits: {succeeded: 2, failed: 1}"));
    only(&team, &["good-2", "good-3", "bad-3"]).await;
    run_in_turn(&team, &["good-4"], "well").await;
    only(&team, &["good-3", "good-4", "bad-3"]).await;
    team.home().apply(&limited("historyLimits: {failed: 0}"));
    only(&team, &["good-3", "good-4"]).await;

    eventually("the log has a line for each deletion", PATIENCE, async || {
        let log = controller.log();
        let told = log.lines().filter(|line| line.contains("deleted a run that has ended")).count();
        if told == 5 { Ok(()) } else { Err(log) }
    })
    .await;
}

#[tokio::test]
async fn what_has_not_ended_is_tracked_by_argo_cd_or_has_no_pipeline_stays() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let waits = format!("- {{name: gate, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&limited(""));
    team.home().apply(&pipeline_with(
        "waiting",
        &waits,
        "historyLimits: {succeeded: 0, failed: 0}\nttlAfterFinished: 1ms",
    ));
    team.home().apply(&pipeline_with("gone", END, "params: [{name: end, default: well}]\nttlAfterFinished: 1h"));
    team.home().apply(&run("unfinished", "waiting"));
    team.home().apply(&run("without-pipeline", "gone"));
    let id = format!("shop:sluice.dev/PipelineRun:{}/by-annotation", team.namespace());
    team.apply_value(&marked("by-annotation", json!({"annotations": {"argocd.argoproj.io/tracking-id": id}})));
    team.apply_value(&marked("by-label", json!({"labels": {"app.kubernetes.io/instance": "shop"}})));
    team.home().apply(&run("plain", "web"));
    for name in ["without-pipeline", "by-annotation", "by-label", "plain"] {
        team.ended(name).await;
    }
    team.at("unfinished", "gate").await;
    cluster.kubectl(&["delete", "pipeline", "gone", "-n", team.namespace()]).expect("a deletion");

    // One sweep judges all of them.
    team.home().apply(&limited("historyLimits: {succeeded: 0, failed: 0}\nttlAfterFinished: 1ms"));
    let stay = ["unfinished", "without-pipeline", "by-annotation", "by-label"];
    only(&team, &stay).await;
    open_gate(&cluster, team.namespace()).await;
    only(&team, &stay[1..]).await;
}

#[tokio::test]
async fn a_run_goes_when_its_time_is_over_and_not_before() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&limited("ttlAfterFinished: 6s"));
    team.home().apply(&run("brief", "web"));
    let ended = team.ended("brief").await;
    let end: jiff::Timestamp = ended["status"]["finishedAt"].as_str().expect("an end").parse().expect("a time");
    only(&team, &[]).await;
    assert!(jiff::Timestamp::now().duration_since(end).as_secs() >= 6, "{end}");
}

#[tokio::test]
async fn limits_are_kept_by_a_controller_that_was_away_when_the_runs_ended() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&limited(""));
    run_in_turn(&team, &["a", "b"], "well").await;
    controller.kill9();
    team.home().apply(&limited("historyLimits: {succeeded: 1}"));
    controller.restart().expect("another controller");
    only(&team, &["b"]).await;
}

#[tokio::test]
async fn the_example_keeps_two() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let text = std::fs::read_to_string(paths::workspace().join("examples/history.yaml")).expect("the example");
    kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], &text).expect("accepted");
    team.succeeded("tidy-1-0").await;
    for (name, version) in [("tidy-1-1", "1.1"), ("tidy-1-2", "1.2")] {
        team.home().apply(&run_with(name, "tidy", json!({"version": version})));
        team.ended(name).await;
    }
    only(&team, &["tidy-1-1", "tidy-1-2"]).await;
}
