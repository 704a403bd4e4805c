//! Who a run is.

use crate::{PipelineRun, Trigger};

/// Who a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunIdentity {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
    /// Who asked for it; empty when not known.
    pub requested_by: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// What started it, where that was no person.
    pub trigger: Trigger,
}

/// An object without what the API server always sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object has no {0}")]
pub struct Incomplete(pub &'static str);

impl RunIdentity {
    /// Who this run is.
    pub fn of(run: &PipelineRun) -> Result<Self, Incomplete> {
        let needed = |member: &Option<String>, name| member.clone().ok_or(Incomplete(name));
        Ok(Self {
            name: needed(&run.metadata.name, "name")?,
            namespace: needed(&run.metadata.namespace, "namespace")?,
            uid: needed(&run.metadata.uid, "UID")?,
            requested_by: run.spec.requested_by.clone().unwrap_or_default(),
            pipeline: run.spec.pipeline_ref.name.clone(),
            trigger: run.spec.trigger.clone().unwrap_or_default(),
        })
    }
}
