//! Resolves what a run does: the version of its pipeline that it keeps to, checked before it starts.

use std::sync::Arc;

use kube::Api;
use serde_json::{Map, Value};
use sluice_api::{Pipeline, PipelineRun, Revision, resolve_params};
use sluice_steps::check;

use crate::{
    context::Context,
    decode::Decoded,
    guarded::Guarded,
    refusals,
    revisions::{self, Pinned},
    shared::Shared,
};

/// What a run does.
pub(crate) struct Resolved {
    pub(crate) pinned: Arc<Pinned>,
    /// The name of its ControllerRevision.
    pub(crate) revision: String,
    pub(crate) params: Map<String, Value>,
}

/// What stands in the way.
#[derive(Clone, Debug)]
pub(crate) enum Obstacle {
    /// The run, which has done nothing yet, waits for something to be made: a reason word and a message.
    Missing(&'static str, String),
    /// What the run does cannot be read before somebody changes something: a reason word and a message.
    Refused(&'static str, String),
    /// The run can never start, or never go on: a reason word and a message.
    Fatal(&'static str, String),
    /// The same, for want of sense in its pipeline or its parameters.
    Unfit(String, String),
}

impl Obstacle {
    /// For people.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Missing(_, message)
            | Self::Refused(_, message)
            | Self::Fatal(_, message)
            | Self::Unfit(_, message) => message,
        }
    }
}

/// A read that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read Pipeline {name:?}")]
    ReadPipeline { name: String, source: kube::Error },
    #[error(transparent)]
    Revision(#[from] revisions::Error),
}

impl Error {
    /// Whether the API server refused, so that trying again helps only after somebody changed something.
    pub(crate) fn is_refused(&self) -> bool {
        let (Self::ReadPipeline { source, .. } | Self::Revision(revisions::Error::Api { source, .. })) = self else {
            return matches!(self, Self::Revision(error) if error.is_newer());
        };
        refusals::is_final(source)
    }

    /// Whether it is of no use to try again.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::ReadPipeline { .. } => false,
            Self::Revision(error) => error.is_final(),
        }
    }
}

/// The version of a pipeline that a run starts with: the name of its ControllerRevision, and it.
type Start = Result<(String, Arc<Pinned>), Obstacle>;

/// What runs start with that ask at the same time, by namespace and name of their pipeline.
///
/// It is read live: somebody who changed a pipeline and then made a run means the pipeline as it is now.
pub(crate) type Pins = Shared<(String, String), Result<Start, Arc<Error>>>;

/// What the run does, or what stands in the way.
pub(crate) async fn resolve(
    context: &Context,
    object: &PipelineRun,
    run: &Decoded,
) -> Result<Result<Resolved, Obstacle>, Arc<Error>> {
    let pinned = match &run.status.pipeline_revision {
        Some(name) => match pinned_before(context, run, name).await.map_err(Arc::new)? {
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

async fn pin(context: &Context, run: &Decoded) -> Result<Start, Arc<Error>> {
    let pipeline = (run.identity.namespace.clone(), run.identity.pipeline.clone());
    let start = async { start_of(context, &pipeline.0, &pipeline.1).await.map_err(Arc::new) };
    context.pins.get(&pipeline, start).await
}

async fn start_of(context: &Context, namespace: &str, name: &str) -> Result<Start, Error> {
    let pipelines: Api<Guarded<Pipeline>> = Api::namespaced(context.client.clone(), namespace);
    let read = pipelines.get_opt(name).await;
    let pipeline = match read.map_err(|source| Error::ReadPipeline { name: name.to_owned(), source })? {
        Some(Guarded(Ok(pipeline))) => {
            context.suspensions.read(&pipeline);
            pipeline
        }
        Some(Guarded(Err(invalid))) => {
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
    let mistakes = check::pipeline(name, &pipeline.spec);
    if !mistakes.is_empty() {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let message = format!("Pipeline {name:?} cannot run: {}", all.join("; "));
        return Ok(Err(Obstacle::Fatal("PipelineInvalid", message)));
    }
    let revision = Revision::new(name, pipeline.spec);
    Ok(Ok(context.revisions.ensure(&context.client, namespace, revision).await?))
}
