//! What has to be asked before a time starts a run: what its sources are at, and what runs before it took.

use jiff::Timestamp;
use kube::ResourceExt;
use sluice_api::{PinnedSource, PipelineRun, PipelineRunStatus, RunName, SourceRun, Took, TriggerStatus};
use sluice_engine::RunPhase;

use super::{At, decide};
use crate::{causes::in_one_line, context::is_listed, good_runs, guarded::Guarded, starts::Dropped};

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Sources(#[from] good_runs::Error),
    #[error("the runs are not listed yet")]
    NotListed,
}

/// The good runs that the run takes.
pub(super) async fn sources(at: At<'_>) -> Result<Result<Vec<PinnedSource>, Dropped>, Error> {
    let sources = &at.pipeline.spec.sources;
    if sources.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    // Good runs are known by the watch of the runs.
    if !is_listed(&at.context.runs) {
        return Err(Error::NotListed);
    }
    match good_runs::resolve(at.context, &at.namespace(), sources, &[]).await {
        Ok(found) => Ok(found.map_err(Dropped::from)),
        Err(error) if error.is_refused() => Ok(Err(Dropped::source_refused(&in_one_line(&error)))),
        Err(error) => Err(error.into()),
    }
}

/// Whether the sources are at what the previous run of the pipeline took.
pub(super) fn unchanged(at: At<'_>, now: &Took, before: &TriggerStatus) -> Option<Dropped> {
    let (namespace, pipeline) = (at.namespace(), at.pipeline.name_any());
    let runs = at.context.runs.state();
    let runs = runs.iter().filter_map(|run| taken_by(run, &namespace, &pipeline, now));
    let newest = runs.max_by_key(|took| took.at);
    // Of a run that has been deleted since, the status tells.
    let remembered = before.took.as_ref().filter(|took| newest.as_ref().is_none_or(|newest| took.at > newest.at));
    decide::unchanged(now, remembered.or(newest.as_ref())?)
}

/// What a run of the pipeline took, if it took anything.
fn taken_by(run: &Guarded<PipelineRun>, namespace: &str, pipeline: &str, now: &Took) -> Option<Took> {
    let run = run.0.as_ref().ok()?;
    if run.metadata.namespace.as_deref() != Some(namespace) || run.spec.pipeline_ref.name != pipeline {
        return None;
    }
    // One that found its lock taken never began.
    if run.status.as_ref().is_some_and(|status| status.state.phase == RunPhase::Cancelled) {
        return None;
    }
    let at: Timestamp = run.metadata.creation_timestamp.as_ref()?.0;
    let pinned = run.status.as_ref().filter(|status| status.pipeline_revision.is_some());
    let sources = match pinned {
        Some(PipelineRunStatus { sources, .. }) => sources.iter().map(SourceRun::from).collect(),
        None => wanted_by(run, now),
    };
    let sources: Vec<SourceRun> = sources;
    (!sources.is_empty()).then_some(Took { at, sources })
}

/// What a run that has not begun is about to take: it tells only names.
fn wanted_by(run: &PipelineRun, now: &Took) -> Vec<SourceRun> {
    let uid =
        |name: &str| now.sources.iter().find(|source| source.run.name == name).map(|source| source.run.uid.clone());
    let run_of = |name: &str| RunName { name: name.to_owned(), uid: uid(name).unwrap_or_default() };
    run.spec.from.iter().map(|from| SourceRun { name: from.source.clone(), run: run_of(&from.run_ref.name) }).collect()
}
