//! Resolves what a run does: the version of its pipeline that it keeps to, checked before it starts.

use std::sync::Arc;

use kube::{Api, core::DeserializeGuard};
use serde_json::{Map, Value};
use sluice_api::{Pipeline, PipelineRun, Revision, check, resolve_params};

use crate::{
    context::Context,
    decode::Decoded,
    revisions::{self, Pinned},
};

/// What a run does.
pub(crate) struct Resolved {
    pub(crate) pinned: Arc<Pinned>,
    /// The name of its ControllerRevision.
    pub(crate) revision: String,
    pub(crate) params: Map<String, Value>,
}

/// What stands in the way.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// The run waits for something to be made: a reason word and a message.
    Missing(&'static str, String),
    /// The run can never start, or never go on: a reason word and a message.
    Fatal(&'static str, String),
}

/// A read that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read Pipeline {name:?}")]
    ReadPipeline { name: String, source: kube::Error },
    #[error(transparent)]
    Revision(#[from] revisions::Error),
}

/// What the run does, or what stands in the way.
pub(crate) async fn resolve(
    context: &Context,
    object: &PipelineRun,
    run: &Decoded,
) -> Result<Result<Resolved, Obstacle>, Error> {
    let pinned = match &run.status.pipeline_revision {
        Some(name) => match pinned_before(context, run, name).await? {
            Some(pinned) => Ok((name.clone(), pinned)),
            // Nothing has happened yet: the run may as well start with what the pipeline is now.
            None if !run.state.has_claims() => pin(context, run).await?,
            None => Err(Obstacle::Fatal(
                "RevisionMissing",
                format!("ControllerRevision {name:?}, the version of the pipeline that this run keeps to, was deleted"),
            )),
        },
        None => pin(context, run).await?,
    };
    Ok(pinned.and_then(|(revision, pinned)| {
        let params = resolve_params(&pinned.spec.params, &object.spec.params).map_err(|problems| {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Obstacle::Fatal("InvalidParameters", all.join("; "))
        })?;
        Ok(Resolved { pinned, revision, params })
    }))
}

async fn pinned_before(context: &Context, run: &Decoded, name: &str) -> Result<Option<Arc<Pinned>>, Error> {
    Ok(context.revisions.get(&context.client, &run.identity.namespace, name).await?)
}

async fn pin(context: &Context, run: &Decoded) -> Result<Result<(String, Arc<Pinned>), Obstacle>, Error> {
    let (namespace, name) = (&run.identity.namespace, &run.identity.pipeline);
    let pipelines: Api<DeserializeGuard<Pipeline>> = Api::namespaced(context.client.clone(), namespace);
    let read = pipelines.get_opt(name).await;
    let pipeline = match read.map_err(|source| Error::ReadPipeline { name: name.clone(), source })? {
        Some(DeserializeGuard(Ok(pipeline))) => pipeline,
        Some(DeserializeGuard(Err(invalid))) => {
            let message =
                format!("Pipeline {name:?} cannot be read; the run starts once it is mended: {}", invalid.error);
            return Ok(Err(Obstacle::Missing("PipelineMalformed", message)));
        }
        None => {
            let message =
                format!("there is no Pipeline {name:?} in namespace {namespace:?}; the run starts once there is");
            return Ok(Err(Obstacle::Missing("PipelineNotFound", message)));
        }
    };
    let mistakes = check::pipeline(&pipeline.spec);
    if !mistakes.is_empty() {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let message = format!("Pipeline {name:?} cannot run: {}", all.join("; "));
        return Ok(Err(Obstacle::Fatal("PipelineInvalid", message)));
    }
    let revision = Revision::new(name, pipeline.spec);
    Ok(Ok(context.revisions.ensure(&context.client, namespace, revision).await?))
}
