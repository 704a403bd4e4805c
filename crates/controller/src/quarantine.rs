//! An object that cannot be read as what it claims to be gets a condition, and stops nothing else.

use k8s_openapi::NamespaceResourceScope;
use kube::{Client, Resource, api::ObjectMeta};
use serde_json::{Value, json};
use sluice_api::{ComponentUpdate, PipelineRun, Truth, malformed, names};
use sluice_client::quarantine::quarantine;

/// Says on a run itself that it cannot be read, and why.
pub(crate) async fn run(client: &Client, metadata: &ObjectMeta, error: &str) {
    let condition = malformed(names::SUCCEEDED, Truth::Unknown, metadata, error);
    let status = json!({"message": condition.message, "conditions": [condition]});
    set::<PipelineRun>(client, metadata, error, status).await;
}

/// Says on a definition itself, a pipeline or an Environment, that it cannot be read, and why.
pub(crate) async fn definition<K>(client: &Client, metadata: &ObjectMeta, error: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let condition = malformed(names::READY, Truth::False, metadata, error);
    let status = json!({"observedGeneration": metadata.generation, "conditions": [condition]});
    set::<K>(client, metadata, error, status).await;
}

/// Says on a ComponentUpdate itself that it cannot be read, and why.
pub(crate) async fn update(client: &Client, metadata: &ObjectMeta, error: &str) {
    let condition = malformed(names::RECORDED, Truth::False, metadata, error);
    set::<ComponentUpdate>(client, metadata, error, json!({"conditions": [condition]})).await;
}

async fn set<K>(client: &Client, metadata: &ObjectMeta, error: &str, status: Value)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    quarantine::<K>(client, names::FIELD_MANAGER, metadata, error, status).await;
}
