//! The finalizer: a run's deletion waits while its abortion has work to do.
//!
//! It is set before the first claim, because it cannot be set once a deletion began, and only where an abortion has work to
//! do, because a finalizer whose controller is gone blocks a namespace.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ObjectMeta};
use sluice_api::{PipelineRun, names};

use crate::patch::{self, Member, Version};

/// Sets the finalizer, or takes it away, and returns the new resourceVersion.
pub(crate) async fn set(client: &Client, metadata: &ObjectMeta, present: bool) -> Result<Option<String>, kube::Error> {
    let own = names::FINALIZER;
    let mut finalizers: Vec<&str> =
        metadata.finalizers.iter().flatten().map(String::as_str).filter(|finalizer| *finalizer != own).collect();
    if present {
        finalizers.push(own);
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let resource_version = metadata.resource_version.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let version = Version { namespace, name, resource_version };
    match patch::set::<PipelineRun>(client, version, Member::Finalizers, &finalizers).await {
        Ok(version) => Ok(Some(version)),
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
