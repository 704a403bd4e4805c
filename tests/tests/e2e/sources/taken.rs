//! Which good run a run takes.

use serde_json::{Value, json};
use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, eventually};

use super::{build, built, deploy, plain_build};
use crate::PATIENCE;
use crate::short::{condition, gate, kubectl, open_gate, pipeline_with, run, run_with};

/// A run that names these runs for its sources.
fn run_from(name: &str, pipeline: &str, from: &[(&str, &str)]) -> String {
    let from: Vec<Value> =
        from.iter().map(|(source, run)| json!({"source": source, "runRef": {"name": run}})).collect();
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": name},
        "spec": {"pipelineRef": {"name": pipeline}, "from": from},
    })
    .to_string()
}

/// What a run of `deploy` has shown.
fn shown(run: &Value) -> (&str, &str) {
    let outputs = &step_of(run, "show")["outputs"];
    (outputs["of"].as_str().unwrap_or_default(), outputs["image"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_newest_good_run_is_taken_or_the_one_that_is_named() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    team.home().apply(&deploy("deploy", "", ""));
    team.home().apply(&run("too-early", "deploy"));
    let early = team.ended("too-early").await;
    let (status, reason, message) = condition(&early);
    assert_eq!((status, reason), ("False", "NoGoodRun"));
    assert!(message.contains("sluice run build"), "{message}");

    built(&team, "b1", "1", "well").await;
    built(&team, "b2", "2", "well").await;
    built(&team, "b3", "3", "badly").await;
    team.home().apply(&run("newest", "deploy"));
    let newest = team.succeeded("newest").await;
    assert_eq!(shown(&newest), ("b2", "web:2"));
    let pinned = &newest["status"]["sources"];
    assert_eq!((&pinned[0]["name"], &pinned[0]["outputs"]), (&json!("build"), &json!({"image": "web:2"})));

    team.home().apply(&run_from("older", "deploy", &[("build", "b1")]));
    assert_eq!(shown(&team.succeeded("older").await), ("b1", "web:1"));
    for (name, from, reason, part) in [
        ("bad", ("build", "b3"), "SourceNotGood", "has not succeeded"),
        ("nobody", ("build", "b9"), "SourceRunNotFound", "\"b9\""),
        ("own", ("build", "older"), "SourceNotGood", "a run of Pipeline \"deploy\""),
        ("unknown", ("built", "b1"), "UnknownSource", "did you mean \"build\"?"),
    ] {
        team.home().apply(&run_from(name, "deploy", &[from]));
        let run = team.ended(name).await;
        let (status, found, message) = condition(&run);
        assert_eq!((status, found), ("False", reason), "{message}");
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_run_that_found_nothing_takes_what_is_there_when_it_is_tried_again() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    team.home().apply(&deploy("deploy", "", ""));
    team.home().apply(&run("deploy", "deploy"));
    assert_eq!(condition(&team.ended("deploy").await).1, "NoGoodRun");
    built(&team, "b1", "1", "well").await;
    let retry =
        json!([{"op": "add", "path": "/spec/actions/-", "value": {"type": "Retry", "by": "admin"}}]).to_string();
    kubectl(&cluster, &["patch", "plr", "deploy", "-n", team.namespace(), "--type=json", "-p", &retry], "")
        .expect("a retry");
    let run = eventually("it has succeeded", PATIENCE, async || {
        let run = team.run("deploy").await?;
        if run["status"]["phase"] == "Succeeded" { Ok(run) } else { Err(format!("{:#}", run["status"])) }
    })
    .await;
    assert_eq!(shown(&run), ("b1", "web:1"));
}

#[tokio::test]
async fn a_stage_counts_while_its_run_goes_on_and_when_it_fails_later() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&build("", &gate(&cluster, team.namespace())));
    let show = "- {name: show, set: {values: {of: '${{ sources.published.run.name }}', image: '${{ sources.published.outputs.push.image }}'}}}";
    let sources = "sources: [{name: published, pipelineRef: {name: build}, stage: publish}]";
    team.home().apply(&pipeline_with("deploy", show, sources));
    built(&team, "b1", "1", "badly").await;
    team.home().apply(&run("after-a-failure", "deploy"));
    assert_eq!(shown(&team.succeeded("after-a-failure").await), ("b1", "web:1"));

    team.home().apply(&run_with("b2", "build", json!({"version": "2", "end": "later"})));
    team.at("b2", "hold").await;
    team.home().apply(&run("meanwhile", "deploy"));
    assert_eq!(shown(&team.succeeded("meanwhile").await), ("b2", "web:2"));
    open_gate(&cluster, team.namespace()).await;
    team.succeeded("b2").await;
}

#[tokio::test]
async fn what_was_taken_stays_whatever_is_built_and_whoever_carries_the_run_on() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&plain_build(""));
    let steps = format!(
        "- {{name: hold, {}}}\n- {{name: show, set: {{values: {{of: '${{{{ sources.build.run.name }}}}', image: '${{{{ sources.build.outputs.image }}}}'}}}}}}",
        gate(&cluster, team.namespace())
    );
    team.home().apply(&pipeline_with("deploy", &steps, "sources: [{name: build, pipelineRef: {name: build}}]"));
    built(&team, "b1", "1", "well").await;
    team.home().apply(&run("deploy", "deploy"));
    team.at("deploy", "hold").await;
    built(&team, "b2", "2", "well").await;
    controller.kill9();
    controller.restart().expect("another life");
    open_gate(&cluster, team.namespace()).await;
    assert_eq!(shown(&team.succeeded("deploy").await), ("b1", "web:1"));
}

#[tokio::test]
async fn sources_are_seen_wherever_a_run_is_named_and_led() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    team.home().apply(
        r#"
apiVersion: sluice.dev/v1alpha1
kind: Environment
metadata: {name: web-1}
spec: {allowedPipelines: [deploy], targets: [{name: here}]}
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: deploy}
spec:
  serviceAccountName: deployer
  sources: [{name: build, pipelineRef: {name: build}}]
  concurrency: {group: "web-${{ sources.build.run.name }}", policy: Queue}
  stages:
  - name: only
    environment: ${{ sources.build.outputs.image.replace(":", "-") }}
    when: sources.build.outputs.image == "web:1"
    steps:
    - {name: show, when: "sources.build.run.uid != ''", set: {values: {of: "${{ sources.build.run.name }}"}}}
  hooks:
  - {name: tell, events: [Success], steps: [{name: told, set: {values: {of: "${{ sources.build.run.name }}"}}}]}
  outputs: {image: "${{ sources.build.outputs.image }}"}
"#,
    );
    built(&team, "b1", "1", "well").await;
    team.home().apply(&run("deploy", "deploy"));
    let run = team.succeeded("deploy").await;
    assert_eq!(step_of(&run, "show")["outputs"]["of"], "b1");
    assert_eq!(step_of(&run, "told")["outputs"]["of"], "b1");
    assert_eq!(run["status"]["outputs"]["image"], "web:1");
    assert_eq!(run["status"]["stages"][0]["environment"], "web-1");
}
