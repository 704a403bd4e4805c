//! One worker, and many runs that wait.

use futures::future::join_all;
use kube::api::{DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};
use sluice_tests::fixture::{Merge, Plan, Shop};
use sluice_tests::{Cluster, Controller, eventually};

use crate::PATIENCE;

/// Runs that wait, by what they wait for, and as many that do not.
const WAITING: [(&str, usize); 3] = [("condition", 47), ("delay", 47), ("pull", 6)];
const QUICK: usize = 100;

#[tokio::test]
async fn a_hundred_runs_finish_on_one_worker_while_a_hundred_others_wait() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Manual).open(&cluster).await;
    shop.apply_value(&shop.manifests.provider);
    pipelines(&shop).iter().for_each(|pipeline| shop.apply_value(pipeline));
    let mut options = shop.controller_options();
    options.arguments.push("--concurrency=1".to_owned());
    let controller = Controller::start(&cluster, options).await.expect("a controller");

    for (pipeline, count) in WAITING {
        start(&shop, pipeline, count).await;
    }
    let waiting: usize = WAITING.iter().map(|(_, count)| count).sum();
    eventually("a hundred runs wait", PATIENCE, async || counted(&shop, is_waiting, waiting).await).await;

    start(&shop, "quick", QUICK).await;
    let has_succeeded = |run: &Value| run["status"]["phase"] == "Succeeded";
    eventually("a hundred runs have succeeded", PATIENCE, async || counted(&shop, has_succeeded, QUICK).await).await;
    counted(&shop, is_waiting, waiting).await.expect("the others still wait");
    assert!(controller.ended().is_none());
}

fn is_waiting(run: &Value) -> bool {
    run["status"]["phase"] == "Running" && run["status"]["waitingOn"]["since"].is_string() && !is_quick(run)
}

fn is_quick(run: &Value) -> bool {
    run["spec"]["pipelineRef"]["name"] == "quick"
}

/// Whether exactly so many runs are like that. None of them may fail.
async fn counted(shop: &Shop, is: impl Fn(&Value) -> bool, wanted: usize) -> Result<(), String> {
    let runs = shop.runs().list(&ListParams::default()).await.map_err(|error| error.to_string())?;
    let runs: Vec<Value> = runs.items.iter().filter_map(|run| serde_json::to_value(run).ok()).collect();
    let failed = runs.iter().find(|run| run["status"]["phase"] == "Failed");
    assert!(failed.is_none(), "a run has failed: {failed:#?}");
    let (like_that, others): (Vec<&Value>, Vec<&Value>) = runs.iter().partition(|run| is(run));
    if like_that.len() == wanted {
        return Ok(());
    }
    let example = others.first().map(|run| run["status"].to_string()).unwrap_or_default();
    Err(format!("{} of {}; one that is not: {example}", like_that.len(), runs.len()))
}

/// Starts runs of a pipeline.
async fn start(shop: &Shop, pipeline: &str, count: usize) {
    let runs = shop.runs();
    let create = (0..count).map(|number| {
        let name = format!("{pipeline}-{number}");
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": name}, "spec": {"pipelineRef": {"name": pipeline}},
        });
        let run: DynamicObject = serde_json::from_value(run).expect("an object");
        let runs = runs.clone();
        async move { runs.create(&PostParams::default(), &run).await.map(|_| ()) }
    });
    for created in join_all(create).await {
        created.expect("a run");
    }
}

/// One pipeline for each sort of wait, and the quick one.
fn pipelines(shop: &Shop) -> [Value; 4] {
    let services = &shop.cluster().facts().services_url;
    let (file, repository) = (shop.file(), shop.repo.full_name());
    let path = "spec.replicas";
    let never =
        json!({"sources": {"it": {"http": {"url": format!("{services}/status/200")}}}, "condition": "it.status == 1"});
    let edits = json!([{"file": file, "set": {"path": path, "value": 3}}]);
    [
        pipeline("condition", json!([{"name": "never", "timeout": "1h", "waitFor": never}])),
        pipeline("delay", json!([{"name": "long", "delay": {"duration": "1h"}}])),
        pipeline(
            "pull",
            json!([
                {"name": "ask", "pullRequest": {
                    "providerRef": {"name": "gitea"}, "repository": repository, "base": "main",
                    "title": "More from ${{ run.name }}", "body": "", "edits": edits,
                }},
                {"name": "merged", "pullRequestWait": {"from": "ask", "merge": "Manual"}},
            ]),
        ),
        pipeline(
            "quick",
            json!([
                {"name": "ask", "http": {"method": "POST", "delivery": "Idempotent", "url": format!("{services}/echo"), "json": {"run": "${{ run.name }}"}}},
                {"name": "look", "http": {"url": format!("{services}/status/200")}},
                {"name": "note", "set": {"values": {"run": "${{ steps.ask.outputs.json.body.run }}"}}},
            ]),
        ),
    ]
}

fn pipeline(name: &str, steps: Value) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": name},
        "spec": {"serviceAccountName": "deployer", "stages": [{"name": "only", "steps": steps}]},
    })
}
