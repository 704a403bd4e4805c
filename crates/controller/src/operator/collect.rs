//! Collects what nobody needs any more: revisions, and what is remembered of objects that are gone.

use std::time::Duration;

use kube::ResourceExt;
use sluice_api::PipelineRun;

use super::Common;
use crate::{causes::in_one_line, guarded::Guarded, revisions::RevisionName, waits::RunRef};

/// How often it is collected.
const EVERY: Duration = Duration::from_secs(10 * 60);

pub(super) async fn collect(Common { context, namespace, .. }: &Common) {
    loop {
        tokio::time::sleep(EVERY).await;
        let runs = context.runs.state();
        context.memories.keep_only(&runs.iter().filter_map(|run| run.uid()).collect());
        let pipelines = context.updates.pipelines.state();
        context.judged.keep_only(&pipelines.iter().filter_map(|pipeline| pipeline.uid()).collect());
        let there = runs.iter().map(|run| RunRef::from_obj(run.as_ref())).collect();
        context.waits.keep_only(&there);
        context.failures.keep_only(&there);
        context.good_runs.collect();
        let kept = runs.iter().filter_map(|run| revision_of(run)).collect();
        match context.revisions.collect_garbage(&context.client, namespace.as_deref(), &kept).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "collected revisions that no run needs"),
            Err(error) => tracing::warn!(error = %in_one_line(&error), "failed to collect revisions"),
        }
    }
}

/// The version of its pipeline that a run keeps to.
fn revision_of(run: &Guarded<PipelineRun>) -> Option<RevisionName> {
    let revision = run.0.as_ref().ok()?.status.as_ref()?.pipeline_revision.clone()?;
    Some((run.namespace()?, revision))
}
