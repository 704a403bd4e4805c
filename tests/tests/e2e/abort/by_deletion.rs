//! Deletion aborts: what an abortion has to do is done before a run is gone.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::waiting_with_hook;
use crate::PATIENCE;
use crate::short::{gate, kubectl, pipeline, run, told};

const FINALIZER: &str = "sluice.dev/abort";

async fn delete(team: &Team, run: &str) {
    team.runs().delete(run, &DeleteParams::default()).await.expect("accepted");
}

async fn gone(team: &Team, run: &str) {
    eventually(&format!("run {run} is gone"), PATIENCE, async || match team.runs().get_opt(run).await {
        Ok(None) => Ok(()),
        Ok(Some(run)) => Err(format!("{:?} {}", run.metadata.finalizers, run.data["status"])),
        Err(error) => Err(error.to_string()),
    })
    .await;
}

#[tokio::test]
async fn a_run_with_an_abortion_hook_is_gone_when_the_hook_has_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    let run = waiting_with_hook(&team, "web").await;
    assert_eq!(run["metadata"]["finalizers"], json!([FINALIZER]));
    // While nobody is there to run the hook, the run stays.
    controller.kill9();
    delete(&team, "web").await;
    let deleted = team.run("web").await.expect("the run");
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(told(&cluster, &run).await.len(), 0);
    controller.restart().expect("another life");
    gone(&team, "web").await;
    let told = told(&cluster, &run).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["why"], "the run is being deleted");
}

#[tokio::test]
async fn a_run_without_abortion_hooks_is_gone_at_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&format!(
        "{}---\n{}",
        pipeline("web", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()))),
        run("web", "web")
    ));
    let waits = team.at("web", "wait").await;
    assert_eq!(waits["metadata"]["finalizers"], json!(null));
    // No controller is needed for that.
    controller.kill9();
    delete(&team, "web").await;
    assert!(team.runs().get_opt("web").await.expect("an answer").is_none());
}

#[tokio::test]
async fn a_run_that_has_ended_has_no_finalizer_left() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    waiting_with_hook(&team, "web").await;
    crate::short::open_gate(&cluster, team.namespace()).await;
    let run = team.succeeded("web").await;
    team.until("web", "is released", |run| run["metadata"]["finalizers"].is_null()).await;
    controller.kill9();
    delete(&team, "web").await;
    gone(&team, "web").await;
    assert_eq!(told(&cluster, &run).await.len(), 0, "no abortion, no hook");
}

#[tokio::test]
async fn a_namespace_is_not_held_by_its_runs_not_even_by_malformed_ones() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    waiting_with_hook(&team, "well").await;
    waiting_with_hook(&team, "malformed").await;
    let status = Patch::Merge(json!({"status": {"startedAt": "9999-12-31T23:59:59Z"}}));
    team.runs().patch_status("malformed", &PatchParams::default(), &status).await.expect("accepted");
    kubectl(&cluster, &["delete", "namespace", team.namespace(), "--wait=false"], "").expect("accepted");
    eventually("the namespace is gone", PATIENCE, async || {
        match kubectl(&cluster, &["get", "namespace", team.namespace(), "-o", "jsonpath={.status.conditions}"], "") {
            Ok(conditions) => Err(conditions),
            Err(error) if error.contains("NotFound") => Ok(()),
            Err(error) => Err(error),
        }
    })
    .await;
}
