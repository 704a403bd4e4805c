//! What is read of an Argo CD Application: the members that decide, and nothing else.
//!
//! Argo CD is the only source of these shapes (`pkg/apis/application/v1alpha1/types.go`, 3.2). Words of its own (phases,
//! health, sync status) stay text, so that a word this program does not know is a thing to wait for, not an error.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

/// An Application.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Application {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Spec,
    /// Requested or under way: Argo CD removes it when the operation has ended.
    pub(super) operation: Option<Operation>,
    pub(super) status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) source: Option<Source>,
    pub(super) sources: Vec<Source>,
    pub(super) source_hydrator: Option<Value>,
    pub(super) destination: Destination,
    pub(super) sync_policy: SyncPolicy,
}

/// Where manifests come from; equal when the same manifests are meant.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Source {
    #[serde(rename = "repoURL")]
    pub(super) repo_url: String,
    pub(super) path: String,
    pub(super) chart: String,
    pub(super) target_revision: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Destination {
    pub(super) server: String,
    pub(super) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncPolicy {
    pub(super) sync_options: Option<Value>,
    pub(super) retry: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Operation {
    pub(super) sync: SyncRequest,
    pub(super) info: Vec<Info>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncRequest {
    pub(super) revision: String,
    pub(super) revisions: Vec<String>,
    pub(super) dry_run: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) sync: SyncStatus,
    pub(super) health: Health,
    pub(super) operation_state: Option<OperationState>,
    /// When Argo CD began the last comparison with the sources' newest revisions; whole seconds.
    pub(super) reconciled_at: Option<Timestamp>,
    pub(super) resources: Vec<Resource>,
    pub(super) conditions: Vec<Condition>,
    pub(super) summary: Summary,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncStatus {
    /// `Synced`, `OutOfSync` or `Unknown`; empty before the first comparison.
    pub(super) status: String,
    pub(super) revision: String,
    pub(super) revisions: Vec<String>,
    pub(super) compared_to: ComparedTo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ComparedTo {
    pub(super) source: Option<Source>,
    pub(super) sources: Vec<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Health {
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`; empty before the first comparison.
    pub(super) status: String,
    /// Of resources only, and only where Argo CD keeps their health in the Application.
    pub(super) message: String,
    /// Of the Application only.
    pub(super) last_transition_time: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OperationState {
    pub(super) operation: Operation,
    /// `Running`, `Terminating`, `Succeeded`, `Failed` or `Error`.
    pub(super) phase: String,
    pub(super) message: String,
    pub(super) sync_result: Option<SyncResult>,
    pub(super) started_at: Option<Timestamp>,
    /// Also set between two tries of a running operation.
    pub(super) finished_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncResult {
    pub(super) revision: String,
    pub(super) revisions: Vec<String>,
    pub(super) resources: Vec<ResourceResult>,
}

/// What an operation did with one resource, or hook.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceResult {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) message: String,
    /// Of resources: `SyncFailed` when they could not be applied.
    pub(super) status: String,
    /// Of hooks: as the operation's phase.
    pub(super) hook_phase: String,
}

/// A resource that the Application manages.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// As in [`SyncStatus`]; empty for hooks.
    pub(super) status: String,
    /// Absent unless Argo CD is told to keep it here (`controller.resource.health.persist`).
    pub(super) health: Option<Health>,
    pub(super) hook: bool,
    pub(super) requires_pruning: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub(super) r#type: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) images: Vec<String>,
}

impl Application {
    /// The Application in this object.
    pub(super) fn of(object: DynamicObject) -> serde_json::Result<Self> {
        let DynamicObject { types: _, metadata, data } = object;
        Ok(Self { metadata, ..serde_json::from_value(data)? })
    }

    /// Where its manifests come from: Argo CD ignores `source` where there are `sources`.
    pub(super) fn sources(&self) -> &[Source] {
        several_or_one(&self.spec.sources, self.spec.source.as_ref())
    }

    /// The revision of each of [`Application::sources`] that live objects were last compared with.
    pub(super) fn compared_revisions(&self) -> Vec<&str> {
        revisions(&self.status.sync.revisions, &self.status.sync.revision)
    }

    /// Whether the last comparison was with the sources that are specified now.
    pub(super) fn was_compared_to_its_sources(&self) -> bool {
        let ComparedTo { source, sources } = &self.status.sync.compared_to;
        let compared = several_or_one(sources, source.as_ref());
        compared.is_empty() || self.spec.source_hydrator.is_some() || compared == self.sources()
    }

    /// Its operation while it is requested, runs, or waits for its next try.
    pub(super) fn operation_under_way(&self) -> bool {
        self.operation.is_some() || self.status.operation_state.as_ref().is_some_and(OperationState::is_under_way)
    }

    /// Whether a comparison is asked for that has not been done.
    pub(super) fn refresh_is_due(&self) -> bool {
        self.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(super::sync::REFRESH))
    }

    /// Whether its resources are in the cluster it is in itself.
    pub(super) fn deploys_here(&self) -> bool {
        let Destination { server, name } = &self.spec.destination;
        server == "https://kubernetes.default.svc" || (server.is_empty() && name == "in-cluster")
    }

    /// The resources without hooks.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.status.resources.iter().filter(|resource| !resource.hook)
    }

    /// Its errors, each with its type, as Argo CD words them.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Condition> {
        self.status.conditions.iter().filter(|condition| condition.r#type.ends_with("Error"))
    }
}

impl Operation {
    /// Whether it carries this key.
    pub(super) fn carries(&self, key: &str) -> bool {
        self.info.iter().any(|info| info.name == super::sync::KEY && info.value == key)
    }
}

impl OperationState {
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.phase.as_str(), "Running" | "Terminating")
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.phase.as_str(), "Failed" | "Error")
    }

    /// Whether it only tried what it would do.
    pub(super) fn is_dry_run(&self) -> bool {
        self.operation.sync.dry_run
    }

    /// Between two tries: it failed and Argo CD will try it again.
    pub(super) fn waits_for_next_try(&self) -> bool {
        self.phase == "Running" && self.finished_at.is_some()
    }

    /// The resources and hooks that made it fail, each with the reason.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        let resources = self.sync_result.iter().flat_map(|result| &result.resources);
        let failed =
            resources.filter(|it| it.status == "SyncFailed" || matches!(it.hook_phase.as_str(), "Failed" | "Error"));
        failed.map(|it| format!("{} {}: {}", it.kind, it.name, it.message))
    }

    /// The revision of each source that it syncs to.
    pub(super) fn revisions(&self) -> Vec<&str> {
        let asked = || revisions(&self.operation.sync.revisions, &self.operation.sync.revision);
        let result = self.sync_result.as_ref();
        let done = result.map(|result| revisions(&result.revisions, &result.revision)).unwrap_or_default();
        if done.is_empty() { asked() } else { done }
    }
}

impl Resource {
    /// For people, such as `Deployment web`.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Whether its health is up to a controller that Kubernetes does not bring along.
    pub(super) fn is_custom(&self) -> bool {
        self.group.contains('.') && !self.group.ends_with(".k8s.io")
    }
}

fn several_or_one<'a>(several: &'a [Source], one: Option<&'a Source>) -> &'a [Source] {
    if several.is_empty() { one.map(std::slice::from_ref).unwrap_or_default() } else { several }
}

fn revisions<'a>(several: &'a [String], one: &'a str) -> Vec<&'a str> {
    if !several.is_empty() {
        several.iter().map(String::as_str).collect()
    } else if one.is_empty() {
        Vec::new()
    } else {
        vec![one]
    }
}
