//! The controller of runs. Its watch is the only one of runs: it also keeps the books about them, and wakes parents and queues.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{StreamExt, channel::mpsc, future::select};
use kube::ResourceExt;
use kube_runtime::{controller::Action, watcher::Event};
use sluice_api::PipelineRun;
use sluice_engine::WaitKind;

use super::{
    Common,
    watched::{applications, jobs},
};
use crate::{
    causes::in_one_line,
    context::Context,
    controllers::{Kept, controller},
    guarded::Guarded,
    hints::woken_by_receivers,
    reconcile::{Error, reconcile},
    waits::{Awaited, RunRef},
};

/// What it is told by, and tells.
pub(super) struct Ends {
    pub(super) kept: Kept<PipelineRun>,
    pub(super) wake: mpsc::UnboundedSender<RunRef>,
    pub(super) woken: mpsc::UnboundedReceiver<RunRef>,
    /// The runs whose turn for a lock has come.
    pub(super) next_in_queues: mpsc::UnboundedReceiver<RunRef>,
}

/// Where Argo CD is not installed, or its Applications or Jobs may not be watched, that watch is tried again now and then; steps
/// that wait for one look at their interval all the same.
pub(super) async fn drive(common: &Common, at_once: u16, Ends { kept, wake, woken, next_in_queues }: Ends) {
    let Common { client, namespace, context, stop } = common;
    let (books, by_lock) = (context.clone(), context.clone());
    let runs = controller(common.all(), kept, at_once, move |change| keep(&books, change, &wake))
        .reconcile_on(applications(client, context.clone()))
        .reconcile_on(jobs(client, namespace.as_deref(), context.clone()))
        .reconcile_on(woken_by_receivers(client, namespace.as_deref(), context.clone()))
        .reconcile_on(woken)
        .reconcile_on(next_in_queues.inspect(move |run| by_lock.waits.mark(run)));
    // A run must not start because nobody has looked yet whether its pipeline is suspended.
    select(pin!(context.suspensions.are_known()), stop.clone()).await;
    common.drive(runs, reconcile_counted, error_policy).await;
}

/// Keeps what is known of runs, and wakes those that wait for the one that changed or went: its parent, and whoever is behind it
/// in the queue for a lock. This is the watch that brings the runs themselves; a second one of the same kind would double its cost.
fn keep(context: &Context, change: &Event<Guarded<PipelineRun>>, parents: &mpsc::UnboundedSender<RunRef>) {
    context.locks.keep(change);
    context.good_runs.keep(change);
    context.updates.keep_runs(change);
    let (Event::Apply(run) | Event::InitApply(run) | Event::Delete(run)) = change else { return };
    let key = format!("{}/{}", run.namespace().unwrap_or_default(), run.name_any());
    for parent in context.waits.wake(&Awaited::Step(WaitKind::PipelineRun, key)) {
        // Fails only when the controller ends.
        let _ = parents.unbounded_send(parent);
    }
}

/// One reconcile; a success ends the failures in a row.
async fn reconcile_counted(run: Arc<Guarded<PipelineRun>>, context: Arc<Context>) -> Result<Action, Error> {
    let this = RunRef::from_obj(run.as_ref());
    let outcome = reconcile(run, context.clone()).await;
    if outcome.is_ok() {
        context.failures.forget(&this);
    }
    outcome
}

fn error_policy(run: Arc<Guarded<PipelineRun>>, error: &Error, context: Arc<Context>) -> Action {
    if error.is_conflict() {
        return Action::requeue(Duration::from_millis(200));
    }
    tracing::warn!(run = %run.name_any(), namespace = ?run.namespace(), error = %in_one_line(error), "a reconcile failed; it is made again");
    Action::requeue(context.failures.pause_after(RunRef::from_obj(run.as_ref())))
}
