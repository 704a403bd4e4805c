//! What a person can see of a run while it waits.

use serde_json::{Value, json};
use sluice_tests::eventually;
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};

use super::{open, pull_of};
use crate::PATIENCE;

#[tokio::test]
async fn kubectl_tells_what_a_run_waits_for_and_how_its_rollout_goes() {
    let (shop, _controller) = open(Plan::new().hurried().held().merge(Merge::Manual)).await;
    shop.start("deploy", "1.1");
    let kubectl_wait = kubectl_wait(&shop);

    let run = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    let pull = step_of(&run, "createDeployRequest")["outputs"]["url"].as_str().expect("a URL").to_owned();
    tells(&shop, "waitForAcceptedDeployRequest", "PullRequest", &pull).await;
    described(&shop, &format!("waits for a person to merge {pull}")).await;

    shop.repo.merge(pull_of(&run)).await.expect("a merge");
    shop.application.refresh().await.expect("a refresh");
    let application = format!("argocd/{}", shop.application.name());
    tells(&shop, "monitorDeploymentProgress", "Application", &application).await;
    let halfway = json!({
        "kind": "Deployment", "namespace": shop.environment(), "name": "web", "updated": 1, "ready": 2, "desired": 2,
    });
    let is_halfway =
        |run: &Value| step_of(run, "monitorDeploymentProgress")["progress"]["workloads"] == json!([halfway]);
    shop.until("deploy", "shows the rollout in its status", is_halfway).await;
    described(&shop, "1 of 2 updated").await;

    let nodes = shop.let_pods_start();
    shop.succeeded("deploy").await;
    drop(nodes);
    kubectl_wait.await.expect("no panic").expect("kubectl wait returns");
    let rollout = "RolloutProgressed: Application";
    has_event(&shop, rollout, "Deployment web 1 of 2 updated, 2 ready, 2 desired").await;
    has_event(&shop, rollout, "Deployment web 2 of 2 updated, 2 ready, 2 desired").await;
    has_event(&shop, "Succeeded", "").await;
}

/// `kubectl wait`, begun before the run has ended.
fn kubectl_wait(shop: &Shop) -> tokio::task::JoinHandle<anyhow::Result<String>> {
    let (cluster, namespace) = (shop.cluster().clone(), shop.namespace().to_owned());
    tokio::task::spawn_blocking(move || {
        cluster.kubectl(&["wait", "--for=condition=Succeeded", "plr/deploy", "-n", &namespace, "--timeout=300s"])
    })
}

/// `kubectl get plr` shows the step, the thing and since when; so does the status.
async fn tells(shop: &Shop, step: &str, kind: &str, thing: &str) {
    let is_told = |run: &Value| {
        let on = &run["status"]["waitingOn"];
        run["status"]["step"] == step && on["kind"] == kind && on["key"] == thing && on["since"].is_string()
    };
    shop.until("deploy", &format!("waits for {thing}"), is_told).await;
    let table = kubectl(shop, &["get", "plr", "deploy"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "PIPELINE", "STATUS", "STEP", "WAITING", "FOR", "SINCE", "AGE"], "{table}");
    assert_eq!(rows[1][..5], ["deploy", "deploy", "Running", step, thing], "{table}");
    let is_age = |text: &str| text.ends_with(['s', 'm']) && text.starts_with(|first: char| first.is_ascii_digit());
    assert!(rows[1].len() == 7 && is_age(rows[1][5]) && is_age(rows[1][6]), "{table}");
}

/// `kubectl describe` comes to say this.
async fn described(shop: &Shop, text: &str) {
    eventually(&format!("kubectl describe says {text:?}"), PATIENCE, async || {
        let description = kubectl(shop, &["describe", "plr", "deploy"]);
        let tells_since = description.contains("Waiting On:") && description.contains("Since:");
        if tells_since && description.contains(text) { Ok(()) } else { Err(description) }
    })
    .await;
}

fn kubectl(shop: &Shop, arguments: &[&str]) -> String {
    let all = [arguments, &["-n", shop.namespace()]].concat();
    shop.cluster().kubectl(&all).unwrap_or_else(|error| panic!("{error:#}"))
}

async fn has_event(shop: &Shop, beginning: &str, content: &str) {
    let is = |event: &str| event.starts_with(beginning) && event.contains(content);
    shop.told("deploy", &format!("{beginning:?} with {content:?}"), is).await;
}
