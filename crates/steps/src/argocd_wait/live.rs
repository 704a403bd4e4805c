//! Reads the live workloads of an Application, as the account of the run.
//!
//! Argo CD 3 keeps no health of single resources in the Application, so replicas can only be had from the objects. What the
//! account may not read is judged by Argo CD alone.

use futures::{StreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::core::Selector;
use serde::de::DeserializeOwned;

use super::application::{Application, Resource};
use super::workloads::{Rollout, RolloutState, Rollouts, Workload, missing};
use crate::pods::trouble;
use crate::world::failed_read;

/// No more workloads than these are read of one Application.
const MAX_WORKLOADS: usize = 50;
/// How many are read at a time.
const AT_A_TIME: usize = 8;
/// Of so many unfinished workloads the Pods are looked at too.
const MAX_TROUBLED: usize = 3;
const MAX_PODS: u32 = 50;

/// The rollouts of the Application's workloads.
pub(super) async fn read(client: &kube::Client, application: &Application) -> Rollouts {
    let mut rollouts = Rollouts::default();
    let workloads: Vec<&Resource> = application.resources().filter(|resource| is_workload(resource)).collect();
    if !application.deploys_here() {
        let elsewhere = || "its workloads are in another cluster and are judged by Argo CD alone".to_owned();
        rollouts.hidden = (!workloads.is_empty()).then(elsewhere);
        return rollouts;
    }
    if workloads.len() > MAX_WORKLOADS {
        let rest = workloads.len() - MAX_WORKLOADS;
        rollouts.hidden =
            Some(format!("{rest} of its workloads are too many to be read and are judged by Argo CD alone"));
    }
    let reads: Vec<_> = workloads.into_iter().take(MAX_WORKLOADS).map(|workload| one(client, workload)).collect();
    let mut answers = stream::iter(reads).buffered(AT_A_TIME);
    let mut troubled = 0;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok((mut rollout, pods)) => {
                if rollout.state != RolloutState::Complete && troubled < MAX_TROUBLED {
                    troubled += 1;
                    rollout.trouble = pods_trouble(client, &rollout, pods).await;
                }
                rollouts.seen.push(rollout);
            }
            Err(failure) if failure.transient => rollouts.failed = Some(failure.message),
            Err(failure) => {
                rollouts.hidden = Some(format!("some workloads are judged by Argo CD alone: {}", failure.message));
            }
        }
    }
    rollouts
}

/// Whether its replicas are of interest: its live object is as the repository wants it, and not the one before.
fn is_workload(resource: &Resource) -> bool {
    let is_kind = matches!(resource.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    resource.group == "apps" && is_kind && resource.status == "Synced"
}

type Answer = Result<(Rollout, Option<Selector>), sluice_engine::Failure>;

async fn one(client: &kube::Client, resource: &Resource) -> Answer {
    match resource.kind.as_str() {
        "Deployment" => of::<Deployment>(client, resource).await,
        "StatefulSet" => of::<StatefulSet>(client, resource).await,
        "DaemonSet" => of::<DaemonSet>(client, resource).await,
        _ => of::<ReplicaSet>(client, resource).await,
    }
}

async fn of<K>(client: &kube::Client, resource: &Resource) -> Answer
where
    K: Workload + Clone + std::fmt::Debug + DeserializeOwned,
    K: k8s_openapi::Resource<Scope = NamespaceResourceScope>
        + kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    let Resource { kind, namespace, name, .. } = resource;
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await;
    let found = found.map_err(|error| failed_read("get", &format!("{kind} {namespace}/{name}"), &error))?;
    Ok(match found {
        Some(workload) => {
            let selector = workload.selector().cloned().and_then(|selector| Selector::try_from(selector).ok());
            (workload.rollout(), selector)
        }
        None => (missing(kind, namespace, name), None),
    })
}

/// What ails a Pod of this workload. Pods are a help, not a condition: what the account may not see is left out.
async fn pods_trouble(client: &kube::Client, rollout: &Rollout, selector: Option<Selector>) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &rollout.replicas.namespace);
    let parameters = ListParams::default().labels_from(&selector?).limit(MAX_PODS);
    trouble(&pods.list(&parameters).await.ok()?.items)
}
