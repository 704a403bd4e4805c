//! The last good run is kept beyond the run itself.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::{built, causes, deploy, good, keeps, plain_build, runs_of, until, until_there_are};
use crate::short::{condition, pipeline, pipeline_with, run, run_with};

#[tokio::test]
async fn outputs_are_taken_from_a_run_that_history_limits_have_deleted() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&plain_build("historyLimits: {succeeded: 0, failed: 0}"));
    team.home().apply(&deploy("deploy", "", ""));
    let stage = "sources: [{name: published, pipelineRef: {name: build}, stage: publish}]";
    let show = "- {name: show, set: {values: {image: '${{ sources.published.outputs.push.image }}'}}}";
    team.home().apply(&pipeline_with("try", show, stage));
    team.home().apply(&run_with("b1", "build", json!({"version": "1"})));
    keeps(&team, None, "b1").await;
    team.home().apply(&run_with("b2", "build", json!({"version": "2", "end": "badly"})));
    let kept = keeps(&team, Some("publish"), "b2").await;
    assert_eq!(kept["outputs"], json!({"push": {"image": "web:2"}}));
    until_there_are(&team, 0, "build").await;

    // Also by a process that never saw those runs.
    controller.kill9();
    controller.restart().expect("another life");
    for (name, pipeline, image) in [("whole", "deploy", "web:1"), ("stage", "try", "web:2")] {
        team.home().apply(&run(name, pipeline));
        let run = team.succeeded(name).await;
        assert_eq!(step_of(&run, "show")["outputs"]["image"], image, "{:#}", run["status"]);
    }
}

/// A pipeline whose runs put out their parameter so many times.
fn repeating(times: usize, more: &str) -> String {
    let numbers: Vec<String> = (0..times).map(|number| number.to_string()).collect();
    let output = format!("${{{{ [{}].map(i, steps.push.outputs.log) }}}}", numbers.join(", "));
    let more = format!("params: [{{name: text, required: true}}]\noutputs: {{log: '{output}'}}\n{more}");
    pipeline_with("build", "- {name: push, set: {values: {log: '${{ params.text }}'}}}", &more)
}

#[tokio::test]
async fn a_run_whose_outputs_are_too_large_to_be_kept_stays_until_a_newer_one_is_good() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&repeating(3, "historyLimits: {succeeded: 0}"));
    team.home().apply(&run_with("large", "build", json!({"text": "x".repeat(3500)})));
    let kept = keeps(&team, None, "large").await;
    assert!(kept["outputs"].is_null(), "over 8 KiB");
    let counts = deploy("deploy", "", "").replace("sources.build.outputs.image", "size(sources.build.outputs.log)");
    team.home().apply(&counts);
    team.home().apply(&run("first", "deploy"));
    let first = team.succeeded("first").await;
    assert_eq!(step_of(&first, "show")["outputs"]["image"], 3);
    assert_eq!(runs_of(&team, "build").await.len(), 1, "it is still there");

    team.home().apply(&run_with("small", "build", json!({"text": "x"})));
    keeps(&team, None, "small").await;
    until_there_are(&team, 0, "build").await;
}

#[tokio::test]
async fn a_good_run_stays_until_every_run_that_was_made_for_it_has_taken_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let limit = "historyLimits: {succeeded: 1}";
    team.home().apply(&plain_build(limit));
    let late =
        deploy("deploy", ", start: true", "").replace("serviceAccountName: deployer", "serviceAccountName: late");
    team.home().apply(&late);
    until(&team, "deploy", "has looked at its source", |status| status["sources"][0]["since"].is_string()).await;
    for (name, version) in [("b1", "1"), ("b2", "2"), ("b3", "3")] {
        built(&team, name, version, "well").await;
    }
    until(&team, "deploy", "is done with all", |status| {
        status["sources"][0]["done"].as_array().is_some_and(|done| done.len() == 3)
    })
    .await;
    keeps(&team, None, "b3").await;

    // Two sweeps over everything, each of which deletes a run: the second one began after that was written.
    team.home().apply(
        &pipeline("other", "- {name: end, set: {values: {a: 1}}}")
            .replace("  stages:", &format!("  {limit}\n  stages:")),
    );
    for name in ["o1", "o2", "o3"] {
        team.home().apply(&run(name, "other"));
        until(&team, "other", &format!("keeps {name}"), |status| good(status, None)["run"]["name"] == name).await;
        until_there_are(&team, 1, "other").await;
    }
    assert_eq!(runs_of(&team, "build").await.len(), 3, "none of them was taken yet");

    team.home().apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: late}}");
    let made = until_there_are(&team, 3, "deploy").await;
    assert_eq!(causes(&made), ["b1", "b2", "b3"]);
    for run in &made {
        let name = run["metadata"]["name"].as_str().unwrap_or_default();
        let ended = team.succeeded(name).await;
        assert_eq!(ended["status"]["sources"][0]["run"], run["spec"]["trigger"]["source"]["run"], "{name}");
    }
    until_there_are(&team, 1, "build").await;
}

#[tokio::test]
async fn outputs_over_the_limit_end_the_run_that_would_take_them() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    // No step, and no run as a whole, may have as much; all steps of a stage together may.
    let step = |number: i32| format!("- {{name: push{number}, set: {{values: {{log: '${{{{ params.text }}}}'}}}}}}\n");
    let steps: String = (0..6).map(step).collect();
    team.home().apply(&pipeline_with("build", &steps, "params: [{name: text, required: true}]"));
    team.home().apply(&run_with("large", "build", json!({"text": "x".repeat(3500)})));
    team.succeeded("large").await;
    team.home().apply(&deploy("deploy", ", stage: only", ""));
    team.home().apply(&run("deploy", "deploy"));
    let run = team.ended("deploy").await;
    assert_eq!(condition(&run).1, "OutputTooLarge", "{:#}", run["status"]);
}

#[tokio::test]
async fn what_a_stage_was_goes_with_the_stage() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    built(&team, "b1", "1", "well").await;
    keeps(&team, Some("verify"), "b1").await;
    team.home().apply(&plain_build("").replace("name: verify", "name: check"));
    let status = until(&team, "build", "has lost a stage", |status| good(status, Some("verify")).is_null()).await;
    assert_eq!(good(&status, None)["run"]["name"], "b1");
}
