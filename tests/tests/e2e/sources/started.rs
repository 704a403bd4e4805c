//! `start: true`: each good run starts exactly one.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{built, causes, deploy, last, pipelines, plain_build, runs_of, until, until_there_are};
use crate::short::{gate, open_gate, pipeline_with, run};

const BUILDS: usize = 40;

/// The source of `deploy` was looked at up to this time, once the controller has seen it.
async fn was_looked_at_up_to(team: &Team, since: Timestamp) {
    until(team, "deploy", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    let patch = Patch::Merge(json!({"status": {"sources": [{"name": "build", "of": "build", "since": since}]}}));
    pipelines(team).patch_status("deploy", &PatchParams::default(), &patch).await.expect("a patch");
}

#[tokio::test]
async fn of_forty_good_runs_at_once_each_starts_exactly_one_whoever_is_killed() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let (one, other) = (team.controller().await, team.controller().await);
    team.home().apply(&plain_build(""));
    team.home().apply(&deploy("deploy", ", start: true", ""));
    until(&team, "deploy", "has looked at its source", |status| status["sources"][0]["since"].is_string()).await;
    let runs = team.runs();
    let create = (0..BUILDS).map(|number| {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": format!("build-{number:02}")},
            "spec": {"pipelineRef": {"name": "build"}, "requestedBy": "admin"},
        });
        let run: DynamicObject = serde_json::from_value(run).expect("an object");
        let runs = runs.clone();
        async move { runs.create(&PostParams::default(), &run).await.map(|_| ()) }
    });
    join_all(create).await.into_iter().for_each(|created| created.expect("a run"));
    for reached in [1, BUILDS / 3, BUILDS / 2] {
        at_least(&team, reached).await;
        one.kill9();
        one.restart().expect("another life");
        at_least(&team, reached + 2).await;
        other.kill9();
        other.restart().expect("another life");
    }
    let started = until_there_are(&team, BUILDS, "deploy").await;
    let causes = causes(&started);
    assert_eq!(causes.iter().collect::<BTreeSet<_>>().len(), BUILDS, "{causes:?}");
    for run in &started {
        let (spec, name) = (&run["spec"], run["metadata"]["name"].as_str().expect("a name"));
        assert_eq!(spec["from"][0]["runRef"]["name"], spec["trigger"]["source"]["run"]["name"], "{name}");
        assert_eq!(spec["requestedBy"], "admin");
        let ended = team.succeeded(name).await;
        assert_eq!(ended["status"]["sources"][0]["run"], spec["trigger"]["source"]["run"], "{name}");
    }
    until(&team, "deploy", "is done with all", |status| {
        status["sources"][0]["done"].as_array().is_some_and(|done| done.len() == BUILDS)
    })
    .await;

    let deleted = started[7]["metadata"]["name"].as_str().expect("a name").to_owned();
    team.runs().delete(&deleted, &DeleteParams::default()).await.expect("a deletion");
    one.kill9();
    one.restart().expect("another life");
    built(&team, "last", "9", "well").await;
    let after = until_there_are(&team, BUILDS, "deploy").await;
    assert!(super::causes(&after).contains(&"last".to_owned()));
    assert!(after.iter().all(|run| run["metadata"]["name"] != deleted.as_str()), "it was made again");
}

/// Waits until so many runs were started.
async fn at_least(team: &Team, count: usize) {
    sluice_tests::eventually(&format!("{count} were started"), crate::PATIENCE, async || {
        let there = runs_of(team, "deploy").await.len();
        if there >= count { Ok(()) } else { Err(there.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn what_was_good_before_starts_nothing_and_a_stage_starts_before_its_run_ends() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    built(&team, "before", "1", "well").await;
    team.home().apply(&deploy("deploy", ", start: true", ""));
    let staged = deploy("staged", ", start: true, stage: publish", "");
    team.home().apply(&staged.replace("outputs.image", "outputs.push.image"));
    for name in ["deploy", "staged"] {
        until(&team, name, "has looked", |status| status["sources"][0]["since"].is_string()).await;
    }
    built(&team, "bad", "2", "badly").await;
    built(&team, "good", "3", "well").await;
    assert_eq!(causes(&until_there_are(&team, 1, "deploy").await), ["good"]);
    assert_eq!(causes(&until_there_are(&team, 2, "staged").await), ["bad", "good"]);
}

#[tokio::test]
async fn what_starts_nothing_says_why() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    team.home().apply(&deploy("suspended", ", start: true", "suspend: {reason: quarter end}"));
    let manual =
        deploy("manual", ", start: true", "").replace("- name: only", "- name: only\n    approval: {required: 1}");
    team.home().apply(&manual);
    let fan =
        "sources: [{name: build, pipelineRef: {name: build}, start: true}, {name: other, pipelineRef: {name: other}}]";
    team.home().apply(&crate::short::pipeline_with("fan", "- {name: end, set: {values: {a: 1}}}", fan));
    team.home().apply(&crate::short::pipeline("other", "- {name: end, set: {values: {a: 1}}}"));
    team.home()
        .apply(&deploy("circle", ", start: true", "").replace("metadata: {name: circle}", "metadata: {name: first}"));
    let back = "sources: [{name: first, pipelineRef: {name: first}, start: true}]";
    team.home().apply(&crate::short::pipeline_with("second", "- {name: end, set: {values: {a: 1}}}", back));
    team.home().apply(&deploy("locked", ", start: true", "concurrency: {policy: Forbid, group: shared}"));
    let hold = format!("- {{name: hold, {}}}", crate::short::gate(&cluster, team.namespace()));
    let group = "concurrency: {policy: Queue, group: shared}";
    team.home().apply(&crate::short::pipeline_with("holder", &hold, group));
    team.home().apply(&crate::short::run("holder", "holder"));
    team.at("holder", "hold").await;
    let both = "sources: [{name: build, pipelineRef: {name: build}, start: true}, {name: second, pipelineRef: {name: second}, start: true}]";
    for name in ["suspended", "manual", "fan", "locked", "first", "second"] {
        until(&team, name, "has looked", |status| status["sources"][0]["since"].is_string()).await;
    }
    built(&team, "b1", "1", "well").await;
    for (name, reason) in
        [("suspended", "Suspended"), ("manual", "ManualFirstStage"), ("fan", "NoGoodRun"), ("locked", "Locked")]
    {
        until(&team, name, reason, |status| last(status) == ("Dropped", reason)).await;
        assert!(runs_of(&team, name).await.is_empty(), "{name}");
        team.told(name, "why", |event| event.starts_with("StartDropped: ")).await;
    }
    until_there_are(&team, 1, "second").await;
    team.told("first", "what was started", |event| event.starts_with("RunStarted: ")).await;

    // The circle is closed: the good run of the second one goes back to the first.
    team.home().apply(&crate::short::pipeline_with("first", "- {name: end, set: {values: {a: 1}}}", both));
    until(&team, "first", "knows both", |status| status["sources"][1]["since"].is_string()).await;
    built(&team, "b2", "2", "well").await;
    let second = |status: &Value| status["sources"][1]["last"]["reason"] == "Circle";
    until(&team, "first", "sees the circle", second).await;

    team.home().apply(&deploy("suspended", ", start: true", ""));
    until(&team, "suspended", "goes on", |status| status["suspended"].is_null()).await;
    built(&team, "b3", "3", "well").await;
    assert_eq!(causes(&until_there_are(&team, 1, "suspended").await), ["b3"]);
}

#[tokio::test]
async fn of_two_good_runs_seen_at_once_the_second_is_dropped_before_the_first_has_the_lock() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    built(&team, "b1", "1", "well").await;
    built(&team, "b2", "2", "well").await;
    let held = format!("- {{name: hold, {}}}", gate(&cluster, team.namespace()));
    let more = "sources: [{name: build, pipelineRef: {name: build}, start: true}]\nconcurrency: {policy: Forbid}";
    team.home().apply(&pipeline_with("deploy", &held, more));
    // It looks at both in one go.
    was_looked_at_up_to(&team, "2020-01-01T00:00:00Z".parse().expect("a time")).await;
    until(&team, "deploy", "is done with both", |status| {
        status["sources"][0]["done"].as_array().is_some_and(|done| done.len() == 2)
    })
    .await;
    let status = until(&team, "deploy", "dropped", |status| last(status) == ("Dropped", "Locked")).await;
    let started = runs_of(&team, "deploy").await;
    assert_eq!(causes(&started), ["b1"]);
    let name = started[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    assert!(status["sources"][0]["last"]["message"].as_str().expect("a message").contains(&name), "{status}");
    team.told("deploy", "why", |event| event.starts_with("StartDropped: ") && event.contains(&name)).await;
    open_gate(&cluster, team.namespace()).await;
    team.succeeded(&name).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_stop_a_source() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    built(&team, "before", "1", "well").await;
    team.home().apply(&deploy("deploy", ", start: true", ""));
    // It looked when the clock was ahead.
    let (now, ahead) = (Timestamp::now(), Timestamp::now() + SignedDuration::from_mins(10));
    was_looked_at_up_to(&team, ahead).await;
    let since = |status: &Value| status["sources"][0]["since"].as_str().and_then(|since| since.parse().ok());
    let is_back = |status: &Value| since(status).is_some_and(|since: Timestamp| since < ahead && since > now);
    until(&team, "deploy", "looks from now on", is_back).await;
    team.told("deploy", "why", |event| event.starts_with("ClockSetBack: source \"build\" was looked at up to ")).await;
    built(&team, "after", "2", "well").await;
    assert_eq!(causes(&until_there_are(&team, 1, "deploy").await), ["after"]);
}

#[tokio::test]
async fn a_circle_ends_also_where_its_runs_have_been_deleted() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let end = "- {name: end, set: {values: {a: 1}}}";
    let of = |name: &str| format!("sources: [{{name: {name}, pipelineRef: {{name: {name}}}, start: true}}]");
    // Somebody has to begin: a run of each takes a good one of the other.
    team.home().apply(&[pipeline_with("second", end, ""), run("seed", "second")].join("\n---\n"));
    team.succeeded("seed").await;
    let first = format!("{}\nhistoryLimits: {{succeeded: 0}}", of("second"));
    team.home().apply(&pipeline_with("first", end, &first));
    until(&team, "first", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    let held = format!("- {{name: hold, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&pipeline_with("second", &held, &of("first")));
    until(&team, "second", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    team.home().apply(&run("one", "first"));
    let second = until_there_are(&team, 2, "second").await;
    let above = second.iter().find_map(|run| run["spec"]["trigger"]["source"]["pipelines"].as_array());
    assert_eq!(above, Some(&vec![json!("first")]));
    until_there_are(&team, 0, "first").await;
    open_gate(&cluster, team.namespace()).await;
    until(&team, "first", "sees the circle", |status| last(status) == ("Dropped", "Circle")).await;
    assert!(runs_of(&team, "first").await.is_empty());
}
