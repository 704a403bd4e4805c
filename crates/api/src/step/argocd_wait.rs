//! `argocdWait`: waits until an Argo CD Application runs a commit.

use kube::core::{ApiResource, GroupVersionKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    Duration,
    step::{Claim, StepType, TakesFrom, interval::interval},
};

/// Waits until an Argo CD Application is Synced and Healthy at the wanted commit or a descendant of it. The rollout is
/// reported as Events and in the step's `progress`. An Application that is and stays Degraded at that commit is a
/// failure.
///
/// Times out after `1h` unless `timeout` is set. Outputs: `revision`, `health`, `images`, and `workloads` (each with
/// `kind`, `namespace`, `name` and the `updated`, `ready` and `desired` replicas).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "!(has(self.commitFrom) && has(self.revision))", "message": "set at most one of commitFrom and revision"}]))]
pub struct ArgocdWait {
    /// The Application. It and the workloads it deploys are read as the run's service account.
    pub application: ApplicationReference,
    /// The name of an earlier `commit` or `pullRequestWait` step whose commit the Application has to run; a descendant
    /// of it counts. Without it and without `revision`, what the Application's source has now is what is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub commit_from: Option<String>,
    /// The revision that the Application has to run, instead of `commitFrom`: a commit SHA, a chart version, or a tag
    /// or branch that its source tracks; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub revision: Option<String>,
    /// Asks Argo CD to compare again at once, instead of waiting for its next poll or webhook. Unless set, it is not
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<ArgocdRefresh>,
    /// Starts a sync to the wanted revision, for an Application that does not sync by itself: `sync: {}`. Unless set,
    /// none is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<ArgocdSync>,
    /// How often the Application is looked at beside its changes, such as `10s`; `30s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

/// Names an Argo CD Application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ApplicationReference {
    /// The Application's name; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
    /// The Application's namespace; `argocd` unless set; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub namespace: Option<String>,
}

impl ApplicationReference {
    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("argocd")
    }

    /// What a wait for it is known by.
    pub fn key(&self) -> String {
        Application::key(self.namespace(), &self.name)
    }
}

/// The kind `Application` of Argo CD, which is read without a type of its own.
#[derive(Clone, Copy, Debug)]
pub struct Application;

impl Application {
    /// Where the API server serves it.
    pub fn resource() -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"))
    }

    /// What a wait for one is known by, to the step that waits and to the watch that wakes it.
    pub fn key(namespace: &str, name: &str) -> String {
        format!("{namespace}/{name}")
    }
}

/// How Argo CD compares again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ArgocdRefresh {
    /// Compares with the repository's head.
    Normal,
    /// The same, without Argo CD's cache of rendered manifests.
    Hard,
}

/// How a sync is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ArgocdSync {
    /// Whether resources that are no longer in the repository are deleted; `false` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
}

/// The pause between two looks unless a step says.
const INTERVAL: Duration = Duration::from_secs(30);

impl ArgocdWait {
    /// The pause between two looks.
    pub fn interval(&self) -> Duration {
        interval(self.interval, INTERVAL)
    }
}

impl StepType for ArgocdWait {
    fn nature(&self) -> Nature {
        if self.sync.is_some() || self.refresh.is_some() { Nature::Acts } else { Nature::Reads }
    }

    fn outputs(&self) -> Type {
        let replicas = ["updated", "ready", "desired"].map(|name| (name, Type::Int));
        let workload = ["kind", "namespace", "name"].map(|name| (name, Type::String)).into_iter().chain(replicas);
        Type::object([
            ("revision", Type::String),
            ("health", Type::String),
            ("images", Type::list(Type::String)),
            ("workloads", Type::list(Type::object(workload))),
        ])
    }

    fn default_timeout() -> Option<Duration> {
        Some(Duration::from_mins(60))
    }

    fn waiting_on(&self, _: &Claim<'_>) -> Option<WaitTarget> {
        Some(WaitTarget { kind: WaitKind::Application, key: self.application.key() })
    }

    fn takes_from(&self) -> Option<TakesFrom<'_>> {
        let step = self.commit_from.as_deref()?;
        Some(TakesFrom { field: "commitFrom", step, types: &["pullRequestWait", "commit"] })
    }
}
