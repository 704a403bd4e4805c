//! `PipelineRun` -> what a reconcile works with. Pure.

use kube::ResourceExt;
use sluice_api::{Incomplete, PipelineRun, PipelineRunStatus, RunIdentity};
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
    /// Whether the entries that are not answered yet may be obeyed: false until that was found out.
    pub(crate) is_enforced: bool,
    pub(crate) is_deleted: bool,
    pub(crate) has_finalizer: bool,
}

/// Parses a run.
pub(crate) fn run(run: &PipelineRun) -> Result<Decoded, Incomplete> {
    let mut status = run.status.clone().unwrap_or_default();
    let state = std::mem::take(&mut status.state);
    Ok(Decoded {
        identity: RunIdentity::of(run)?,
        resource_version: run.metadata.resource_version.clone().ok_or(Incomplete("resourceVersion"))?,
        generation: run.metadata.generation,
        state,
        status,
        abort: run.abort(),
        is_enforced: false,
        is_deleted: run.metadata.deletion_timestamp.is_some(),
        has_finalizer: run.finalizers().iter().any(|finalizer| finalizer == sluice_api::names::FINALIZER),
    })
}
