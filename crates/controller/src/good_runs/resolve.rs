//! Which good run a run takes for each source of its pipeline.

use std::sync::Arc;

use kube::Api;
use serde_json::{Map, Value};
use sluice_api::{
    FromSource, GoodRun, PinnedSource, Pipeline, PipelineRun, RunName, Source, SourcePipeline, Unresolved, bounded,
    went_well,
};

use crate::{context::Context, guarded::Guarded, refusals, shared::Shared, suspensions::PipelineName};

/// A read that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read Pipeline {name:?}, a source")]
    ReadPipeline { name: String, source: Arc<kube::Error> },
    #[error("failed to read run {name:?}, of a source")]
    ReadRun { name: String, source: kube::Error },
}

impl Error {
    /// Whether the API server refused, so that trying again helps only after somebody changed something.
    pub(crate) fn is_refused(&self) -> bool {
        let error = match self {
            Self::ReadPipeline { source, .. } => source.as_ref(),
            Self::ReadRun { source, .. } => source,
        };
        refusals::is_final(error)
    }
}

/// What is read of the pipelines that sources name; many runs ask for the same at the same time.
pub(super) type Reads = Shared<PipelineName, Result<Option<Arc<Upstream>>, Arc<kube::Error>>>;

/// A pipeline that a source names.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    its: SourcePipeline,
    good_runs: Vec<GoodRun>,
}

/// The good run of each of a pipeline's sources: the newest one, or the one that `from` names.
pub(crate) async fn resolve(
    context: &Context,
    namespace: &str,
    sources: &[Source],
    from: &[FromSource],
) -> Result<Result<Vec<PinnedSource>, Unresolved>, Error> {
    if let Some(unknown) = from.iter().find(|from| sources.iter().all(|source| source.name != from.source)) {
        return Ok(Err(Unresolved::unknown_source(&unknown.source, sources)));
    }
    let mut pinned = Vec::with_capacity(sources.len());
    for source in sources {
        let named = from.iter().find(|from| from.source == source.name).map(|from| from.run_ref.name.as_str());
        let look = Look { context, namespace, source };
        let found = match named {
            Some(name) => look.named(name).await?,
            None => look.newest().await?,
        };
        match found {
            Ok(found) => pinned.push(found),
            Err(unresolved) => return Ok(Err(unresolved)),
        }
    }
    Ok(bounded(pinned))
}

/// A look for the good run of one source.
#[derive(Clone, Copy)]
struct Look<'a> {
    context: &'a Context,
    namespace: &'a str,
    source: &'a Source,
}

type Found = Result<PinnedSource, Unresolved>;

impl Look<'_> {
    async fn newest(self) -> Result<Found, Error> {
        let (seen, upstream) = (self.seen(), self.upstream().await?);
        match GoodRun::newest(self.known(seen, upstream.as_deref())) {
            Some(good) => self.pin(good).await,
            None => {
                let its = upstream.as_deref().map(|upstream| &upstream.its);
                let place = format!("in namespace {:?}", self.namespace);
                let command = format!("sluice run {}", self.source.pipeline_ref.name);
                Ok(Err(Unresolved::no_good_run(self.source, &place, its, &command)))
            }
        }
    }

    async fn named(self, name: &str) -> Result<Found, Error> {
        let run = self.run(name).await?;
        if let Some(other) = run.as_ref().filter(|run| run.spec.pipeline_ref != self.source.pipeline_ref) {
            return Ok(Err(Unresolved::of_another(self.source, name, &other.spec.pipeline_ref.name)));
        }
        if let Some(found) = run.as_ref().and_then(|run| self.taken_from(run)) {
            return Ok(found);
        }
        // Deleted, or done again since it was good.
        let uid = run.as_ref().and_then(|run| run.metadata.uid.as_deref());
        let is_meant = |good: &GoodRun| good.run.name == name && uid.is_none_or(|uid| good.run.uid == uid);
        let (seen, upstream) = (self.seen(), self.upstream().await?);
        match GoodRun::newest(self.known(seen, upstream.as_deref()).filter(is_meant)) {
            Some(good) => self.pin(good).await,
            None if run.is_some() => Ok(Err(Unresolved::not_good(self.source, name))),
            None => Ok(Err(Unresolved::not_found(self.source, name))),
        }
    }

    /// Takes a good run, whose outputs may have to be read from the run.
    async fn pin(self, good: GoodRun) -> Result<Found, Error> {
        let GoodRun { run, outputs, .. } = good;
        if let Some(outputs) = outputs {
            return Ok(self.with(run, outputs));
        }
        let read = self.run(&run.name).await?.filter(|read| read.metadata.uid.as_ref() == Some(&run.uid));
        let found = read.as_ref().and_then(|read| self.taken_from(read));
        Ok(found.unwrap_or_else(|| Err(Unresolved::outputs_gone(self.source, &run.name))))
    }

    /// What is taken of a run, if it is a good one now.
    fn taken_from(self, run: &PipelineRun) -> Option<Found> {
        let state = &run.status.as_ref()?.state;
        let went = went_well(state).find(|went| self.source.takes(went))?;
        let name = run.metadata.name.clone()?;
        Some(self.with(RunName { name, uid: run.metadata.uid.clone()? }, went.outputs()))
    }

    fn with(self, run: RunName, outputs: Map<String, Value>) -> Found {
        self.source.pin(run, outputs)
    }

    /// The last good runs of the source that the watch has shown. They are looked up before the status is read: one that goes in
    /// between is in the status.
    fn seen(self) -> Vec<GoodRun> {
        self.context.good_runs.of(&self.pipeline())
    }

    /// The last good runs of the source that are known: what the watch has shown, and what the pipeline's status keeps.
    fn known(self, seen: Vec<GoodRun>, upstream: Option<&Upstream>) -> impl Iterator<Item = GoodRun> {
        let kept = upstream.map(|upstream| upstream.good_runs.clone()).unwrap_or_default();
        let stage = self.source.stage.clone();
        seen.into_iter().chain(kept).filter(move |good| good.stage == stage)
    }

    fn pipeline(self) -> PipelineName {
        (self.namespace.to_owned(), self.source.pipeline_ref.name.clone())
    }

    async fn upstream(self) -> Result<Option<Arc<Upstream>>, Error> {
        let pipeline = self.pipeline();
        let read = async {
            let pipelines: Api<Guarded<Pipeline>> = Api::namespaced(self.context.client.clone(), &pipeline.0);
            let read = pipelines.get_opt(&pipeline.1).await.map_err(Arc::new)?;
            Ok(read.map(|read| Arc::new(read.0.map(Upstream::of).unwrap_or_default())))
        };
        let upstream = self.context.good_runs.reads.get(&pipeline, read).await;
        upstream.map_err(|source| Error::ReadPipeline { name: pipeline.1.clone(), source })
    }

    async fn run(self, name: &str) -> Result<Option<PipelineRun>, Error> {
        let runs: Api<Guarded<PipelineRun>> = Api::namespaced(self.context.client.clone(), self.namespace);
        let read = runs.get_opt(name).await.map_err(|source| Error::ReadRun { name: name.to_owned(), source })?;
        Ok(read.and_then(|run| run.0.ok()))
    }
}

impl Upstream {
    fn of(pipeline: Pipeline) -> Self {
        Self {
            its: SourcePipeline::of(&pipeline.spec),
            good_runs: pipeline.status.map(|status| status.good_runs).unwrap_or_default(),
        }
    }
}
