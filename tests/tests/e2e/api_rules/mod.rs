//! What the API server itself keeps and refuses of Sluice's kinds, with no controller about.

mod actions;
mod definitions;
mod immutable;
mod refused;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::Value;
use sluice_tests::{Cluster, TestNamespace, fixture};

/// A namespace of a cluster that has Sluice's kinds.
async fn namespace() -> TestNamespace {
    let cluster = Cluster::connect().await;
    fixture::install(&cluster).await;
    TestNamespace::new(&cluster, "rules").await
}

fn runs(test: &TestNamespace) -> Api<DynamicObject> {
    of_kind(test, "PipelineRun")
}

fn of_kind(test: &TestNamespace, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", kind));
    Api::namespaced_with(test.cluster().admin(), test.name(), &kind)
}

async fn create(objects: &Api<DynamicObject>, object: &Value) -> Result<DynamicObject, String> {
    let object = serde_json::from_value(object.clone()).expect("an object");
    objects.create(&PostParams::default(), &object).await.map_err(|error| message(&error))
}

/// Applies a JSON merge patch.
async fn change(objects: &Api<DynamicObject>, name: &str, patch: &Value) -> Result<DynamicObject, String> {
    objects.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(|error| message(&error))
}

fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}
