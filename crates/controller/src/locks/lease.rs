//! The Lease that is a lock: every change of it holds only for the version that was read.

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PostParams, Preconditions},
};
use serde_json::json;
use sluice_api::{RunIdentity, names};

use super::queue::Group;
use crate::{client::scoped, patch};

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) namespace: String,
    /// The Lease's name.
    pub(super) name: String,
    pub(super) resource_version: String,
    /// The lock's group, as the Lease tells; its name holds only the hash.
    pub(super) group: Option<String>,
    /// The UID of the run that holds the lock; empty when none does.
    pub(super) uid: String,
    /// The name of that run.
    pub(super) run: Option<String>,
    transitions: i32,
}

impl Held {
    fn of(lease: Lease) -> Self {
        let Lease { metadata, spec } = lease;
        let spec = spec.unwrap_or_default();
        let mut annotations = metadata.annotations.unwrap_or_default();
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            group: annotations.remove(names::LOCK_GROUP_ANNOTATION),
            uid: spec.holder_identity.unwrap_or_default(),
            run: annotations.remove(names::LOCK_HOLDER_ANNOTATION),
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }

    /// How people call the holder.
    pub(super) fn holder(&self) -> String {
        self.run.clone().unwrap_or_else(|| self.uid.clone())
    }
}

/// The Leases that are locks in a namespace, or in all.
#[derive(Clone)]
pub(super) struct Leases(Api<Lease>);

impl Leases {
    pub(super) fn within(client: &Client, namespace: Option<&str>) -> Self {
        Self(scoped(client, namespace))
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Held>, kube::Error> {
        Ok(self.0.get_opt(name).await?.map(Held::of))
    }

    /// All of them.
    pub(super) async fn list(&self) -> Result<Vec<Held>, kube::Error> {
        let (label, value) = names::LOCK_LABEL;
        let mut params = ListParams::default().labels(&format!("{label}={value}")).limit(500);
        let mut all = Vec::new();
        loop {
            let page = self.0.list(&params).await?;
            all.extend(page.items.into_iter().map(Held::of));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    /// Makes it, held by this run; `None` when it is there already.
    pub(super) async fn create(&self, group: &Group, run: &RunIdentity) -> Result<Option<Held>, kube::Error> {
        let text = |text: &str| text.to_owned();
        let labels = [names::LOCK_LABEL, names::MANAGED_BY].map(|(label, value)| (text(label), text(value)));
        let annotations = [
            (text(names::LOCK_GROUP_ANNOTATION), group.name.clone()),
            (text(names::LOCK_HOLDER_ANNOTATION), run.name.clone()),
        ];
        let now = MicroTime(Timestamp::now());
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(names::lease_of_group(&group.name)),
                namespace: Some(group.namespace.clone()),
                labels: Some(labels.into_iter().collect()),
                annotations: Some(annotations.into_iter().collect()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(run.uid.clone()),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(0),
                ..LeaseSpec::default()
            }),
        };
        let params = PostParams { field_manager: Some(text(names::FIELD_MANAGER)), ..PostParams::default() };
        match self.0.create(&params, &lease).await {
            Ok(lease) => Ok(Some(Held::of(lease))),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has exactly the Lease that was read name this run; `None` when it changed or went since.
    ///
    /// This is a write also when it names the run already, with the time: a write that changes nothing would keep the version,
    /// by which somebody else may be about to take it.
    pub(super) async fn take(
        &self,
        lease: &Held,
        group: &Group,
        run: &RunIdentity,
    ) -> Result<Option<Held>, kube::Error> {
        let now = MicroTime(Timestamp::now());
        let is_ours = lease.uid == run.uid;
        let mut spec = json!({"renewTime": now});
        if !is_ours {
            spec = json!({
                "holderIdentity": run.uid, "acquireTime": now, "renewTime": now,
                "leaseTransitions": lease.transitions.saturating_add(1),
            });
        }
        let (label, value) = names::LOCK_LABEL;
        let metadata = json!({
            "resourceVersion": lease.resource_version,
            "labels": {label: value},
            "annotations": {names::LOCK_GROUP_ANNOTATION: group.name, names::LOCK_HOLDER_ANNOTATION: run.name},
        });
        let patch = Patch::Merge(json!({"metadata": metadata, "spec": spec}));
        match self.0.patch(&lease.name, &patch::params(), &patch).await {
            Ok(lease) => Ok(Some(Held::of(lease))),
            Err(error) if is_late(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes exactly the Lease of this version; whether it is gone now.
    pub(super) async fn delete(&self, name: &str, resource_version: &str) -> Result<bool, kube::Error> {
        let preconditions = Preconditions { resource_version: Some(resource_version.to_owned()), uid: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        match self.0.delete(name, &params).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(true),
            Err(error) if is_late(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether somebody else was faster.
fn is_late(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 409))
}
