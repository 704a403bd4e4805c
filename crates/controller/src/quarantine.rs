//! An object that cannot be read as what it claims to be gets a condition, and stops nothing else.

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{ObjectMeta, Patch},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};
use sluice_api::{ComponentUpdate, Environment, Pipeline, PipelineRun, Truth, Verdict};

use crate::patch;

/// The condition's reason.
const REASON: &str = "Malformed";

/// Says on a run itself that it cannot be read, and why.
pub(crate) async fn run(client: &Client, metadata: &ObjectMeta, error: &str) {
    let verdict = Verdict::succeeded(Truth::Unknown, REASON, message(error));
    let status = json!({"message": verdict.message});
    set::<PipelineRun>(client, metadata, verdict, error, status).await;
}

/// Says on a pipeline itself that it cannot be read, and why.
pub(crate) async fn pipeline(client: &Client, metadata: &ObjectMeta, error: &str) {
    let status = json!({"observedGeneration": metadata.generation});
    set::<Pipeline>(client, metadata, Verdict::ready(Truth::False, REASON, message(error)), error, status).await;
}

/// Says on an Environment itself that it cannot be read, and why.
pub(crate) async fn environment(client: &Client, metadata: &ObjectMeta, error: &str) {
    let status = json!({"observedGeneration": metadata.generation});
    set::<Environment>(client, metadata, Verdict::ready(Truth::False, REASON, message(error)), error, status).await;
}

/// Says on a ComponentUpdate itself that it cannot be read, and why.
pub(crate) async fn update(client: &Client, metadata: &ObjectMeta, error: &str) {
    let verdict = Verdict::recorded(Truth::False, REASON, message(error));
    set::<ComponentUpdate>(client, metadata, verdict, error, json!({})).await;
}

/// What is said of an object that cannot be read.
fn message(error: &str) -> String {
    format!("the object cannot be read, and is left alone until it is mended: {error}")
}

/// Sets the condition, and `status` beside it.
///
/// By a merge patch: what else the status holds stays, although it cannot be read. The API server may refuse even that, when
/// the rest of the object does not fit its schema any more; then the log is all.
async fn set<K>(client: &Client, metadata: &ObjectMeta, verdict: Verdict, error: &str, mut status: Value)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let (Some(name), Some(namespace)) = (metadata.name.as_deref(), metadata.namespace.as_deref()) else { return };
    let kind = K::kind(&());
    tracing::warn!(%kind, name, namespace, error, "an object cannot be read; it is left alone");
    let objects: Api<PartialObjectMeta<K>> = Api::namespaced(client.clone(), namespace);
    status["conditions"] = json!([verdict.at(transition_time(metadata), metadata.generation, &[])]);
    let patch = json!({"metadata": {"resourceVersion": metadata.resource_version}, "status": status});
    if let Err(error) = objects.patch_status(name, &patch::params(), &Patch::Merge(&patch)).await {
        tracing::warn!(%kind, name, namespace, error = %error, "the condition {REASON} could not be set");
    }
}

/// The object's own time, so that saying it again changes nothing.
fn transition_time(metadata: &ObjectMeta) -> Timestamp {
    metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}
