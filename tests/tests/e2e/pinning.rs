//! A run keeps to the version of its pipeline that it started with.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::api::ListParams;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

#[tokio::test]
async fn a_pipeline_edited_and_deleted_under_running_runs_changes_nothing_for_them() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.apply_value(&pipeline(&team, "the first"));
    let old = ["old-0", "old-1", "old-2"];
    for name in old {
        team.apply_value(&run(name));
    }
    for name in old {
        team.at(name, "gate").await;
    }
    assert_eq!(revisions(&team).await, 1, "one for all runs of a version");

    team.apply_value(&pipeline(&team, "the second"));
    team.apply_value(&run("new"));
    team.at("new", "gate").await;
    assert_eq!(revisions(&team).await, 2);
    cluster.kubectl(&["delete", "pipeline", "gated", "-n", team.namespace()]).expect("a deletion");

    open_gate(&team).await;
    for (name, version) in old.map(|name| (name, "the first")).into_iter().chain([("new", "the second")]) {
        let ended = team.succeeded(name).await;
        assert_eq!(step_of(&ended, "tell")["outputs"]["version"], version, "{name}");
    }
    assert_eq!(revisions(&team).await, 2);
}

async fn revisions(team: &Team) -> usize {
    let all = team.home().api::<ControllerRevision>().list(&ListParams::default()).await;
    all.expect("the revisions").items.len()
}

/// What the gate of a namespace waits for.
async fn open_gate(team: &Team) {
    let alerts = format!("{}/alerts", team.cluster().facts().services_url);
    let request = team.cluster().http().post(alerts).json(&json!({"gate": team.namespace()}));
    request.send().await.expect("an answer").error_for_status().expect("a success");
}

/// Waits at a gate, then tells its version.
fn pipeline(team: &Team, version: &str) -> Value {
    let gate = format!("{}/alerts?gate={}", team.cluster().facts().services_url, team.namespace());
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": "gated"},
        "spec": {"serviceAccountName": "deployer", "stages": [{"name": "only", "steps": [
            {"name": "gate", "waitFor": {
                "sources": {"opened": {"http": {"url": gate}}}, "condition": "size(opened.json) > 0", "interval": "1s",
            }},
            {"name": "tell", "set": {"values": {"version": version}}},
        ]}]},
    })
}

fn run(name: &str) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
        "metadata": {"name": name}, "spec": {"pipelineRef": {"name": "gated"}},
    })
}
