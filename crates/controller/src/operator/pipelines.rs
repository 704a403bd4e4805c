//! The controller of pipelines, which good runs bring back. Its watch also wakes the runs that a change of a pipeline concerns.

use futures::channel::mpsc;
use kube::ResourceExt;
use kube_runtime::watcher::Event;
use sluice_api::{Pipeline, PipelineRun};

use super::Common;
use crate::{
    context::Context,
    controllers::{Kept, controller},
    good_runs::concerned,
    guarded::Guarded,
    pipelines::{error_policy, reconcile},
    suspensions::PipelineName,
    waits::{Awaited, RunRef},
};

/// Everybody's favourite time of day is the same, and a tick is a handful of requests one after the other.
const AT_ONCE: u16 = 16;

/// What it is told by, and tells.
pub(super) struct Ends {
    pub(super) kept: Kept<Pipeline>,
    pub(super) wake_run: mpsc::UnboundedSender<RunRef>,
    /// The pipelines of which a run went well.
    pub(super) good_news: mpsc::UnboundedReceiver<PipelineName>,
}

pub(super) async fn drive(common: &Common, Ends { kept, wake_run, good_news }: Ends) {
    let concerned = concerned(good_news, kept.0.clone());
    let context = common.context.clone();
    let pipelines = controller(common.all(), kept, AT_ONCE, move |change| {
        if let Event::Delete(pipeline) = change {
            context.judged.take(&pipeline.uid().unwrap_or_default());
        }
        context.updates.pipeline_changed(change);
        for run in runs_concerned(&context, change) {
            // Fails only when the controller ends.
            let _ = wake_run.unbounded_send(run);
        }
    });
    common.drive(pipelines.reconcile_on(concerned), reconcile, error_policy).await;
}

/// The runs that wait for the pipeline to be made or mended, and all unfinished ones of a pipeline that was suspended, or is no
/// longer. The steps of these need not look again because of it.
fn runs_concerned(context: &Context, change: &Event<Guarded<Pipeline>>) -> Vec<RunRef> {
    let mut concerned = Vec::new();
    if let Event::Apply(pipeline) | Event::InitApply(pipeline) | Event::Delete(pipeline) = change {
        let awaited = Awaited::Pipeline(pipeline.namespace().unwrap_or_default(), pipeline.name_any());
        concerned = context.waits.wake(&awaited);
    }
    let changed = context.suspensions.watched(change);
    if !changed.is_empty() {
        let runs = context.runs.state();
        let runs = runs.iter().filter(|run| is_unfinished_of(run, &changed));
        concerned.extend(runs.map(|run| RunRef::from_obj(run.as_ref())));
    }
    concerned
}

/// Whether it is a run of one of these pipelines that has not ended.
fn is_unfinished_of(run: &Guarded<PipelineRun>, pipelines: &[PipelineName]) -> bool {
    let Ok(object) = &run.0 else { return false };
    let is_of = |(namespace, name): &PipelineName| {
        Some(namespace) == object.metadata.namespace.as_ref() && *name == object.spec.pipeline_ref.name
    };
    !object.status.as_ref().is_some_and(|status| status.state.is_finished()) && pipelines.iter().any(is_of)
}
