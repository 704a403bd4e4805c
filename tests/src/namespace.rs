//! A namespace for one test.

use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::Cluster;
use crate::facts::Facts;
use crate::fixture::policies;

/// The label by which things outside the namespace (Applications) belong to its test.
pub const TEST_LABEL: &str = "sluice-tests/namespace";

/// The environment variable that keeps what the tests made, to look at it.
pub const KEEP: &str = "SLUICE_TEST_KEEP";

/// A namespace with a unique name, deleted on drop: also when the test panics, and without waiting for the end.
pub struct TestNamespace {
    name: String,
    cluster: Cluster,
}

impl TestNamespace {
    /// Makes a namespace whose name begins with `prefix`.
    pub async fn new(cluster: &Cluster, prefix: &str) -> Self {
        Self::labelled(cluster, prefix, json!({})).await
    }

    /// Makes one in which the admission policies of Sluice are in force, as in any namespace outside of tests.
    ///
    /// # Panics
    /// When they do not come into force.
    pub async fn with_policies(cluster: &Cluster, prefix: &str) -> Self {
        policies::await_force(cluster).await;
        Self::labelled(cluster, prefix, policies::label()).await
    }

    async fn labelled(cluster: &Cluster, prefix: &str, mut labels: Value) -> Self {
        let name = unique(prefix);
        labels[TEST_LABEL] = name.clone().into();
        let namespace: Namespace =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).expect("a namespace");
        let created = Api::all(cluster.admin()).create(&PostParams::default(), &namespace).await;
        created.unwrap_or_else(|error| panic!("failed to create namespace {name}: {error}"));
        Self { name, cluster: cluster.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Applies manifests in it as `admin`.
    ///
    /// # Panics
    /// When they are refused.
    pub fn apply(&self, manifests: &str) -> String {
        self.cluster.apply(&self.name, manifests).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// An API of it as `admin`.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.admin(), &self.name)
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        if std::env::var_os(KEEP).is_some() {
            return;
        }
        let label = format!("{TEST_LABEL}={}", self.name);
        let applications =
            ["delete", "applications.argoproj.io", "-n", Facts::ARGOCD_NAMESPACE, "-l", &label, "--wait=false"];
        // kubectl, as the runtime may be on its way out. There is nobody to tell of a failure.
        for arguments in [&applications[..], &["delete", "namespace", &self.name, "--wait=false"]] {
            let mut command = self.cluster.kubectl_command("admin");
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
        }
    }
}

/// A name that no other test of this or another run has.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let process = std::process::id() % 0x1_0000;
    format!("{prefix}-{:x}{process:04x}{}", millis % 0x1000_0000, NEXT.fetch_add(1, Ordering::Relaxed))
}
