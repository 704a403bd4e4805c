//! The example as it stands, at its own intervals, applied again and again. `merge: Now`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};
use sluice_tests::{Cluster, eventually};

use crate::PATIENCE;

/// The run of the example.
const RUN: &str = "deploy-web-1-1";

#[tokio::test]
async fn applying_twice_on_the_client_side_changes_nothing() {
    check(&["apply"]).await;
}

#[tokio::test]
async fn applying_twice_on_the_server_side_changes_nothing() {
    check(&["apply", "--server-side"]).await;
}

async fn check(apply: &[&str]) {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Now).open(&cluster).await;
    shop.deployed().await;
    let _controller = shop.controller().await;
    let _webhook = shop.let_argocd_know();
    run(&shop, apply);
    shop.succeeded(RUN).await;
    let run_ended = shop.released(RUN).await;
    assert_eq!(step_of(&run_ended, "waitForPostActualState")["outputs"]["state"]["json"]["version"], "1.1");

    known_as_good(&shop).await;
    let before = versions(&shop).await;
    let said = run(&shop, apply);
    assert_eq!(versions(&shop).await, before, "{said}");
    assert_eq!(shop.repo.pulls("all").await.expect("a list").len(), 1);
}

/// Applies the example's text; nothing may be warned of.
fn run(shop: &Shop, apply: &[&str]) -> String {
    let file = shop.cluster().facts().dir.join("data").join(format!("{}.yaml", shop.namespace()));
    std::fs::write(&file, shop.text()).expect("a file");
    let mut command = shop.cluster().kubectl_command("admin");
    let output = command.args(apply).arg("-f").arg(&file).output().expect("kubectl");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "kubectl {apply:?}: {err}");
    out.into_owned()
}

/// Waits until the pipeline's status has the run as its last good one: that is written behind the run.
async fn known_as_good(shop: &Shop) {
    eventually("the pipeline knows its good run", PATIENCE, async || {
        let pipeline = object(shop, "Pipeline", "deploy").await.data;
        let runs = pipeline["status"]["goodRuns"].as_array().cloned().unwrap_or_default();
        let is_whole = |good: &&Value| good["stage"].is_null() && good["run"]["name"] == RUN;
        if runs.iter().any(|good| is_whole(&good)) { Ok(()) } else { Err(pipeline["status"].to_string()) }
    })
    .await;
}

async fn object(shop: &Shop, kind: &str, name: &str) -> DynamicObject {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", kind));
    let api: Api<DynamicObject> = Api::namespaced_with(shop.cluster().admin(), shop.namespace(), &resource);
    api.get(name).await.expect(kind)
}

/// The generation and the resourceVersion of each object.
async fn versions(shop: &Shop) -> BTreeMap<&'static str, (Option<i64>, Option<String>)> {
    let objects = [("ScmProvider", "gitea"), ("Pipeline", "deploy"), ("PipelineRun", RUN)];
    let read = objects.map(async |(kind, name)| {
        let ObjectMeta { generation, resource_version, .. } = object(shop, kind, name).await.metadata;
        (kind, (generation, resource_version))
    });
    futures::future::join_all(read).await.into_iter().collect()
}
