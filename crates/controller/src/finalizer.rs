//! The finalizer: a run's deletion waits while its abortion has work to do.
//!
//! It is set before the first claim, because it cannot be set once a deletion began, and only where an abortion has work to
//! do, because a finalizer whose controller is gone blocks a namespace.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ObjectMeta, core::PartialObjectMeta};
use serde_json::json;
use sluice_api::{PipelineRun, names};

use crate::patch;

/// Sets the finalizer, or takes it away, and returns the new resourceVersion.
pub(crate) async fn set(client: &Client, metadata: &ObjectMeta, present: bool) -> Result<Option<String>, kube::Error> {
    let own = names::FINALIZER;
    let mut finalizers: Vec<&str> =
        metadata.finalizers.iter().flatten().map(String::as_str).filter(|finalizer| *finalizer != own).collect();
    if present {
        finalizers.push(own);
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let runs: Api<PartialObjectMeta<PipelineRun>> = Api::namespaced(client.clone(), namespace);
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    let patch = patch::set(version, &["metadata", "finalizers"], json!(finalizers));
    let name = metadata.name.as_deref().unwrap_or_default();
    match runs.patch(name, &patch::params(), &patch).await {
        Ok(object) => Ok(object.metadata.resource_version),
        Err(kube::Error::Api(status)) if status.code == 404 && !present => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the namespace is being deleted: nothing can be made in it any more, so hooks could only fail.
pub(crate) async fn is_namespace_terminating(client: &Client, namespace: &str) -> Result<bool, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get_metadata_opt(namespace).await?;
    Ok(found.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
}
