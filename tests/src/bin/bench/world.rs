//! A namespace with pipelines, their runs and a controller of its own.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use sluice_tests::{Cluster, Controller, TestNamespace, controller};
use tokio::time::{Instant, sleep};

/// The account that the pipelines act as.
pub(crate) const ACCOUNT: &str = "bench";

/// The namespace; deleted with the value.
pub(crate) struct World {
    namespace: TestNamespace,
    /// Where its controller serves health.
    health: String,
}

impl World {
    /// Makes a namespace whose name begins with `prefix`.
    pub(crate) async fn new(cluster: &Cluster, prefix: &str) -> Self {
        let namespace = TestNamespace::new(cluster, &format!("bench-{prefix}")).await;
        Self { namespace, health: free_address() }
    }

    /// Its name.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// Who may do everything in it.
    pub(crate) fn client(&self) -> Client {
        self.namespace.cluster().admin()
    }

    /// One of our kinds.
    pub(crate) fn kind(name: &str) -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", name))
    }

    /// The kind of its runs.
    pub(crate) fn runs() -> ApiResource {
        Self::kind("PipelineRun")
    }

    /// Applies the pipeline and its account: one stage of these steps.
    pub(crate) fn apply_pipeline(&self, steps: &[Value]) {
        let pipeline = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": "bench"},
            "spec": {"serviceAccountName": ACCOUNT, "stages": [{"name": "work", "steps": steps}]},
        });
        self.apply_account();
        self.namespace.apply(&pipeline.to_string());
    }

    /// Applies the account of its pipelines.
    pub(crate) fn apply_account(&self) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}});
        self.namespace.apply(&account.to_string());
    }

    /// Applies an object.
    pub(crate) fn apply(&self, object: &Value) {
        self.namespace.apply(&object.to_string());
    }

    /// Creates runs of the pipeline, and returns their names and versions.
    pub(crate) async fn create_runs(&self, prefix: &str, count: usize) -> Result<Vec<(String, String)>> {
        let spec = |_| json!({"pipelineRef": {"name": "bench"}});
        self.create(&Self::runs(), prefix, count, spec).await
    }

    /// Creates objects of a kind, each with the spec of its number, and returns their names and versions.
    pub(crate) async fn create(
        &self,
        kind: &ApiResource,
        prefix: &str,
        count: usize,
        spec: impl Fn(usize) -> Value,
    ) -> Result<Vec<(String, String)>> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client(), self.namespace(), kind);
        let create = async |number: usize| {
            let object = DynamicObject::new(&format!("{prefix}-{number:05}"), kind).data(json!({"spec": spec(number)}));
            let created = api.create(&PostParams::default(), &object).await?;
            let version = created.resource_version().context("an object without a version")?;
            anyhow::Ok((created.name_any(), version))
        };
        stream::iter(0..count).map(create).buffered(64).try_collect().await
    }

    /// Starts its controller.
    pub(crate) async fn controller(&self) -> Result<Controller> {
        let arguments = [
            "--concurrency=64".to_owned(),
            "--allow-http-to=127.0.0.0/8".to_owned(),
            format!("--listen={}", self.health),
        ];
        let options = controller::Options {
            arguments: arguments.to_vec(),
            ..controller::Options::in_namespace(self.namespace())
        };
        Controller::start(self.namespace.cluster(), options).await
    }

    /// Waits until its controller says that it is ready, and returns how long that took from `start`.
    pub(crate) async fn ready(&self, start: Instant) -> Result<Duration> {
        let http = self.namespace.cluster().http();
        let url = format!("http://{}/readyz", self.health);
        loop {
            match http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(start.elapsed()),
                // Not there, or not ready yet.
                Ok(_) | Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Deletes it and waits until it is gone, so that its end does not burden the next measurement.
    pub(crate) async fn delete(self) -> Result<()> {
        let (client, name) = (self.client(), self.namespace().to_owned());
        drop(self);
        let namespaces: Api<Namespace> = Api::all(client);
        while namespaces.get_opt(&name).await?.is_some() {
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }
}

/// Somebody else could take it before the controller does, and the controller would say so.
fn free_address() -> String {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    address.map_or_else(|_| "127.0.0.1:0".to_owned(), |address| address.to_string())
}
