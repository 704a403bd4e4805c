//! What a run costs the API server, counted by a proxy.

use std::sync::Arc;

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Write};
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};

use crate::status_patches::is_progress;

/// Steps of `deploy-v1` that read or act outside; all of them.
const STEPS: usize = 8;

/// The finalizer set and taken away, and the version of the pipeline kept.
const OTHER_WRITES: usize = 3;

/// Progress of a step is written at most this often, in seconds.
const PROGRESS_EVERY: i64 = 10;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_run_without_retries_costs_one_status_patch_a_step_and_one_more() {
    let cluster = Cluster::connect().await;
    let faults = Arc::new(Faults::new());
    let plan = Plan::new().hurried().held().merge(Merge::Now).through(&faults, &cluster).await.expect("a proxy");
    let shop = plan.open(&cluster).await;
    let nodes = shop.let_pods_start();
    shop.deployed().await;
    drop(nodes);
    let _controller = shop.controller().await;
    let _webhook = shop.let_argocd_know();
    shop.apply();
    shop.pipeline_ready("deploy").await;
    // From here on: what follows belongs to the run.
    faults.clear();

    let run = deploy_slowly(&shop).await;
    let writes = faults.writes();
    let (of_cluster, outside): (Vec<&Write>, Vec<&Write>) = writes.iter().partition(|write| write.upstream == "api");
    let (patches, others): (Vec<&Write>, Vec<&Write>) =
        of_cluster.into_iter().partition(|write| write.patched_status_of().is_some());
    let (progress, needed): (Vec<&Write>, Vec<&Write>) =
        patches.into_iter().partition(|write| is_progress(write, &writes));
    println!(
        "deploy-v1: {} status patches for {STEPS} steps, {} of progress, {} other writes, {} outside",
        needed.len(),
        progress.len(),
        others.len(),
        outside.len()
    );
    assert!(needed.len() <= STEPS + 1, "{}", faults.log());
    assert!(others.len() <= OTHER_WRITES, "{}", faults.log());
    assert!(!progress.is_empty(), "the rollout was held until its progress was told: {}", faults.log());
    assert!(progress.len() <= allowed_progress(&run), "{}", faults.log());
}

/// A run whose rollout is held until the status tells of it.
async fn deploy_slowly(shop: &Shop) -> Value {
    shop.start("deploy", "1.1");
    let tells = |run: &Value| {
        let workloads = &step_of(run, "monitorDeploymentProgress")["progress"]["workloads"];
        workloads.as_array().is_some_and(|workloads| !workloads.is_empty())
    };
    shop.until("deploy", "tells of its rollout", tells).await;
    let _nodes = shop.let_pods_start();
    shop.succeeded("deploy").await;
    shop.released("deploy").await
}

/// As many patches of progress as the steps lasted ten seconds.
fn allowed_progress(run: &Value) -> usize {
    let stages = run["status"]["stages"].as_array().into_iter().flatten();
    let steps = stages.flat_map(|stage| stage["steps"].as_array().into_iter().flatten());
    let lasted = |step: &Value| {
        let time = |name: &str| step[name].as_str()?.parse::<jiff::Timestamp>().ok();
        Some(time("finishedAt")?.duration_since(time("startedAt")?).as_secs())
    };
    let allowed: i64 = steps.filter_map(lasted).map(|seconds| seconds / PROGRESS_EVERY).sum();
    usize::try_from(allowed).unwrap_or_default()
}
