//! One reconcile of a run, one way: decode, pin, drive, and what is left to do at its end.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kube::Resource;
use kube_runtime::controller::Action;
use sluice_api::{ActionType, PipelineRun, RunAction, Tick, Unresolved, names, variables::RunVariables};
use sluice_engine::{
    ActionOutcome, ActionResult, Approver, Event, Failure, Plan, RunPhase, RunState, Stage, cut_to, record,
};
use sluice_steps::{
    Report, begin,
    drive::{self, Next, Store},
};

use crate::{
    accounts,
    causes::in_one_line,
    context::{Context, now},
    controllers::Panicked,
    decode::{self, Decoded},
    environments, finalizer, good_runs,
    guarded::Guarded,
    locks,
    memories::RunMemory,
    pin::{self, Obstacle, Resolved},
    quarantine, revisions,
    status::{self, StatusStore},
    waits::{self, Awaited, RunRef},
    world::RunWorld,
    written::Write,
};

/// A reconcile that has to be made again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to resolve the pipeline")]
    Pin(#[from] Arc<pin::Error>),
    #[error("failed to find the good runs of the run's sources")]
    Sources(#[source] good_runs::Error),
    #[error("failed to write the run")]
    Status(#[from] status::Error),
    #[error("failed to write the run's finalizer")]
    Finalizer(#[source] kube::Error),
    #[error("failed to find out whether the admission policies are in force")]
    Enforcement(#[source] kube::Error),
    #[error("failed to let the run's lock go")]
    Lock(#[source] kube::Error),
    #[error("failed to find out what the run brought to its Environments")]
    Record(#[source] revisions::Error),
    #[error("failed to read the run's namespace")]
    Namespace(#[source] kube::Error),
    #[error(transparent)]
    Panicked(#[from] Panicked),
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
    // Of one that is deleted nothing is done again.
    if run.state.is_finished() && (object.unanswered().is_empty() || run.is_deleted) {
        return finished(&context, object, &run).await;
    }
    let uid = run.identity.uid.clone();
    let mut memory = context.memories.take(&uid);
    let shown = run.resource_version.clone();
    let result = if memory.written.is_some_and(|written| written.is_newer_than(&shown)) {
        Ok(Action::requeue(STALE_CACHE))
    } else {
        // One that never came was of a cluster whose store was set back.
        memory.written = memory.written.min(Write::now(&shown));
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
    run.is_enforced = is_enforced(context, object).await?;
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
    run.status.sources = match good_runs::pin(context, object, &run, &resolved.pinned.spec.sources).await {
        Ok(Ok(sources)) => sources,
        Ok(Err(Unresolved { reason, message })) => {
            return stop(context, object, &run, memory, Obstacle::Fatal(reason, message)).await;
        }
        Err(error) if error.is_refused() => {
            let obstacle = Obstacle::Refused("SourcesNotPinned", in_one_line(&error));
            return stop(context, object, &run, memory, obstacle).await;
        }
        Err(error) => return Err(Error::Sources(error)),
    };
    let program = &resolved.pinned.program;
    let variables = RunVariables::new(&run.identity, resolved.params.clone(), &run.status.sources);
    // With another version, nothing of which has happened yet, come other guards, and nobody has approved it.
    let is_pinned_anew = run.status.pipeline_revision.as_ref().is_some_and(|name| *name != resolved.revision);
    if run.state.stages.is_empty() || is_pinned_anew {
        match begin(program, &run.identity, &variables) {
            Ok(begun) => run.state.stages = approved_by_tick(context, object, &run, &program.plan, begun).await?.stages,
            Err(Failure { reason, message, .. }) => {
                return stop(context, object, &run, memory, Obstacle::Unfit(reason, message)).await;
            }
        }
    }
    let goes_on = || {
        let plan = &program.plan;
        !run.state.is_finished()
            || !answered(plan, run.state.clone(), object.unanswered(), run.is_enforced).is_finished()
    };
    if program.plan.has_abortion_work() && !run.has_finalizer && !run.is_deleted && goes_on() {
        let version = finalizer::set(&context.client, &object.metadata, true).await.map_err(Error::Finalizer)?;
        run.resource_version = version.unwrap_or_default();
        run.has_finalizer = true;
        memory.written = Write::now(&run.resource_version);
    }
    if context.waits.take_woken(&this) {
        memory.steps.wake(now());
    }
    context.waits.set(&this, waits::of_state(&run.state));
    drive_run(context, object, run, &this, &resolved, &variables, memory).await
}

/// The state of a run before its first move, where the time of a trigger that started it counts as one approval of what it begins
/// with. Where anybody could have made such a run it does not.
async fn approved_by_tick(
    context: &Context,
    object: &PipelineRun,
    run: &Decoded,
    plan: &Plan,
    begun: RunState,
) -> Result<RunState, Error> {
    let Some(Tick { name, at }) = &run.identity.trigger.cron else { return Ok(begun) };
    if !plan.stages.iter().any(Stage::begins_by_hand) {
        return Ok(begun);
    }
    match context.enforcement.is_in_force(&context.client, &object.metadata).await {
        Ok(true) => Ok(begun.approved_by(plan, &Approver { name: format!("trigger {name}"), at: *at, reason: None })),
        Ok(false) => Ok(begun),
        Err(error) => Err(Error::Enforcement(error)),
    }
}

/// Whether the entries that are to be answered may be obeyed. An abort does not wait for an answer to that.
async fn is_enforced(context: &Context, object: &PipelineRun) -> Result<bool, Error> {
    let asked = |is_it: fn(ActionType) -> bool| object.unanswered().iter().any(|action| is_it(action.r#type));
    if !asked(ActionType::needs_authority) {
        return Ok(false);
    }
    match context.enforcement.is_in_force(&context.client, &object.metadata).await {
        Ok(is_in_force) => Ok(is_in_force),
        Err(_) if asked(|kind| kind == ActionType::Abort) => Ok(false),
        Err(error) => Err(Error::Enforcement(error)),
    }
}

/// A run does not start before its account is there. Whether one that has started may go on is for its steps to say.
async fn missing_account(context: &Context, run: &Decoded, resolved: &Resolved) -> Option<Obstacle> {
    if run.state.has_claims() {
        return None;
    }
    let account = &resolved.pinned.spec.service_account_name;
    match context.accounts.client(&run.identity.namespace, account, "the pipeline").await {
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
    variables: &RunVariables,
    memory: &mut RunMemory,
) -> Result<Action, Error> {
    let reference = object.object_ref(&());
    let world = RunWorld {
        context: context.clone(),
        namespace: run.identity.namespace.clone(),
        pipeline: run.identity.pipeline.clone(),
        account: resolved.pinned.spec.service_account_name.clone(),
        environment: None,
        run: reference.clone(),
    };
    let index = |state: &RunState| context.waits.set(this, waits::of_state(state));
    let mut store = StatusStore::new(context.client.clone(), &run, index);
    store.pin(resolved.revision.clone());
    let driven = drive::Run {
        identity: &run.identity,
        program: &resolved.pinned.program,
        variables,
        world: &world,
        abort: run.abort.clone(),
        asked: &object.spec.actions,
        is_enforced: run.is_enforced,
        suspended: context.suspensions.of(&run.identity.namespace, &run.identity.pipeline),
        clock: &now,
        stopping: &context.stopping,
    };
    let next = drive::drive(&driven, run.state.clone(), &mut memory.steps, &mut store).await;
    memory.written = Write::now(&store.resource_version).max(memory.written);
    if run.status.pipeline_revision.is_none() && !run.status.sources.is_empty() {
        // What it has taken may go now.
        context.history.look();
    }
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
    let mut store = StatusStore::new(context.client.clone(), run, |_| {});
    if run.state.is_finished() {
        store.persist(&answered_at(&obstacle, run.state.clone(), object.unanswered(), run.is_enforced)).await?;
        memory.written = Write::now(&store.resource_version);
        return Ok(Action::await_change());
    }
    let is_asked = object.unanswered().iter().any(|action| action.r#type == ActionType::Abort);
    let state = match at_obstacle(obstacle, &run.state, is_asked || run.abort.is_some()) {
        Stop::End(end) => ended(run.state.clone(), end),
        Stop::Abort => aborted(run, object.unanswered()),
        Stop::Wait(reason, message) => {
            let pipeline = Awaited::Pipeline(run.identity.namespace.clone(), run.identity.pipeline.clone());
            context.waits.set(&run_ref(run), vec![pipeline]);
            store.persist_missing(&out_of_the_queue(run.state.clone()), &reason, message).await?;
            return Ok(Action::requeue(MISSING));
        }
    };
    store.persist(&state).await?;
    memory.written = Write::now(&store.resource_version);
    Ok(Action::await_change())
}

/// Whoever cannot go on lets others go on: the run leaves the queue for a lock, and joins it again at its end.
fn out_of_the_queue(mut state: RunState) -> RunState {
    state.lock.take_if(|lock| !lock.is_held());
    state
}

/// What an obstacle means for a run.
#[derive(Debug, PartialEq)]
enum Stop {
    /// It ends without its plan.
    End(Event),
    /// It is aborted without its plan, as somebody wants.
    Abort,
    /// It waits: a reason word and a message.
    Wait(String, String),
}

fn at_obstacle(obstacle: Obstacle, state: &RunState, is_to_end: bool) -> Stop {
    match obstacle {
        Obstacle::Fatal(reason, message) => Stop::End(failed(reason, message)),
        Obstacle::Unfit(reason, message) => Stop::End(failed(&reason, message)),
        // Only its plan says what of it is to be taken back, and which hooks follow.
        Obstacle::Refused(reason, message) if is_to_end && state.started_at.is_some() => {
            Stop::Wait(reason.to_owned(), format!("the run is aborted once this is mended: {message}"))
        }
        // Whoever asked for the end of a run that cannot start gets it.
        Obstacle::Missing(..) | Obstacle::Refused(..) if is_to_end => Stop::Abort,
        Obstacle::Missing(reason, message) | Obstacle::Refused(reason, message) => {
            Stop::Wait(reason.to_owned(), message)
        }
    }
}

fn failed(reason: &str, message: String) -> Event {
    Event::Ended { phase: RunPhase::Failed, reason: reason.to_owned(), message: Some(message) }
}

/// The state of a run that ends here, without its plan: whatever was under way ends with it, and no hook runs.
fn ended(state: RunState, end: Event) -> RunState {
    let (plan, now) = (Plan::default(), now());
    record(&plan, record(&plan, state, end, now), Event::RunFinished, now)
}

/// The same of a run that somebody wants to be aborted.
fn aborted(run: &Decoded, unanswered: &[RunAction]) -> RunState {
    let state = answered(&Plan::default(), run.state.clone(), unanswered, run.is_enforced);
    let deleted = run.abort.clone().map(Event::aborted);
    ended(state, deleted.unwrap_or(Event::RunFinished))
}

/// The state once these are answered, where nothing is under way.
fn answered(plan: &Plan, state: RunState, unanswered: &[RunAction], is_enforced: bool) -> RunState {
    let asked = |action: &RunAction| Event::Asked { action: action.clone(), is_enforced, unsettled: BTreeSet::new() };
    unanswered.iter().fold(state, |state, action| record(plan, state, asked(action), now()))
}

/// The same of a run that has ended, without its plan: nothing of it can be done again, because of this.
fn answered_at(obstacle: &Obstacle, state: RunState, unanswered: &[RunAction], is_enforced: bool) -> RunState {
    unanswered.iter().fold(state, |mut state, action| match action.r#type {
        ActionType::Retry | ActionType::Skip => {
            let index = i32::try_from(state.actions.len()).unwrap_or(i32::MAX);
            let message = Some(cut_to(MESSAGE_LIMIT, format!("the run cannot go on: {}", obstacle.message())));
            state.actions.push(ActionResult { index, result: ActionOutcome::Ignored, message, at: Some(now()) });
            state
        }
        _ => answered(&Plan::default(), state, std::slice::from_ref(action), is_enforced),
    })
}

/// Of what stands in the way so much is said in an answer.
const MESSAGE_LIMIT: usize = 1024;

/// What is left to do for a run that has ended: tell people, let go.
async fn finished(context: &Arc<Context>, object: &PipelineRun, run: &Decoded) -> Result<Action, Error> {
    context.waits.set(&run_ref(run), Vec::new());
    environments::succeeded(context, object, run).await.map_err(Error::Record)?;
    context.history.look();
    let memory = context.memories.take(&run.identity.uid);
    if memory.written.is_some()
        && let Some(ending) = &run.state.ending
    {
        let warning = ending.phase != RunPhase::Succeeded;
        let message = ending.message.clone().unwrap_or_else(|| "every stage succeeded or was skipped".to_owned());
        context.reports.send(&object.object_ref(&()), Report { reason: ending.reason.clone(), message, warning });
    }
    if run.state.lock.is_none() {
        locks::release(context, &run.identity.uid).await.map_err(Error::Lock)?;
    }
    if run.has_finalizer {
        finalizer::set(&context.client, &object.metadata, false).await.map_err(Error::Finalizer)?;
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
    use sluice_engine::StagePhase;

    use super::*;

    fn refused() -> Obstacle {
        Obstacle::Refused("PipelineNotPinned", "forbidden".to_owned())
    }

    fn lost() -> Obstacle {
        Obstacle::Fatal("RevisionMissing", "it was deleted".to_owned())
    }

    fn waits(message: &str) -> Stop {
        Stop::Wait("PipelineNotPinned".to_owned(), message.to_owned())
    }

    #[test]
    fn a_run_that_has_started_is_not_aborted_without_its_plan() {
        let started = RunState { started_at: Some(now()), ..RunState::default() };
        let found = at_obstacle(refused(), &started, true);
        assert_eq!(found, waits("the run is aborted once this is mended: forbidden"));
        assert_eq!(at_obstacle(refused(), &started, false), waits("forbidden"));
    }

    #[test]
    fn a_run_that_cannot_start_is_aborted_at_once() {
        let missing = Obstacle::Missing("PipelineNotFound", "there is none".to_owned());
        for obstacle in [refused(), missing] {
            assert_eq!(at_obstacle(obstacle, &RunState::default(), true), Stop::Abort);
        }
    }

    #[test]
    fn a_run_that_has_ended_and_lost_its_plan_says_why_it_cannot_go_on() {
        let asked = [ActionType::Retry, ActionType::Pause].map(|kind| RunAction::new(kind, "alice", None));
        let state = ended(RunState::default(), failed("Timeout", "too late".to_owned()));
        let answered = answered_at(&lost(), state.clone(), &asked, true);
        let messages: Vec<_> = answered.actions.iter().filter_map(|answer| answer.message.as_deref()).collect();
        assert_eq!(messages, ["the run cannot go on: it was deleted", "the run's result was decided before"]);
        assert_eq!(RunState { actions: Vec::new(), ..answered }, state);
    }

    #[test]
    fn also_without_a_plan_nobody_is_obeyed_of_whom_nobody_knows_whether_they_may_ask() {
        let lock = sluice_engine::Lock { group: "web".to_owned(), since: now(), position: 0, holder: None };
        let state = ended(RunState::default(), failed("Timeout", "too late".to_owned()));
        let state = RunState { lock: Some(lock), ..state };
        let unlock = [RunAction::new(ActionType::Unlock, "alice", None)];
        assert!(answered_at(&lost(), state.clone(), &unlock, false).holds_lock());
        assert!(!answered_at(&lost(), state, &unlock, true).holds_lock());
    }

    #[test]
    fn without_a_plan_an_abort_is_obeyed_and_everything_else_answered() {
        let asked = [ActionType::Pause, ActionType::Retry, ActionType::Abort, ActionType::Resume];
        let asked = asked.map(|kind| RunAction::new(kind, "alice", None));
        let state: RunState = serde_json::from_value(serde_json::json!({"stages": [{"name": "a"}]})).unwrap();
        let state = ended(answered(&Plan::default(), state, &asked, true), Event::RunFinished);
        let results: Vec<_> = state.actions.iter().map(|answer| answer.result).collect();
        let (applied, ignored) = (ActionOutcome::Applied, ActionOutcome::Ignored);
        assert_eq!(results, [applied, ignored, applied, ignored]);
        assert_eq!((state.phase, state.stages[0].phase), (RunPhase::Aborted, StagePhase::Omitted));
    }
}
