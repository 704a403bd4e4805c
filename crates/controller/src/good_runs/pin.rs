//! A run takes its good runs once: with the version of its pipeline, before anything of it has happened.

use sluice_api::{PinnedSource, PipelineRun, Source, SourceStart, Unresolved};

use super::{Error, resolve};
use crate::{context::Context, decode::Decoded};

/// The good runs that the run has taken, or takes now that it is seen first.
///
/// *Idempotency:* once they are written they are never looked for again, whatever became of the version that the run began with,
/// and however often it is done again. A run without sources costs nothing.
pub(crate) async fn pin(
    context: &Context,
    object: &PipelineRun,
    run: &Decoded,
    sources: &[Source],
) -> Result<Result<Vec<PinnedSource>, Unresolved>, Error> {
    if run.status.pipeline_revision.is_some() {
        return Ok(Ok(run.status.sources.clone()));
    }
    let pinned = resolve(context, &run.identity.namespace, sources, &object.spec.from).await?;
    let trigger = run.identity.trigger.source.as_ref();
    Ok(pinned.and_then(|pinned| match trigger.and_then(|trigger| mistaken(trigger, sources, &pinned)) {
        Some(unresolved) => Err(unresolved),
        None => Ok(pinned),
    }))
}

/// Why the good run that started this run is not the one that was found under its name.
fn mistaken(trigger: &SourceStart, sources: &[Source], pinned: &[PinnedSource]) -> Option<Unresolved> {
    let found = pinned.iter().find(|pinned| pinned.name == trigger.name && pinned.run != trigger.run)?;
    let source = sources.iter().find(|source| source.name == found.name)?;
    Some(Unresolved::made_anew(source, &trigger.run.name))
}
