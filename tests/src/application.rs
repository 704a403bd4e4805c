//! Argo CD Applications for tests.

use std::time::Duration;

use anyhow::Result;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::facts::Facts;
use crate::gitea::Repo;
use crate::namespace::{TEST_LABEL, TestNamespace};
use crate::{Cluster, eventually};

/// The annotation by which Argo CD compares at once.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";

/// An Application that deploys a path of a repository's `main` branch into a test's namespace.
#[derive(Clone, Debug)]
pub struct Application {
    name: String,
    api: Api<DynamicObject>,
}

impl Application {
    /// Creates it; `automated` syncs each commit by itself. It is deleted with the test's namespace.
    pub async fn create(
        namespace: &TestNamespace,
        name: &str,
        repo: &Repo,
        path: &str,
        automated: bool,
    ) -> Result<Self> {
        let mut policy = json!({});
        if automated {
            policy["automated"] = json!({"prune": true, "selfHeal": true});
        }
        Self::create_from(
            namespace,
            json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"name": name, "namespace": Facts::ARGOCD_NAMESPACE},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": repo.clone_url(), "path": path, "targetRevision": "main"},
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace.name()},
                    "syncPolicy": policy,
                },
            }),
        )
        .await
    }

    /// Creates what a manifest says; it is deleted with the test's namespace.
    pub async fn create_from(namespace: &TestNamespace, mut manifest: Value) -> Result<Self> {
        manifest["metadata"]["labels"][TEST_LABEL] = namespace.name().into();
        let api = api(namespace.cluster());
        let created = api.create(&PostParams::default(), &serde_json::from_value(manifest)?).await?;
        Ok(Self { name: created.name_any(), api })
    }

    /// Its name, in the namespace [`Facts::ARGOCD_NAMESPACE`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes Argo CD compare with the repository now.
    pub async fn refresh(&self) -> Result<()> {
        let patch = json!({"metadata": {"annotations": {REFRESH: "normal"}}});
        self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// The object as it is.
    pub async fn get(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.api.get(&self.name).await?)?)
    }

    /// Waits until it is `sync` (`Synced`) and `health` (`Healthy`) at `revision`, and returns it.
    ///
    /// # Panics
    /// When it does not become that within three minutes.
    pub async fn wait(&self, sync: &str, health: &str, revision: &str) -> Value {
        let what = format!("Application {} is {sync} and {health} at {revision}", self.name);
        eventually(&what, Duration::from_secs(180), async || {
            let application = self.get().await.map_err(|error| format!("{error:#}"))?;
            let status = &application["status"];
            let is = status["sync"]["status"] == sync
                && status["health"]["status"] == health
                && status["sync"]["revision"] == revision;
            if is { Ok(application) } else { Err(summary(status)) }
        })
        .await
    }
}

/// All Applications.
pub fn api(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    Api::namespaced_with(cluster.admin(), Facts::ARGOCD_NAMESPACE, &kind)
}

fn summary(status: &Value) -> String {
    json!({
        "sync": status["sync"]["status"], "revision": status["sync"]["revision"], "health": status["health"],
        "operation": status["operationState"]["phase"], "message": status["operationState"]["message"],
        "conditions": status["conditions"],
    })
    .to_string()
}
