//! Two controllers of one namespace at a time: whoever is late is refused, and nothing happens twice.

use sluice_tests::Cluster;
use sluice_tests::fixture::{Merge, Plan, step_of};

use crate::short::{pipeline, run};

const RUNS: usize = 20;

#[tokio::test]
async fn no_effect_happens_twice_and_no_run_is_stuck() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Now).hurried().open(&cluster).await;
    shop.deployed().await;
    let (_one, _other) = (shop.controller().await, shop.controller().await);
    let services = &cluster.facts().services_url;
    // The collector knows a request again by its key, and tells them apart by their environment: here, the run.
    let steps = format!(
        "\
- name: collect
  http:
    method: POST
    delivery: Idempotent
    url: {services}/collections
    json: {{application: none, environment: '${{{{ run.uid }}}}'}}
- name: wait
  waitFor:
    sources: {{state: {{http: {{url: '{services}/collections/${{{{ steps.collect.outputs.json.id }}}}'}}}}}}
    condition: state.json.done
    interval: 1s
- name: again
  http:
    method: POST
    delivery: Idempotent
    url: {services}/collections
    json: {{application: none, environment: '${{{{ run.uid }}}}'}}
"
    );
    shop.apply();
    shop.home().apply(&pipeline("collect", &steps));
    let names: Vec<_> = (0..RUNS).map(|number| format!("run-{number}")).collect();
    let runs: Vec<_> = names.iter().map(|name| run(name, "collect")).collect();
    shop.start("deploy", "1.1");
    shop.home().apply(&runs.join("\n---\n"));

    for name in &names {
        let run = shop.succeeded(name).await;
        let uid = run["metadata"]["uid"].as_str().expect("a UID");
        let collections = cluster.services(&format!("/collections?environment={uid}")).await.expect("the collections");
        assert_eq!(collections.len(), 2, "one of each step: {collections:?}");
    }
    let run = shop.succeeded("deploy").await;
    // Gitea does not check atomically whether there is one already: of two opened at once one is kept.
    let pulls = shop.repo.pulls("all").await.expect("the pull requests");
    let (merged, others): (Vec<_>, Vec<_>) = pulls.iter().partition(|pull| pull["merged"] == true);
    assert_eq!(merged.len(), 1, "one is merged: {:?}", run["status"]);
    assert_eq!(step_of(&run, "createDeployRequest")["outputs"]["number"], merged[0]["number"]);
    assert!(others.iter().all(|pull| pull["state"] == "closed"), "{others:?}");
    let commits = shop.repo.commits("main").await.expect("the commits");
    let title = format!("Deploy web 1.1 to {}", shop.environment());
    let of_run = commits.iter().filter(|commit| {
        let message = commit["commit"]["message"].as_str().unwrap_or_default();
        message.starts_with(&title)
    });
    assert_eq!(of_run.count(), 1, "one commit");
}
