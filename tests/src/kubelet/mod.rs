//! The played kubelet: gives Pods of all namespaces the status that a node would report.
//!
//! It never schedules: Pods have no node, so the API server removes them at once when they are deleted. What happens to a Pod
//! is read from its images and annotations; the crate's documentation lists them.

mod status;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;

/// Plays until aborted.
pub(crate) async fn run(client: Client) {
    let pods = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default()).default_backoff().applied_objects();
    let mut pods = std::pin::pin!(pods);
    while let Some(event) = pods.next().await {
        match event {
            Ok(pod) => advance(&client, pod),
            Err(error) => tracing::warn!(%error, "the kubelet's watch failed"),
        }
    }
}

/// Takes the Pod one step further, if there is one to take.
fn advance(client: &Client, pod: Pod) {
    let Some(step) = status::next(&pod, k8s_openapi::jiff::Timestamp::now()) else { return };
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    tokio::spawn(async move {
        sleep(step.after).await;
        // Whoever changed the Pod meanwhile caused an event of its own, so a conflict is nothing to repair.
        let version = json!({"uid": pod.uid(), "resourceVersion": pod.resource_version()});
        let patch = json!({"metadata": version, "status": step.status});
        match api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {}
            Err(error) => tracing::warn!(%error, pod = pod.name_any(), "the kubelet's patch failed"),
        }
    });
}
