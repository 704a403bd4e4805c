//! `PipelineRun` -> what a reconcile works with. Pure.

use kube::ResourceExt;
use sluice_api::{PipelineRun, PipelineRunStatus, variables::RunIdentity};
use sluice_engine::{Abort, RunState};

/// A run, parsed once; nothing behind it reads the object for its configuration.
pub(crate) struct Decoded {
    pub(crate) identity: RunIdentity,
    pub(crate) resource_version: String,
    pub(crate) generation: Option<i64>,
    pub(crate) state: RunState,
    /// The status without the state: what a new status is made from.
    pub(crate) status: PipelineRunStatus,
    /// Why it has to be aborted.
    pub(crate) abort: Option<Abort>,
    pub(crate) is_deleted: bool,
    pub(crate) has_finalizer: bool,
}

/// An object without what the API server always sets.
#[derive(Debug, thiserror::Error)]
#[error("the object has no {0}")]
pub(crate) struct Incomplete(&'static str);

/// Parses a run.
pub(crate) fn run(run: &PipelineRun) -> Result<Decoded, Incomplete> {
    let mut status = run.status.clone().unwrap_or_default();
    let state = std::mem::take(&mut status.state);
    let identity = RunIdentity {
        name: run.metadata.name.clone().ok_or(Incomplete("name"))?,
        namespace: run.metadata.namespace.clone().ok_or(Incomplete("namespace"))?,
        uid: run.metadata.uid.clone().ok_or(Incomplete("UID"))?,
        requested_by: run.spec.requested_by.clone().unwrap_or_default(),
        pipeline: run.spec.pipeline_ref.name.clone(),
        parent: run.spec.trigger.as_ref().and_then(|trigger| trigger.parent.clone()),
    };
    Ok(Decoded {
        identity,
        resource_version: run.metadata.resource_version.clone().ok_or(Incomplete("resourceVersion"))?,
        generation: run.metadata.generation,
        state,
        status,
        abort: run.abort(),
        is_deleted: run.metadata.deletion_timestamp.is_some(),
        has_finalizer: run.finalizers().iter().any(|finalizer| finalizer == sluice_api::names::FINALIZER),
    })
}
