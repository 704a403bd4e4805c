//! What a step notes between two looks, and which of it is news for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::application::{Application, OperationState, Resource};
use super::wanted::{Ancestry, short};
use super::workloads::{Replicas, RolloutState, Rollouts};
use crate::{Report, text};

/// No more workloads than these are listed.
const MAX_WORKLOADS: usize = 40;
/// No more degraded resources than these are listed.
const MAX_DEGRADED: usize = 10;
/// The reasons of warnings.
const DEGRADED: &str = "ResourceDegraded";
const HIDDEN: &str = "WorkloadsHidden";
/// How long what other programs say may be.
const MAX_TEXT: usize = 300;

/// What was seen last: the step's `progress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Progress {
    pub(super) sync: String,
    pub(super) health: String,
    pub(super) revision: String,
    pub(super) resources: ResourceCounts,
    /// Resources that are, or in time make the Application, degraded, each with what is known of the cause.
    pub(super) degraded: Vec<String>,
    pub(super) workloads: Vec<Replicas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<OperationSeen>,
    /// Why some workloads are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hidden: Option<String>,
    /// The `repoURL` that was recognised as the commit's repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// What the git host said of the revisions that are of interest now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) ancestry: Ancestry,
    /// The refresh was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) refreshed: bool,
    /// This step's own sync succeeded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) synced: bool,
}

/// How many resources are as the repository wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ResourceCounts {
    pub(super) synced: usize,
    pub(super) total: usize,
}

/// The operation that was seen last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OperationSeen {
    pub(super) phase: String,
    pub(super) revision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
}

impl Progress {
    /// What an earlier look noted; nothing where that makes no sense.
    pub(super) fn of(noted: Option<&Value>) -> Self {
        noted.and_then(|noted| serde_json::from_value(noted.clone()).ok()).unwrap_or_default()
    }

    /// As it is kept.
    pub(super) fn to_value(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }

    /// The same after a look at the Application and its workloads. `key` is that of this step's own sync.
    #[must_use]
    pub(super) fn after(self, application: &Application, rollouts: &Rollouts, key: Option<&str>) -> Self {
        let status = &application.status;
        let operation = status.operation_state.as_ref();
        let is_own_success =
            |it: &OperationState| it.phase == "Succeeded" && key.is_some_and(|key| it.operation.carries(key));
        Self {
            sync: status.sync.status.clone(),
            health: status.health.status.clone(),
            revision: application.compared_revisions().join(" "),
            resources: ResourceCounts {
                synced: application.resources().filter(|resource| resource.status == "Synced").count(),
                total: application.resources().count(),
            },
            degraded: degraded(application, rollouts),
            workloads: rollouts.seen.iter().take(MAX_WORKLOADS).map(|rollout| rollout.replicas.clone()).collect(),
            operation: operation.map(|operation| OperationSeen {
                phase: operation.phase.clone(),
                revision: operation.revisions().join(" "),
                started_at: operation.started_at,
            }),
            // Told once: workloads are not read at every look.
            hidden: rollouts.hidden.as_deref().map(cut).or(self.hidden),
            synced: self.synced || operation.is_some_and(is_own_success),
            ..self
        }
    }
}

/// The resources that ail, each with what is known of the cause: the live object's word, else Argo CD's where it keeps one.
pub(super) fn degraded(application: &Application, rollouts: &Rollouts) -> Vec<String> {
    let live = rollouts.unfinished().filter_map(|rollout| match (&rollout.state, &rollout.trouble) {
        (RolloutState::Failed(_), _) => Some(rollout.to_string()),
        (_, Some(trouble)) => Some(format!("{} {}: {trouble}", rollout.replicas.kind, rollout.replicas.name)),
        (_, None) => None,
    });
    let is_seen = |resource: &Resource| {
        let mut failures = rollouts.failures();
        failures.any(|rollout| rollout.replicas.kind == resource.kind && rollout.replicas.name == resource.name)
    };
    let by_argo = application.resources().filter_map(|resource| {
        let health = resource.health.as_ref().filter(|health| health.status == "Degraded")?;
        (!is_seen(resource)).then(|| format!("{}: {}", resource.title(), health.message))
    });
    live.chain(by_argo).take(MAX_DEGRADED).map(|text| cut(&text)).collect()
}

/// What is new for people since the look before. The first look tells what is going on, and nothing of what was before.
pub(super) fn news(title: &str, before: Option<&Progress>, now: &Progress) -> Vec<Report> {
    let mut news: Vec<(&str, String)> = Vec::new();
    news.extend(operation_news(before, now));
    let changed: Vec<String> = changed_workloads(before, now).map(ToString::to_string).collect();
    if !changed.is_empty() {
        news.push(("RolloutProgressed", cut(&changed.join("; "))));
    }
    let is_new = |ailing: &&String| {
        before.is_none_or(|before| !before.degraded.iter().any(|known| subject(known) == subject(ailing)))
    };
    news.extend(now.degraded.iter().filter(is_new).map(|ailing| (DEGRADED, ailing.clone())));
    if now.hidden != before.and_then(|before| before.hidden.clone()) {
        news.extend(now.hidden.iter().map(|hidden| (HIDDEN, hidden.clone())));
    }
    let report = |(reason, message): (&str, String)| Report {
        reason: reason.to_owned(),
        message: format!("Application {title}: {message}"),
        warning: matches!(reason, DEGRADED | HIDDEN),
    };
    news.into_iter().map(report).collect()
}

fn operation_news(before: Option<&Progress>, now: &Progress) -> Option<(&'static str, String)> {
    let operation = now.operation.as_ref()?;
    let known = before.and_then(|before| before.operation.as_ref());
    let known = known.filter(|known| known.started_at == operation.started_at);
    let revision = short(&operation.revision);
    match (operation.phase.as_str(), known.map(|known| known.phase.as_str())) {
        ("Running", None) => Some(("SyncStarted", format!("syncs to {revision}"))),
        ("Succeeded", Some("Running" | "Terminating")) => Some(("SyncSucceeded", format!("synced to {revision}"))),
        // The look before saw the Application, and not this.
        ("Succeeded", None) if before.is_some_and(|before| !before.sync.is_empty()) => {
            Some(("SyncSucceeded", format!("synced to {revision}")))
        }
        _ => None,
    }
}

/// Which trouble it is, without its words, which change at every try: `Deployment web: pod web-1`.
fn subject(ailing: &str) -> &str {
    ailing.match_indices(": ").nth(1).map_or(ailing, |(end, _)| &ailing[..end])
}

/// The workloads whose numbers changed; of those that were not seen before, the unfinished ones.
fn changed_workloads<'a>(before: Option<&'a Progress>, now: &'a Progress) -> impl Iterator<Item = &'a Replicas> {
    let id = |replicas: &'a Replicas| (&replicas.kind, &replicas.namespace, &replicas.name);
    now.workloads.iter().filter(move |replicas| {
        let known = before.and_then(|before| before.workloads.iter().find(|known| id(known) == id(replicas)));
        match known {
            Some(known) => known != *replicas,
            None => replicas.updated < replicas.desired || replicas.ready < replicas.desired,
        }
    })
}

/// What another program said, cut to a bearable length.
pub(super) fn cut(text: &str) -> String {
    text::cut(text::clause(text), MAX_TEXT)
}

#[cfg(test)]
mod tests;
