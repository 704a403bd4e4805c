//! The condition `Ready` of a Receiver, and its path. Whatever replica writes it, it is the same.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Client, ResourceExt};
use kube_runtime::controller::Action;
use serde_json::json;
use sluice_api::{Receiver, ReceiverStatus, Truth, Verdict, names};
use sluice_client::{
    controllers::Panicked,
    guarded::{Guarded, Invalid},
    patch::{self, Version},
    quarantine::quarantine,
};

use super::{
    Receivers, address_of, kind_of,
    recent::STATUS,
    secret::{Closed, KEPT},
};

/// A Receiver that takes nothing is looked at again after this time: its Secret may be there.
const SOON: Duration = Duration::from_secs(5);

/// One that takes requests is looked at again after this time, in which whoever asks has its Secret read: nobody, and nothing changes.
const IDLE: Duration = Duration::from_secs(300);

/// Why the status could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to write the status")]
    Write(#[source] kube::Error),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl Error {
    /// Whether somebody else wrote it meanwhile.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Write(kube::Error::Api(status)) if status.code == 409)
    }
}

/// Says in the status of a Receiver whether it takes requests, and where.
pub(crate) async fn reconcile(receiver: Arc<Guarded<Receiver>>, receivers: Arc<Receivers>) -> Result<Action, Error> {
    let receiver = match &receiver.0 {
        Ok(receiver) => receiver,
        Err(invalid) => {
            malformed(&receivers.client, invalid).await;
            return Ok(Action::await_change());
        }
    };
    if receiver.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let (namespace, name) = (receiver.namespace().unwrap_or_default(), receiver.name_any());
    let path = address_of(&namespace, &name);
    let outcome = receivers.secrets.get(receiver, KEPT).await;
    let (verdict, again) = match outcome {
        Ok(_) if kind_of(receiver).is_none() => {
            let message = "set exactly one of spec.github, spec.gitea, spec.component";
            (Verdict::ready(Truth::False, "Invalid", message), IDLE)
        }
        Ok(_) => (Verdict::ready(Truth::True, "Ready", format!("requests are taken at {path}")), IDLE),
        Err(Closed::Because(reason, message)) => (Verdict::ready(Truth::False, reason, message), SOON),
        Err(Closed::Unknown(why)) => {
            tracing::warn!(%namespace, receiver = %name, why, "whether a Receiver is ready cannot be told");
            return Ok(Action::requeue(SOON));
        }
    };
    let before = receiver.status.clone().unwrap_or_default();
    let condition = verdict.at(Timestamp::now(), receiver.metadata.generation, &before.conditions);
    let after = ReceiverStatus {
        observed_generation: receiver.metadata.generation,
        conditions: vec![condition],
        path: Some(path),
        recent: before.recent.clone(),
    };
    if after != before {
        let resource_version = receiver.resource_version().unwrap_or_default();
        let version = Version { namespace: &namespace, name: &name, resource_version: &resource_version };
        let write =
            patch::set::<Receiver>(&receivers.client, names::SERVER_FIELD_MANAGER, version, STATUS, &after).await;
        write.map_err(Error::Write)?;
    }
    Ok(Action::requeue(again))
}

/// Says on a Receiver itself that it cannot be read.
async fn malformed(client: &Client, Invalid { error, metadata }: &Invalid) {
    let condition = sluice_api::malformed(names::READY, Truth::False, metadata, error);
    let status = json!({"observedGeneration": metadata.generation, "conditions": [condition]});
    quarantine::<Receiver>(client, names::SERVER_FIELD_MANAGER, metadata, error, status).await;
}
