//! The action `Abort`, at any time.

use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::fixture::{Merge, Plan, Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::{abort, waiting_with_hook};
use crate::PATIENCE;
use crate::short::{answers, condition, pipeline, pipeline_with, run, tell, told};

const ABORTED: (&str, &str, &str) = ("False", "Aborted", "aborted by alice: enough");

#[tokio::test]
async fn it_ends_a_wait_for_a_condition_or_a_time_and_its_hook_runs_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    waiting_with_hook(&team, "condition").await;
    let hooks = format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", tell(&cluster, "end"));
    team.home().apply(&pipeline_with(
        "time",
        "- {name: wait, delay: {duration: 1h}}\n- {name: after, set: {values: {x: 1}}}",
        &hooks,
    ));
    team.home().apply(&run("time", "time"));
    team.at("time", "wait").await;
    for name in ["condition", "time"] {
        abort(&team, name).await;
        let run = team.ended(name).await;
        assert_eq!(condition(&run), ABORTED, "{name}");
        assert_eq!(run["status"]["phase"], "Aborted");
        assert_eq!(answers(&run), json!([{"index": 0, "result": "Applied"}]));
        assert_eq!(stage_of(&run, "only")["phase"], "Aborted");
        assert_eq!(step_of(&run, "wait")["phase"], "Aborted");
        assert_eq!(step_of(&run, "after")["phase"], "Omitted");
        let told = told(&cluster, &run).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["why"], &told[0]["step"]), (&json!("aborted by alice: enough"), &json!("wait")));
    }
}

#[tokio::test]
async fn it_ends_the_wait_for_a_pull_request_of_the_example_and_the_alert_says_why() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Manual).hurried().open(&cluster).await;
    shop.deployed().await;
    let _controller = shop.controller().await;
    shop.apply();
    shop.start("deploy", "1.1");
    shop.at("deploy", "waitForAcceptedDeployRequest").await;
    abort(&shop, "deploy").await;
    let run = shop.ended("deploy").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(step_of(&run, "waitForAcceptedDeployRequest")["phase"], "Aborted");
    assert_eq!(stage_of(&run, "shouldDeploy")["phase"], "Aborted");
    let key = step_of(&run, "tell")["key"].as_str().expect("a key");
    let alerts = cluster.services("/alerts?run=deploy").await.expect("the alerts");
    let of_this: Vec<_> = alerts.iter().filter(|alert| alert["key"] == key).collect();
    assert_eq!(of_this.len(), 1, "{alerts:?}");
    assert_eq!(of_this[0]["body"]["why"], "aborted by alice: enough");
}

#[tokio::test]
async fn its_hook_goes_on_after_the_controller_was_killed_in_the_middle_of_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    let services = &cluster.facts().services_url;
    let slow = format!("{{name: slow, http: {{url: {services}/slow/2000}}}}");
    let hooks = format!(
        "hooks: [{{name: end, events: [Abortion], steps: [{}, {slow}, {}]}}]",
        tell(&cluster, "first"),
        tell(&cluster, "last")
    );
    team.home().apply(&format!(
        "{}---\n{}",
        pipeline_with("web", "- {name: wait, delay: {duration: 1h}}", &hooks),
        run("web", "web")
    ));
    team.at("web", "wait").await;
    abort(&team, "web").await;
    team.at("web", "slow").await;
    controller.kill9();
    let killed = team.run("web").await.expect("the run");
    assert_eq!(step_of(&killed, "slow")["phase"], "Running");
    controller.restart().expect("another life");
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(step_of(&run, "slow")["claims"], 2);
    let told: Vec<_> = told(&cluster, &run).await.iter().map(|told| told["hook"].clone()).collect();
    assert_eq!(told, ["first", "last"]);
}

#[tokio::test]
async fn it_ends_a_run_that_waits_for_its_pipeline() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&run("early", "nothing"));
    team.until("early", "waits", |run| condition(run).1 == "PipelineNotFound").await;
    abort(&team, "early").await;
    let run = team.ended("early").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(answers(&run), json!([{"index": 0, "result": "Applied"}]));
}

/// The run once it says this about its actions.
async fn answered(team: &Team, run: &str, expected: Value) -> Value {
    eventually(&format!("run {run} answers"), PATIENCE, async || {
        let run = team.run(run).await?;
        if answers(&run) == expected { Ok(run) } else { Err(run["status"]["actions"].to_string()) }
    })
    .await
}

#[tokio::test]
async fn it_is_ignored_once_the_result_is_decided_and_when_it_is_asked_for_twice() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&format!("{}---\n{}", pipeline("web", "- {name: a, set: {values: {x: 1}}}"), run("done", "web")));
    let done = team.succeeded("done").await;
    abort(&team, "done").await;
    let ignored =
        |index: i32| json!({"index": index, "result": "Ignored", "message": "the run's result was decided before"});
    let run = answered(&team, "done", json!([ignored(0)])).await;
    assert_eq!(condition(&run), condition(&done));
    assert_eq!(run["status"]["stages"], done["status"]["stages"]);

    waiting_with_hook(&team, "twice").await;
    abort(&team, "twice").await;
    abort(&team, "twice").await;
    answered(&team, "twice", json!([{"index": 0, "result": "Applied"}, ignored(1)])).await;
    let run = team.ended("twice").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(told(&cluster, &run).await.len(), 1);
    team.runs().delete("twice", &DeleteParams::default()).await.expect("deleted");
}
