//! The condition `Ready` of pipelines: every mistake that can be seen before a run.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use kube_runtime::controller::Action;
use sluice_api::{Pipeline, PipelineStatus, Truth, Verdict};
use sluice_steps::check;

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
    context.history.look();
    let pipeline = match &guarded.0 {
        Ok(pipeline) => pipeline,
        Err(invalid) => {
            quarantine::pipeline(&context.client, &invalid.metadata, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    let name = pipeline.name_any();
    let before = pipeline.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let ready = judge(pipeline).at(now(), pipeline.metadata.generation, before);
    if before.contains(&ready) {
        return Ok(Action::await_change());
    }
    let status = PipelineStatus {
        observed_generation: pipeline.metadata.generation,
        conditions: vec![ready],
        ..pipeline.status.clone().unwrap_or_default()
    };
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

fn judge(pipeline: &Pipeline) -> Verdict {
    let mistakes = check::pipeline(&pipeline.name_any(), &pipeline.spec);
    if mistakes.is_empty() {
        return Verdict::ready(Truth::True, "Valid", "runs can start");
    }
    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Verdict::ready(Truth::False, "Invalid", all.join("\n"))
}
