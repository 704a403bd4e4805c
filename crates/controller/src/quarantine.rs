//! An object that cannot be read as what it claims to be gets a condition, and stops nothing else.

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch},
    core::PartialObjectMeta,
};
use serde_json::json;
use sluice_api::{PipelineRun, names};

use crate::patch;

/// Says on the object itself that it cannot be read, and why.
///
/// The API server may refuse even that, when the rest of the object does not fit its schema any more; then the log is all.
pub(crate) async fn run(client: &Client, metadata: &ObjectMeta, error: &str) {
    let (Some(name), Some(namespace)) = (metadata.name.as_deref(), metadata.namespace.as_deref()) else { return };
    tracing::warn!(run = name, namespace, error, "a PipelineRun cannot be read; it is left alone");
    let runs: Api<PartialObjectMeta<PipelineRun>> = Api::namespaced(client.clone(), namespace);
    let message = format!("the object cannot be read, and is left alone until it is mended: {error}");
    let patch = json!({
        "metadata": {"resourceVersion": metadata.resource_version},
        "status": {
            "message": message,
            "conditions": [{
                "type": names::SUCCEEDED,
                "status": "Unknown",
                "reason": "Malformed",
                "message": message,
                "lastTransitionTime": transition_time(metadata),
                "observedGeneration": metadata.generation,
            }],
        },
    });
    if let Err(error) = runs.patch_status(name, &patch::params(), &Patch::Merge(&patch)).await {
        tracing::warn!(run = name, namespace, error = %error, "the condition Malformed could not be set");
    }
}

/// The object's own time, so that saying it again changes nothing.
fn transition_time(metadata: &ObjectMeta) -> Timestamp {
    metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}
