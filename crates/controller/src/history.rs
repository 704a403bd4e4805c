//! Deletes runs that have ended, where their pipeline limits how many are kept or how long.
//!
//! One sweep goes once over all runs of the cache, however many have ended since the one before; it comes a moment after a
//! run ended or a pipeline changed, when the time of a run is over, and now and then.
//!
//! # Guarantees
//! - Nothing is deleted before its pipeline was read live: the cache may not know yet that a limit was raised.
//! - Only the very run that was judged is deleted, by its UID and resourceVersion: one that a person asked something of in the
//!   meantime stays.
//! - The last good run of a pipeline, or of a stage of it, stays until its status keeps all of it, and one that has to start a run of
//!   another pipeline until that is done. So does one that a run names, until that run has taken it.
//! - What cannot be read, a pipeline or a run, deletes nothing and is not deleted.
//! - A run that a ComponentUpdate started stays until the update says what became of it.

mod choose;
mod taken;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Preconditions},
    core::PartialObjectMeta,
};
use kube_runtime::reflector::Store;
use sluice_api::{ComponentUpdate, Pipeline, PipelineRun, Source};
use tokio::sync::Notify;

use self::{
    choose::{Choice, Ended, Limits, Why, choose},
    taken::still_to_take,
};
use crate::{
    causes::in_one_line,
    context::{Context, now},
    good_runs,
    guarded::Guarded,
    updates,
};

/// What ends at about the same time is swept at once.
const CALM: Duration = Duration::from_secs(1);

/// How long after a sweep the next one comes at the latest: for what no event tells, such as the deletion of a parent.
const AT_LATEST: Duration = Duration::from_secs(10 * 60);

/// When a sweep in which something failed is made again.
const AGAIN: Duration = Duration::from_secs(30);

/// How many runs are deleted at a time.
const AT_A_TIME: usize = 8;

/// Tells the sweeps that there may be something to do.
#[derive(Default)]
pub(crate) struct History(Notify);

impl History {
    /// A run that has ended was seen, or a pipeline.
    pub(crate) fn look(&self) {
        self.0.notify_one();
    }

    /// Sweeps until it is dropped.
    pub(crate) async fn keep(
        &self,
        context: &Context,
        pipelines: &Store<Guarded<Pipeline>>,
        runs: &Store<Guarded<PipelineRun>>,
    ) {
        if pipelines.wait_until_ready().await.is_err() || runs.wait_until_ready().await.is_err() {
            return;
        }
        loop {
            let pause = sweep(context, &pipelines.state(), &runs.state()).await;
            // Whether it was told or waited long enough, it looks.
            let _ = tokio::time::timeout(pause, self.0.notified()).await;
            tokio::time::sleep(CALM).await;
        }
    }
}

/// Namespace and name of a pipeline.
type PipelineName<'a> = (&'a str, &'a str);

/// Deletes what has to go now, and returns when to look again.
async fn sweep(
    context: &Context,
    pipelines: &[Arc<Guarded<Pipeline>>],
    runs: &[Arc<Guarded<PipelineRun>>],
) -> Duration {
    let client = &context.client;
    let mut pause = AT_LATEST;
    for ((namespace, pipeline), (limits, mut ended)) in by_pipeline(pipelines, runs, &context.updates) {
        let mut choice = choose(limits, ended.clone(), now());
        if !choice.go.is_empty() {
            match read(client, namespace, pipeline).await {
                Ok(Some(Pipeline { spec, status, .. })) => {
                    let kept = status.map(|status| status.good_runs).unwrap_or_default();
                    let known = context.good_runs.of(&(namespace.to_owned(), pipeline.to_owned()));
                    ended.iter_mut().for_each(|run| run.is_needed |= good_runs::lacks(&spec, &kept, &known, run.uid));
                    choice = choose(Limits::of(&spec).unwrap_or_default(), ended, now());
                }
                // It limits nothing any more.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(namespace, pipeline, error = %in_one_line(&error), "failed to read a Pipeline; its runs are kept for now");
                    pause = pause.min(AGAIN);
                    continue;
                }
            }
        }
        pause = pause.min(until(choice.next));
        if !delete_all(client, namespace, choice).await {
            pause = pause.min(AGAIN);
        }
    }
    pause
}

/// The pipelines that limit anything, each with its runs that have ended.
fn by_pipeline<'a>(
    pipelines: &'a [Arc<Guarded<Pipeline>>],
    runs: &'a [Arc<Guarded<PipelineRun>>],
    updates: &updates::Updates,
) -> HashMap<PipelineName<'a>, (Limits, Vec<Ended<'a>>)> {
    let limited = pipelines.iter().filter_map(|pipeline| {
        let pipeline = pipeline.0.as_ref().ok()?;
        let limits = Limits::of(&pipeline.spec)?;
        let name = (pipeline.metadata.namespace.as_deref()?, pipeline.metadata.name.as_deref()?);
        Some((name, (limits, Vec::new())))
    });
    let mut found: HashMap<PipelineName<'_>, (Limits, Vec<Ended<'_>>)> = limited.collect();
    if found.is_empty() {
        return found;
    }
    let (unfinished, starting) = (unfinished(runs), starting(pipelines));
    let awaited = still_to_take(runs.iter().filter_map(|run| run.0.as_ref().ok()));
    for run in runs.iter().filter_map(|run| run.0.as_ref().ok()) {
        let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
        if let Some((_, ended)) = found.get_mut(&(namespace, run.spec.pipeline_ref.name.as_str())) {
            let starts = starting.get(&(namespace, run.spec.pipeline_ref.name.as_str())).into_iter().flatten();
            let mut starts = starts.filter(|(pipeline, source)| good_runs::is_open(run, source, pipeline));
            ended.extend(Ended::of(run, &unfinished).map(|mut ended| {
                ended.is_needed |= starts.next().is_some() || awaited.contains(&(namespace, ended.name));
                ended.is_needed |= ended.is_of_update && updates.is_open(namespace, ended.name);
                ended
            }));
        }
    }
    found
}

/// The sources by which good runs of a pipeline start runs of others.
fn starting(pipelines: &[Arc<Guarded<Pipeline>>]) -> HashMap<PipelineName<'_>, Vec<(&Pipeline, &Source)>> {
    let mut found: HashMap<PipelineName<'_>, Vec<_>> = HashMap::new();
    for pipeline in pipelines.iter().filter_map(|pipeline| pipeline.0.as_ref().ok()) {
        let namespace = pipeline.metadata.namespace.as_deref().unwrap_or_default();
        for source in pipeline.spec.sources.iter().filter(|source| source.start) {
            found.entry((namespace, source.pipeline_ref.name.as_str())).or_default().push((pipeline, source));
        }
    }
    found
}

/// The UIDs of the runs that have not ended, or of which that is not known.
fn unfinished(runs: &[Arc<Guarded<PipelineRun>>]) -> HashSet<&str> {
    let has_ended = |run: &Guarded<PipelineRun>| {
        let status = run.0.as_ref().ok().and_then(|run| run.status.as_ref());
        status.is_some_and(|status| status.state.is_finished())
    };
    let unfinished = runs.iter().filter(|run| !has_ended(run));
    unfinished.filter_map(|run| run.meta().uid.as_deref()).collect()
}

/// The pipeline as it is at this moment, unless it is gone, or cannot be read.
async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<Pipeline>, kube::Error> {
    let pipelines: Api<Guarded<Pipeline>> = Api::namespaced(client.clone(), namespace);
    Ok(pipelines.get_opt(name).await?.and_then(|pipeline| pipeline.0.ok()))
}

/// How long it is until then.
fn until(next: Option<Timestamp>) -> Duration {
    let left = next.map(|next| next.duration_since(now()).max(jiff::SignedDuration::ZERO).unsigned_abs());
    left.unwrap_or(AT_LATEST)
}

/// Deletes what was chosen, and returns whether nothing went wrong.
async fn delete_all(client: &Client, namespace: &str, choice: Choice<'_>) -> bool {
    let runs: Api<PartialObjectMeta<PipelineRun>> = Api::namespaced(client.clone(), namespace);
    let updates: Api<Guarded<ComponentUpdate>> = Api::namespaced(client.clone(), namespace);
    let deletions = choice.go.into_iter().map(|(run, why)| delete(&runs, &updates, namespace, run, why));
    let outcomes: Vec<bool> = futures::stream::iter(deletions).buffer_unordered(AT_A_TIME).collect().await;
    outcomes.into_iter().all(|done| done)
}

/// Deletes one run, and returns whether nothing went wrong.
///
/// *Idempotency:* one that is gone, or changed since it was judged, is left alone: its event brings the next sweep.
async fn delete(
    runs: &Api<PartialObjectMeta<PipelineRun>>,
    updates: &Api<Guarded<ComponentUpdate>>,
    namespace: &str,
    run: Ended<'_>,
    why: Why,
) -> bool {
    let Ended { name, uid, resource_version, .. } = run;
    if run.is_of_update {
        match updates.get_opt(name).await {
            // The watch may not show yet that it is.
            Ok(Some(Guarded(Ok(update)))) if updates::is_open(&update) => return true,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(run = name, namespace, error = %in_one_line(&error), "failed to read a ComponentUpdate; its run is kept for now");
                return false;
            }
        }
    }
    let preconditions =
        Preconditions { uid: Some(uid.to_owned()), resource_version: Some(resource_version.to_owned()) };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    match runs.delete(name, &params).await {
        Ok(_) => {
            tracing::info!(run = name, namespace, ended = %run.at, because = why.field(), "deleted a run that has ended");
            true
        }
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => true,
        Err(error) => {
            tracing::warn!(run = name, namespace, error = %in_one_line(&error), "failed to delete a run that has ended; it is tried again");
            false
        }
    }
}
