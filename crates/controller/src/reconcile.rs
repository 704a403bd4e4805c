//! One reconcile of a run, one way: decode, pin, drive, and what is left to do at its end.

use std::{sync::Arc, time::Duration};

use kube::Resource;
use kube_runtime::controller::Action;
use sluice_api::{PipelineRun, names, variables::RunVariables};
use sluice_engine::{Abort, Event, Plan, RunPhase, RunState, record};
use sluice_steps::{
    Report,
    drive::{self, Next, Store},
};

use crate::{
    accounts,
    causes::in_one_line,
    context::{Context, now},
    decode::{self, Decoded},
    finalizer,
    guarded::Guarded,
    memories::{RunMemory, version},
    pin::{self, Obstacle, Resolved},
    quarantine,
    status::{self, StatusStore},
    waits::{self, Awaited, RunRef},
    world::RunWorld,
};

/// A reconcile that has to be made again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to resolve the pipeline")]
    Pin(#[from] Arc<pin::Error>),
    #[error("failed to write the run")]
    Status(#[from] status::Error),
    #[error("failed to write the run's finalizer")]
    Finalizer(#[source] kube::Error),
    #[error("failed to read the run's namespace")]
    Namespace(#[source] kube::Error),
    #[error("a step panicked; this is a fault of Sluice, please report it")]
    Panicked,
}

impl Error {
    /// Somebody else wrote the run: the next event, or a look in a moment, shows how it is now.
    pub(crate) fn is_conflict(&self) -> bool {
        let conflict = |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 409);
        match self {
            Self::Status(status::Error::Conflict | status::Error::Gone) => true,
            Self::Finalizer(error) => conflict(error),
            _ => false,
        }
    }
}

/// A cached object that is older than our own last write is passed over; its newer event is on its way.
const STALE_CACHE: Duration = Duration::from_secs(5);

/// How long a run that waits for something to be made is left before it is looked at without an event.
const MISSING: Duration = Duration::from_secs(30);

/// A run whose deletion has waited this long for its abortion is released all the same.
const RELEASE_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

/// Carries one run on.
pub(crate) async fn reconcile(guarded: Arc<Guarded<PipelineRun>>, context: Arc<Context>) -> Result<Action, Error> {
    let object = match &guarded.0 {
        Ok(object) => object,
        Err(invalid) => return quarantined(&context, &guarded, &invalid.error).await,
    };
    let run = match decode::run(object) {
        Ok(run) => run,
        Err(error) => return quarantined(&context, &guarded, &error.to_string()).await,
    };
    if run.state.is_finished() {
        return finished(&context, object, &run).await;
    }
    let uid = run.identity.uid.clone();
    let mut memory = context.memories.take(&uid);
    let result = if memory.written > version(Some(&run.resource_version)) {
        Ok(Action::requeue(STALE_CACHE))
    } else {
        carry_on(&context, object, run, &mut memory).await
    };
    context.memories.put(&uid, memory);
    result
}

/// What is left to do for a run that cannot be read: say so, and not stand in the way of its deletion for ever.
async fn quarantined(context: &Context, run: &Guarded<PipelineRun>, error: &str) -> Result<Action, Error> {
    let has_finalizer = run.meta().finalizers.iter().flatten().any(|finalizer| finalizer == names::FINALIZER);
    if run.meta().deletion_timestamp.is_none() || !has_finalizer {
        quarantine::run(&context.client, run.meta(), error).await;
        return Ok(Action::await_change());
    }
    if release_at_once(context, run).await? {
        finalizer::set(&context.client, run.meta(), false).await.map_err(Error::Finalizer)?;
        return Ok(Action::await_change());
    }
    Ok(Action::requeue(MISSING))
}

async fn carry_on(
    context: &Arc<Context>,
    object: &PipelineRun,
    mut run: Decoded,
    memory: &mut RunMemory,
) -> Result<Action, Error> {
    let this = run_ref(&run);
    if run.is_deleted && run.has_finalizer && release_at_once(context, object).await? {
        finalizer::set(&context.client, &object.metadata, false).await.map_err(Error::Finalizer)?;
        return Ok(Action::await_change());
    }
    let resolved = match pin::resolve(context, object, &run).await {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(obstacle)) => return stop(context, object, &run, memory, obstacle).await,
        Err(error) if error.is_final() => {
            let obstacle = Obstacle::Fatal("RevisionInvalid", in_one_line(&error));
            return stop(context, object, &run, memory, obstacle).await;
        }
        Err(error) if error.is_refused() => {
            let obstacle = Obstacle::Refused("PipelineNotPinned", in_one_line(&error));
            return stop(context, object, &run, memory, obstacle).await;
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(obstacle) = missing_account(context, &run, &resolved).await {
        return stop(context, object, &run, memory, obstacle).await;
    }
    let program = &resolved.pinned.program;
    run.state = run.state.or_new(&program.plan);
    if program.plan.has_abortion_work() && !run.has_finalizer && !run.is_deleted {
        let version = finalizer::set(&context.client, &object.metadata, true).await.map_err(Error::Finalizer)?;
        run.resource_version = version.unwrap_or_default();
        run.has_finalizer = true;
        memory.written = self::version(Some(&run.resource_version));
    }
    if context.waits.take_woken(&this) {
        memory.steps.wake(now());
    }
    context.waits.set(&this, waits::of_state(&run.state));
    drive_run(context, object, run, &this, &resolved, memory).await
}

/// A run does not start before its account is there. Whether one that has started may go on is for its steps to say.
async fn missing_account(context: &Context, run: &Decoded, resolved: &Resolved) -> Option<Obstacle> {
    if run.state.has_claims() {
        return None;
    }
    let account = &resolved.pinned.spec.service_account_name;
    match context.accounts.client(&run.identity.namespace, account).await {
        Err(error @ accounts::Error::NotFound { .. }) => {
            Some(Obstacle::Missing("ServiceAccountNotFound", error.to_string()))
        }
        Err(_) | Ok(_) => None,
    }
}

async fn drive_run(
    context: &Arc<Context>,
    object: &PipelineRun,
    run: Decoded,
    this: &RunRef,
    resolved: &Resolved,
    memory: &mut RunMemory,
) -> Result<Action, Error> {
    let reference = object.object_ref(&());
    let world = RunWorld {
        context: context.clone(),
        namespace: run.identity.namespace.clone(),
        account: resolved.pinned.spec.service_account_name.clone(),
        run: reference.clone(),
    };
    let variables = RunVariables::new(&run.identity, resolved.params.clone());
    let index = |state: &RunState| context.waits.set(this, waits::of_state(state));
    let mut store = StatusStore::new(context.client.clone(), &run, &object.spec.actions, index);
    store.pin(resolved.revision.clone());
    let driven = drive::Run {
        identity: &run.identity,
        program: &resolved.pinned.program,
        variables: &variables,
        world: &world,
        abort: run.abort.clone(),
        clock: &now,
        stopping: &context.stopping,
    };
    let next = drive::drive(&driven, run.state.clone(), &mut memory.steps, &mut store).await;
    memory.written = version(Some(&store.resource_version)).max(memory.written);
    match next? {
        Next::Wait(until) => Ok(until.map_or_else(Action::await_change, |until| {
            let pause = until.duration_since(now()).max(jiff::SignedDuration::ZERO).unsigned_abs();
            // One that is being deleted is released in time, whatever its hooks wait for.
            Action::requeue(if run.is_deleted { pause.min(MISSING) } else { pause })
        })),
        // The event of the last write brings the run back, to be released.
        Next::Finished => Ok(Action::await_change()),
    }
}

/// Stops a run at an obstacle: it waits, or it has failed.
async fn stop(
    context: &Arc<Context>,
    object: &PipelineRun,
    run: &Decoded,
    memory: &mut RunMemory,
    obstacle: Obstacle,
) -> Result<Action, Error> {
    let mut store = StatusStore::new(context.client.clone(), run, &object.spec.actions, |_| {});
    let end = match at_obstacle(obstacle, &run.state, run.abort.as_ref()) {
        Stop::End(end) => end,
        Stop::Wait(reason, message) => {
            let pipeline = Awaited::Pipeline(run.identity.namespace.clone(), run.identity.pipeline.clone());
            context.waits.set(&run_ref(run), vec![pipeline]);
            store.persist_missing(&run.state, reason, message).await?;
            return Ok(Action::requeue(MISSING));
        }
    };
    store.persist(&ended(run.state.clone(), end)).await?;
    memory.written = version(Some(&store.resource_version));
    Ok(Action::await_change())
}

/// What an obstacle means for a run.
#[derive(Debug, PartialEq)]
enum Stop {
    /// It ends without its plan.
    End(Event),
    /// It waits: a reason word and a message.
    Wait(&'static str, String),
}

fn at_obstacle(obstacle: Obstacle, state: &RunState, abort: Option<&Abort>) -> Stop {
    match (obstacle, abort) {
        (Obstacle::Fatal(reason, message), _) => {
            Stop::End(Event::Ended { phase: RunPhase::Failed, reason: reason.to_owned(), message: Some(message) })
        }
        // Only its plan says what of it is to be taken back, and which hooks follow.
        (Obstacle::Refused(reason, message), Some(abort)) if state.started_at.is_some() => {
            Stop::Wait(reason, format!("{}, and ends once this is mended: {message}", abort.message))
        }
        // Whoever asked for the end of a run that cannot start gets it.
        (Obstacle::Missing(..) | Obstacle::Refused(..), Some(abort)) => Stop::End(Event::aborted(abort.clone())),
        (Obstacle::Missing(reason, message) | Obstacle::Refused(reason, message), None) => Stop::Wait(reason, message),
    }
}

/// The state of a run that ends here, without its plan: whatever was under way ends with it, and no hook runs.
fn ended(state: RunState, end: Event) -> RunState {
    let (plan, now) = (Plan::default(), now());
    record(&plan, record(&plan, state, end, now), Event::RunFinished, now)
}

/// What is left to do for a run that has ended: answer late actions, tell people, let go.
async fn finished(context: &Arc<Context>, object: &PipelineRun, run: &Decoded) -> Result<Action, Error> {
    context.waits.set(&run_ref(run), Vec::new());
    context.history.look();
    let memory = context.memories.take(&run.identity.uid);
    if memory.written.is_some()
        && let Some(ending) = &run.state.ending
    {
        let warning = ending.phase != RunPhase::Succeeded;
        let message = ending.message.clone().unwrap_or_else(|| "every stage succeeded or was skipped".to_owned());
        context.reports.send(&object.object_ref(&()), Report { reason: ending.reason.clone(), message, warning });
    }
    if run.has_finalizer {
        finalizer::set(&context.client, &object.metadata, false).await.map_err(Error::Finalizer)?;
        return Ok(Action::await_change());
    }
    if run.status.actions.len() < object.spec.actions.len() {
        let mut store = StatusStore::new(context.client.clone(), run, &object.spec.actions, |_| {});
        store.persist(&run.state).await?;
    }
    Ok(Action::await_change())
}

/// Whether a deletion must not wait for the abortion any longer.
async fn release_at_once(context: &Context, run: &impl Resource<DynamicType = ()>) -> Result<bool, Error> {
    let since = run.meta().deletion_timestamp.as_ref().map(|time| time.0);
    if since.is_some_and(|since| now().duration_since(since) > RELEASE_AFTER) {
        let message = "the abortion did not end within 30 minutes of the deletion; the run is released".to_owned();
        let report = Report { reason: "Released".to_owned(), message, warning: true };
        context.reports.send(&run.object_ref(&()), report);
        return Ok(true);
    }
    let namespace = run.meta().namespace.as_deref().unwrap_or_default();
    finalizer::is_namespace_terminating(&context.client, namespace).await.map_err(Error::Namespace)
}

fn run_ref(run: &Decoded) -> RunRef {
    RunRef::new(&run.identity.name).within(&run.identity.namespace)
}

#[cfg(test)]
mod tests {
    use sluice_engine::AbortReason;

    use super::*;

    fn abort() -> Abort {
        Abort { reason: AbortReason::Aborted, message: "aborted by alice".to_owned() }
    }

    fn refused() -> Obstacle {
        Obstacle::Refused("PipelineNotPinned", "forbidden".to_owned())
    }

    #[test]
    fn a_run_that_has_started_is_not_aborted_without_its_plan() {
        let started = RunState { started_at: Some(now()), ..RunState::default() };
        let waits = "aborted by alice, and ends once this is mended: forbidden".to_owned();
        let found = at_obstacle(refused(), &started, Some(&abort()));
        assert_eq!(found, Stop::Wait("PipelineNotPinned", waits));
        let found = at_obstacle(refused(), &started, None);
        assert_eq!(found, Stop::Wait("PipelineNotPinned", "forbidden".to_owned()));
    }

    #[test]
    fn a_run_that_cannot_start_is_aborted_at_once() {
        let missing = Obstacle::Missing("PipelineNotFound", "there is none".to_owned());
        for obstacle in [refused(), missing] {
            let found = at_obstacle(obstacle, &RunState::default(), Some(&abort()));
            assert_eq!(found, Stop::End(Event::aborted(abort())));
        }
    }
}
