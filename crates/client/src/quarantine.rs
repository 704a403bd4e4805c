//! What is written on an object that cannot be read, so that people find it there. It stops nothing else.

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};

use crate::causes::in_one_line;

/// Sets these members of the status of exactly the object that was read, in the name of the field manager, because of `error`.
///
/// By a merge patch: what else the status holds stays, although it cannot be read. The API server may refuse even that, when
/// the rest of the object does not fit its schema any more; then the log is all.
pub async fn quarantine<K>(client: &Client, manager: &str, metadata: &ObjectMeta, error: &str, status: Value)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let (Some(name), Some(namespace)) = (metadata.name.as_deref(), metadata.namespace.as_deref()) else { return };
    let kind = K::kind(&());
    tracing::warn!(%kind, name, namespace, error, "an object cannot be read; it is left alone");
    let objects: Api<PartialObjectMeta<K>> = Api::namespaced(client.clone(), namespace);
    let patch = json!({"metadata": {"resourceVersion": metadata.resource_version}, "status": status});
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    if let Err(error) = objects.patch_status(name, &params, &Patch::Merge(&patch)).await {
        tracing::warn!(%kind, name, namespace, error = %in_one_line(&error), "the condition that says so could not be set");
    }
}
