//! What goes down to a child, and what comes back.

use kube::api::DeleteParams;
use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::{child_of, failure, running};
use crate::short::{condition, gate, open_gate, pipeline, pipeline_with, run, run_with};

/// A pipeline that says which image a version has.
const BUILD: &str = "\
params: [{name: version, required: true}, {name: replicas, type: Integer, default: 2}, {name: canary, type: Boolean}]
outputs: {image: 'registry.example/web:${{ params.version }}', replicas: '${{ params.replicas }}', from: '${{ trigger.parent.name }}'}";

#[tokio::test]
async fn an_attached_one_takes_parameters_and_its_outputs_are_read_by_the_next_step() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let home = team.home();
    home.apply(&pipeline_with("build", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace())), BUILD));
    let steps = "\
- name: build
  pipelineRun:
    pipelineRef: {name: build}
    params: {version: '${{ params.version }}', replicas: '${{ 1 + 2 }}', canary: '${{ true }}'}
- name: use
  set: {values: {text: '${{ steps.build.outputs.outputs.image }} by ${{ steps.build.outputs.run.name }}'}}";
    home.apply(&pipeline_with("release", steps, "params: [{name: version, required: true}]"));
    home.apply(&run_with("release-1", "release", json!({"version": "1.10"})));

    let name = child_of(&team, "release-1", "build").await;
    let child = team.at(&name, "wait").await;
    assert_eq!(child["spec"]["params"], json!({"version": "1.10", "replicas": 3, "canary": "true"}));
    assert_eq!(child["metadata"]["labels"]["sluice.dev/pipeline"], "build");
    assert_eq!(child["metadata"]["labels"]["sluice.dev/parent"], "release-1");
    assert!(child["metadata"]["ownerReferences"].is_null());
    let waits = format!("{}/{name}", team.namespace());
    let parent = team.until("release-1", "waits for it", |run| run["status"]["waitingOn"]["key"] == waits).await;
    assert_eq!(parent["status"]["waitingOn"]["kind"], "PipelineRun");

    open_gate(&cluster, team.namespace()).await;
    let parent = team.succeeded("release-1").await;
    let expected = json!({"image": "registry.example/web:1.10", "replicas": 3, "from": "release-1"});
    assert_eq!(step_of(&parent, "build")["outputs"]["outputs"], expected);
    let text = format!("registry.example/web:1.10 by {name}");
    assert_eq!(step_of(&parent, "use")["outputs"]["text"], text);
}

#[tokio::test]
async fn one_that_fails_fails_the_step_in_its_own_words() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&pipeline("build", "- {name: work, fail: {message: no luck}}"));
    team.home().apply(&running("release", "build"));
    team.home().apply(&run("release-1", "release"));
    let parent = team.ended("release-1").await;
    let name = child_of(&team, "release-1", "call").await;
    let why = format!("run {name:?} of pipeline \"build\" failed (Failed): stage only: step work: no luck");
    assert_eq!(failure(&parent, "call"), ("ChildFailed", &*why));
    assert_eq!(condition(&parent), ("False", "ChildFailed", &*format!("stage only: step call: {why}")));
}

#[tokio::test]
async fn a_detached_one_goes_on_by_itself() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&pipeline("report", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()))));
    let start = "- {name: start, pipelineRun: {pipelineRef: {name: report}, mode: Detached}}";
    team.home().apply(&format!("{}---\n{}", pipeline("release", start), run("release-1", "release")));
    let parent = team.succeeded("release-1").await;
    let name = step_of(&parent, "start")["outputs"]["run"]["name"].as_str().expect("a name").to_owned();
    let child = team.at(&name, "wait").await;
    assert_eq!(child["metadata"]["uid"], step_of(&parent, "start")["outputs"]["run"]["uid"]);
    open_gate(&cluster, team.namespace()).await;
    team.succeeded(&name).await;
}

#[tokio::test]
async fn one_that_is_deleted_meanwhile_is_gone_and_not_started_again() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&pipeline("build", "- {name: wait, delay: {duration: 1h}}"));
    team.home().apply(&running("release", "build"));
    team.home().apply(&run("release-1", "release"));
    let name = child_of(&team, "release-1", "call").await;
    team.at(&name, "wait").await;
    team.runs().delete(&name, &DeleteParams::default()).await.expect("deleted");
    let parent = team.ended("release-1").await;
    let why = format!("run {name:?} was deleted before its end was seen; it is not started again");
    assert_eq!(failure(&parent, "call"), ("ChildGone", &*why));
    assert!(super::children(&team).await.is_empty());
}
