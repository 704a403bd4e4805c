//! How far the rollout of a workload is: what `kubectl rollout status` and Argo CD's own health checks ask of a
//! Deployment, a StatefulSet, a DaemonSet or a ReplicaSet, over the live object. Pure; reading is in `live.rs`.

use std::fmt;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::{Deserialize, Serialize};

use crate::{pods::reason_and_message, text::clause};

/// Argo CD leaves an object with this annotation out of an Application's health.
const IGNORED: &str = "argocd.argoproj.io/ignore-healthcheck";

/// How far a workload is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Replicas {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) updated: i32,
    pub(super) ready: i32,
    pub(super) desired: i32,
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, updated, ready, desired, .. } = self;
        write!(f, "{kind} {name} {updated} of {desired} updated, {ready} ready, {desired} desired")
    }
}

/// A workload and its rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rollout {
    pub(super) replicas: Replicas,
    pub(super) state: RolloutState,
    /// What ails one of its Pods.
    pub(super) trouble: Option<String>,
}

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RolloutState {
    /// Every replica is updated and available, and none of the old ones is left.
    Complete,
    /// On its way, or not begun.
    Unfinished,
    /// On its way no more, for this reason.
    Failed(String),
    /// Argo CD manages it, and it is not there.
    Missing,
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Replicas { kind, name, .. } = &self.replicas;
        match &self.state {
            RolloutState::Complete | RolloutState::Unfinished => write!(f, "{}", self.replicas)?,
            RolloutState::Failed(why) => write!(f, "{kind} {name}: {}", clause(why))?,
            RolloutState::Missing => write!(f, "{kind} {name} is missing")?,
        }
        self.trouble.as_ref().map_or(Ok(()), |trouble| write!(f, " ({trouble})"))
    }
}

/// The live workloads of an Application, as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    pub(super) seen: Vec<Rollout>,
    /// Why some of them are not seen and never will be: they are judged by Argo CD alone.
    pub(super) hidden: Option<String>,
    /// Why some of them are not seen now.
    pub(super) failed: Option<String>,
}

impl Rollouts {
    /// Those that are not complete.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &Rollout> {
        self.seen.iter().filter(|rollout| rollout.state != RolloutState::Complete)
    }

    /// Those that have failed.
    pub(super) fn failures(&self) -> impl Iterator<Item = &Rollout> {
        self.seen.iter().filter(|rollout| matches!(rollout.state, RolloutState::Failed(_)))
    }
}

/// A kind of workload: how its rollout is judged, and which Pods are its own.
pub(super) trait Workload {
    /// How far its rollout is.
    fn rollout(&self) -> Rollout;

    /// What selects its Pods.
    fn selector(&self) -> Option<&LabelSelector>;
}

impl Workload for Deployment {
    fn rollout(&self) -> Rollout {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let desired = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let updated = status.updated_replicas.unwrap_or(0);
        let conditions = status.conditions.unwrap_or_default();
        let late = conditions.iter().find(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded"));
        let is_done = updated >= desired
            && status.replicas.unwrap_or(0) <= updated
            && status.available_replicas.unwrap_or(0) >= updated
            && !spec.and_then(|spec| spec.paused).unwrap_or(false);
        let state = if !is_observed(&self.metadata, status.observed_generation) {
            RolloutState::Unfinished
        } else if let Some(condition) = late {
            RolloutState::Failed(reason_and_message("ProgressDeadlineExceeded", condition.message.as_deref()))
        } else {
            done(is_done)
        };
        let counts = (updated, status.ready_replicas.unwrap_or(0), desired);
        rollout("Deployment", &self.metadata, counts, state)
    }

    fn selector(&self) -> Option<&LabelSelector> {
        self.spec.as_ref().map(|spec| &spec.selector)
    }
}

impl Workload for StatefulSet {
    fn rollout(&self) -> Rollout {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let desired = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let (updated, ready) = (status.updated_replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
        let strategy = spec.and_then(|spec| spec.update_strategy.as_ref());
        let by_hand = strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete");
        let partition = strategy.and_then(|strategy| strategy.rolling_update.as_ref()?.partition).unwrap_or(0);
        let is_updated = if partition > 0 {
            updated >= desired - partition
        } else {
            by_hand || status.update_revision == status.current_revision
        };
        let is_done = is_observed(&self.metadata, status.observed_generation) && ready >= desired && is_updated;
        rollout("StatefulSet", &self.metadata, (updated, ready, desired), done(is_done))
    }

    fn selector(&self) -> Option<&LabelSelector> {
        self.spec.as_ref().map(|spec| &spec.selector)
    }
}

impl Workload for DaemonSet {
    fn rollout(&self) -> Rollout {
        let status = self.status.clone().unwrap_or_default();
        let desired = status.desired_number_scheduled;
        let updated = status.updated_number_scheduled.unwrap_or(0);
        let strategy = self.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        let by_hand = strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete");
        let is_updated = updated >= desired && status.number_available.unwrap_or(0) >= desired;
        let is_done = is_observed(&self.metadata, status.observed_generation) && (by_hand || is_updated);
        rollout("DaemonSet", &self.metadata, (updated, status.number_ready, desired), done(is_done))
    }

    fn selector(&self) -> Option<&LabelSelector> {
        self.spec.as_ref().map(|spec| &spec.selector)
    }
}

impl Workload for ReplicaSet {
    fn rollout(&self) -> Rollout {
        let status = self.status.clone().unwrap_or_default();
        let desired = self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let conditions = status.conditions.unwrap_or_default();
        let refused = conditions.iter().find(|it| it.type_ == "ReplicaFailure" && it.status == "True");
        let state = if !is_observed(&self.metadata, status.observed_generation) {
            RolloutState::Unfinished
        } else if let Some(condition) = refused {
            let reason = condition.reason.as_deref().unwrap_or("ReplicaFailure");
            RolloutState::Failed(reason_and_message(reason, condition.message.as_deref()))
        } else {
            done(status.available_replicas.unwrap_or(0) >= desired)
        };
        let counts = (status.replicas, status.ready_replicas.unwrap_or(0), desired);
        rollout("ReplicaSet", &self.metadata, counts, state)
    }

    fn selector(&self) -> Option<&LabelSelector> {
        self.spec.as_ref().map(|spec| &spec.selector)
    }
}

/// A workload that is not there.
pub(super) fn missing(kind: &str, namespace: &str, name: &str) -> Rollout {
    let replicas = Replicas {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Replicas::default()
    };
    Rollout { replicas, state: RolloutState::Missing, trouble: None }
}

fn done(is_done: bool) -> RolloutState {
    if is_done { RolloutState::Complete } else { RolloutState::Unfinished }
}

/// Whether the counts are about the present specification.
fn is_observed(metadata: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.is_some_and(|observed| observed >= metadata.generation.unwrap_or(0))
}

fn rollout(
    kind: &str,
    metadata: &ObjectMeta,
    (updated, ready, desired): (i32, i32, i32),
    state: RolloutState,
) -> Rollout {
    let is_ignored = metadata.annotations.iter().flatten().any(|(name, value)| name == IGNORED && value == "true");
    let replicas = Replicas {
        kind: kind.to_owned(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        updated,
        ready,
        desired,
    };
    Rollout { replicas, state: if is_ignored { RolloutState::Complete } else { state }, trouble: None }
}

#[cfg(test)]
mod tests;
