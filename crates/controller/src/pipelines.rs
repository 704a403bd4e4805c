//! The condition `Ready` of pipelines: every mistake that can be seen before a run.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use kube_runtime::controller::Action;
use serde_json::json;
use sluice_api::{Pipeline, check, names};

use crate::{
    context::{Context, now},
    guarded::Guarded,
    patch::{self, Member, Version},
    quarantine,
};

/// A condition that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to write the status of Pipeline {name:?}")]
    Write { name: String, source: kube::Error },
    #[error("the check panicked; this is a fault of Sluice, please report it")]
    Panicked,
}

/// Judges one pipeline.
pub(crate) async fn reconcile(guarded: Arc<Guarded<Pipeline>>, context: Arc<Context>) -> Result<Action, Error> {
    let pipeline = match &guarded.0 {
        Ok(pipeline) => pipeline,
        Err(invalid) => {
            quarantine::pipeline(&context.client, &invalid.metadata, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    let name = pipeline.name_any();
    let before =
        pipeline.status.as_ref().and_then(|status| status.conditions.iter().find(|it| it.type_ == names::READY));
    let ready = judge(pipeline, before);
    if before == Some(&ready) {
        return Ok(Action::await_change());
    }
    let status = json!({"observedGeneration": pipeline.metadata.generation, "conditions": [ready]});
    let (namespace, version) = (pipeline.namespace().unwrap_or_default(), pipeline.resource_version());
    let version = Version { namespace: &namespace, name: &name, resource_version: &version.unwrap_or_default() };
    match patch::set::<Pipeline>(&context.client, version, Member::Status, &status).await {
        Ok(_) => Ok(Action::await_change()),
        // It changed or went since it was read: its next event brings it back.
        Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(Action::await_change()),
        Err(source) => Err(Error::Write { name, source }),
    }
}

/// Tries again later.
pub(crate) fn error_policy(_: Arc<Guarded<Pipeline>>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(error = %error, source = ?std::error::Error::source(error), "a Pipeline was not judged");
    Action::requeue(Duration::from_secs(5))
}

fn judge(pipeline: &Pipeline, before: Option<&Condition>) -> Condition {
    let mistakes = check::pipeline(&pipeline.spec);
    let (status, reason, message) = if mistakes.is_empty() {
        ("True", "Valid", "runs can start".to_owned())
    } else {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        ("False", "Invalid", cut(all.join("\n")))
    };
    let same = before.filter(|before| before.status == status);
    Condition {
        type_: names::READY.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: same.map_or_else(|| Time(now()), |before| before.last_transition_time.clone()),
        observed_generation: pipeline.metadata.generation,
    }
}

/// A condition's message takes 32 KiB.
fn cut(mut message: String) -> String {
    const LIMIT: usize = 32_000;
    if message.len() > LIMIT {
        let end = (0..=LIMIT).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}
