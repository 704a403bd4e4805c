//! Puts the controllers together and runs them until they are told to stop.

use std::{
    fmt::Debug,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, Stream, StreamExt, channel::mpsc};
use k8s_openapi::api::batch::v1 as batch;
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    core::{DynamicObject, PartialObjectMeta},
};
use kube_runtime::{
    WatchStreamExt,
    controller::{self, Action, Controller},
    reflector::{self, Store},
    watcher::{self, Event, watcher},
};
use serde::de::DeserializeOwned;
use sluice_api::{
    ComponentUpdate, Environment, Pipeline, PipelineRun, names,
    step::{Application, Job},
};
use sluice_engine::WaitKind;
use sluice_steps::HttpClient;

use crate::{
    accounts::Accounts,
    causes::in_one_line,
    client::{configure, for_requests, scoped, user},
    context::{Context, now},
    enforcement::Enforcement,
    environments::{self, EnvironmentRef, Records},
    failures::Failures,
    fences::Fences,
    good_runs::{self, GoodRuns},
    guarded::Guarded,
    hints::woken_by_receivers,
    history::History,
    lean,
    locks::{self, LockBook},
    memories::Memories,
    pin::Pins,
    pipelines, reconcile,
    reports::Reports,
    revisions::{RevisionName, Revisions},
    suspensions::{PipelineName, Suspensions},
    updates::{self, UpdateRef, Updates},
    waits::{Awaited, RunRef, Waits},
    written::Written,
};

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The one namespace to look after; all of them unless set.
    pub namespace: Option<String>,
    /// How many runs are carried on at the same time.
    pub concurrency: u16,
    /// Otherwise closed networks that HTTP of steps may dial.
    pub allow_http_to: Vec<ipnet::IpNet>,
    /// Where health and readiness are served.
    pub listen: SocketAddr,
    /// Names this process in Events: the Pod's name.
    pub instance: String,
}

/// What ended the controller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address of, or no credentials for, the API server.
    #[error("failed to find the API server's address and credentials")]
    Config(#[source] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("failed to make a client for the API server")]
    Client(#[source] kube::Error),
    /// The HTTP client for steps could not be made.
    #[error("failed to make the HTTP client for steps")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Health could not be served.
    #[error("failed to listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Reconciles that are under way get this long to end after a stop was asked for.
const GRACE: Duration = Duration::from_secs(20);

/// How often what nobody needs any more is collected.
const COLLECT_EVERY: Duration = Duration::from_secs(10 * 60);

/// Everybody's favourite time of day is the same, and a tick is a handful of requests one after the other.
const PIPELINES_AT_ONCE: u16 = 16;

/// How long to wait for an API server that does not answer yet.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Runs the controller until `stop` resolves, and lets what is under way end.
pub async fn run(options: Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let config = configure(Config::infer().await.map_err(Error::Config)?);
    let watching = lean::client(config.clone()).map_err(Error::Client)?;
    let config = for_requests(config);
    let client = lean::client(config.clone()).map_err(Error::Client)?;
    let user = own_user(&client).await;
    let (locks, watched) = LockBook::new();
    let (environments, environment_writer) = reflector::store();
    let (wake, recorded) = mpsc::unbounded();
    let (updates, update_writer) = reflector::store();
    let (wake_update, woken_updates) = mpsc::unbounded();
    let (run_store, run_writer) = reflector::store();
    let (good_runs, good_news) = GoodRuns::new(run_store.clone());
    let (pipeline_store, pipeline_writer) = reflector::store();
    let context = Arc::new(Context {
        began: now(),
        user,
        enforcement: Enforcement::default(),
        accounts: Accounts::new(client.clone(), config),
        http: HttpClient::new(options.allow_http_to.clone()).map_err(|error| Error::Http(Box::new(error)))?,
        reports: Reports::start(client.clone(), options.instance.clone()),
        waits: Waits::default(),
        locks,
        memories: Memories::default(),
        revisions: Revisions::default(),
        pins: Pins::default(),
        suspensions: Suspensions::default(),
        history: History::default(),
        good_runs,
        runs: run_store.clone(),
        fences: Fences::default(),
        records: Records::new(environments.clone(), wake.clone()),
        updates: Updates {
            updates: updates.clone(),
            environments: environments.clone(),
            pipelines: pipeline_store.clone(),
            runs: run_store.clone(),
            wake_environment: wake,
            wake_update,
            written: Written::default(),
            by_environment: Default::default(),
            under_way: Default::default(),
        },
        stopping: AtomicBool::new(false),
        failures: Failures::default(),
        client: client.clone(),
    });
    let (told, stop) = (context.clone(), stop.shared());
    let stop = async move {
        stop.await;
        told.stopping.store(true, Ordering::Relaxed);
    };
    let stop = stop.shared();
    let ready = Arc::new(AtomicBool::new(false));
    let health = sluice_server::health(options.listen, ready.clone(), stop.clone());
    let health = health.await.map_err(|source| Error::Listen { address: options.listen, source })?;
    let (sender, woken) = mpsc::unbounded();
    let kept = (run_store, run_writer);
    let runs = run_controller(&watching, &context, &options, kept, (sender.clone(), woken), watched.wakes);
    let kept = (pipeline_store, pipeline_writer);
    let pipelines = pipeline_controller(&watching, &context, &options, kept, (runs.store(), sender), good_news);
    let kept = (environments, environment_writer);
    let environments = environment_controller(&watching, &context, &options, kept, recorded);
    let updates = update_controller(&watching, &context, &options, (updates, update_writer), woken_updates);
    let (store, known) = (runs.store(), pipelines.store());
    let work = async {
        tokio::join!(
            async {
                // A run must not start because nobody has looked yet whether its pipeline is suspended.
                futures::future::select(pin!(context.suspensions.are_known()), stop.clone()).await;
                drive_runs(runs, context.clone(), stop.clone()).await;
            },
            judge_pipelines(pipelines, context.clone(), stop.clone()),
            keep_environments(environments, context.clone(), stop.clone()),
            keep_updates(updates, context.clone(), stop.clone()),
        )
    };
    let background = async {
        tokio::join!(
            become_ready(&store, &ready),
            collect(&context, &options, &store),
            context.history.keep(&context, &known, &store),
            locks::keep(&context.client, options.namespace.as_deref(), &store, &context.locks, watched.idle),
        );
    };
    let grace = async {
        stop.clone().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = work => tracing::info!("stopped"),
        () = grace => tracing::warn!("stopped with reconciles under way; they are taken up again from their status"),
        () = async { background.await; std::future::pending().await } => {}
    }
    health.abort();
    Ok(())
}

/// The name by which the API server knows this controller. Without an answer nothing can be done anyway: it is asked again.
async fn own_user(client: &Client) -> String {
    loop {
        match user(client).await {
            Ok(user) => return user.unwrap_or_else(|| names::FIELD_MANAGER.to_owned()),
            Err(error) => tracing::warn!(error = %in_one_line(&error), "the API server does not say who we are"),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// What the watch of a kind shows, and what it is kept up to date with.
type Kept<K> = (Store<Guarded<K>>, reflector::store::Writer<Guarded<K>>);

type RunController = Controller<Guarded<PipelineRun>>;

/// The controller of runs, with the watches that wake them.
///
/// Where Argo CD is not installed, or its Applications or Jobs may not be watched, that watch is tried again now and then;
/// steps that wait for one look at their interval all the same.
fn run_controller(
    client: &Client,
    context: &Arc<Context>,
    options: &Options,
    (store, writer): Kept<PipelineRun>,
    (sender, woken): (mpsc::UnboundedSender<RunRef>, mpsc::UnboundedReceiver<RunRef>),
    next_in_queues: mpsc::UnboundedReceiver<RunRef>,
) -> RunController {
    let by_lock = context.clone();
    let runs = watcher(scoped(client, options.namespace.as_deref()), watcher::Config::default()).reflect(writer);
    let runs = runs.inspect(wake_others(context.clone(), sender)).applied_objects();
    Controller::for_stream(runs, store)
        .with_config(controller::Config::default().concurrency(options.concurrency))
        .reconcile_on(woken_by_applications(client, context.clone()))
        .reconcile_on(woken_by_jobs(client, options.namespace.as_deref(), context.clone()))
        .reconcile_on(woken_by_receivers(client, options.namespace.as_deref(), context.clone()))
        .reconcile_on(woken)
        .reconcile_on(next_in_queues.inspect(move |run| by_lock.waits.mark(run)))
}

/// Wakes the runs that wait for the one that changed or went: its parent, and whoever is behind it in the queue for a lock. This
/// is the watch that brings the runs themselves; a second one of the same kind would double its cost.
fn wake_others(
    context: Arc<Context>,
    parents: mpsc::UnboundedSender<RunRef>,
) -> impl FnMut(&Result<watcher::Event<Guarded<PipelineRun>>, watcher::Error>) + Send {
    move |change| {
        if let Ok(change) = change {
            context.locks.keep(change);
            context.good_runs.keep(change);
            context.updates.keep_runs(change);
        }
        let Ok(Event::Apply(run) | Event::InitApply(run) | Event::Delete(run)) = change else { return };
        let key = format!("{}/{}", run.namespace().unwrap_or_default(), run.name_any());
        for parent in context.waits.wake(&Awaited::Step(WaitKind::PipelineRun, key)) {
            // Fails only when the controller ends.
            let _ = parents.unbounded_send(parent);
        }
    }
}

/// The runs that wait for an Application which changed.
fn woken_by_applications(client: &Client, context: Arc<Context>) -> impl Stream<Item = RunRef> + Send + use<> {
    let applications = Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), &Application::resource());
    woken_by(applications, watcher::Config::default(), WaitKind::Application, Application::key, context)
}

/// The runs that wait for a Job which changed. Only those that steps made are watched.
fn woken_by_jobs(
    client: &Client,
    namespace: Option<&str>,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send + use<> {
    let jobs: Api<PartialObjectMeta<batch::Job>> = scoped(client, namespace);
    woken_by(jobs, watcher::Config::default().labels(names::RUN_LABEL), WaitKind::Job, Job::key, context)
}

/// The runs that wait for one of these objects when it changes or goes.
///
/// A stream of its own, with pauses of its own: in the controller's common one a kind that is not there would hold up all
/// the others.
fn woken_by<K>(
    objects: Api<PartialObjectMeta<K>>,
    watched: watcher::Config,
    kind: WaitKind,
    key: fn(&str, &str) -> String,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send
where
    K: Send + 'static,
    PartialObjectMeta<K>: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let changes = watcher(objects, watched).default_backoff().touched_objects();
    changes.flat_map(move |change| {
        let woken = match change {
            Ok(object) => {
                let key = key(&object.namespace().unwrap_or_default(), &object.name_any());
                context.waits.wake(&Awaited::Step(kind, key))
            }
            Err(error) => {
                tracing::debug!(?kind, error = %in_one_line(&error), "a kind cannot be watched; what waits for it looks at its interval");
                Vec::new()
            }
        };
        futures::stream::iter(woken)
    })
}

async fn drive_runs(
    runs: RunController,
    context: Arc<Context>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let outcomes = runs.graceful_shutdown_on(stop).run(carefully, error_policy, context);
    outcomes.for_each(|outcome| async { note_trouble(outcome.err()) }).await;
}

/// One reconcile; a panic in it ends it alone.
async fn carefully(run: Arc<Guarded<PipelineRun>>, context: Arc<Context>) -> Result<Action, reconcile::Error> {
    let this = RunRef::from_obj(run.as_ref());
    let reconcile = AssertUnwindSafe(reconcile::reconcile(run, context.clone())).catch_unwind();
    let outcome = reconcile.await.unwrap_or(Err(reconcile::Error::Panicked));
    if outcome.is_ok() {
        context.failures.forget(&this);
    }
    outcome
}

fn error_policy(run: Arc<Guarded<PipelineRun>>, error: &reconcile::Error, context: Arc<Context>) -> Action {
    if error.is_conflict() {
        return Action::requeue(Duration::from_millis(200));
    }
    tracing::warn!(run = %run.name_any(), namespace = ?run.namespace(), error = %in_one_line(error), "a reconcile failed; it is made again");
    Action::requeue(context.failures.pause_after(RunRef::from_obj(run.as_ref())))
}

type PipelineController = Controller<Guarded<Pipeline>>;

/// The controller of pipelines. Its watch also wakes the runs that a change of a pipeline concerns.
fn pipeline_controller(
    client: &Client,
    context: &Arc<Context>,
    options: &Options,
    (store, writer): Kept<Pipeline>,
    (runs, sender): (Store<Guarded<PipelineRun>>, mpsc::UnboundedSender<RunRef>),
    good_news: mpsc::UnboundedReceiver<PipelineName>,
) -> PipelineController {
    let concerned = good_runs::concerned(good_news, store.clone());
    let pipelines = watcher(scoped(client, options.namespace.as_deref()), watcher::Config::default()).reflect(writer);
    let pipelines = pipelines.inspect(wake_runs(context.clone(), runs, sender)).applied_objects();
    Controller::for_stream(pipelines, store)
        .with_config(controller::Config::default().concurrency(PIPELINES_AT_ONCE))
        .reconcile_on(concerned)
}

/// Wakes the runs that wait for the pipeline to be made or mended, and all unfinished ones of a pipeline that was suspended, or
/// is no longer. The steps of these need not look again because of it.
fn wake_runs(
    context: Arc<Context>,
    runs: Store<Guarded<PipelineRun>>,
    sender: mpsc::UnboundedSender<RunRef>,
) -> impl FnMut(&Result<watcher::Event<Guarded<Pipeline>>, watcher::Error>) + Send {
    move |change| {
        let Ok(change) = change else { return };
        context.updates.pipeline_changed(change);
        let mut woken = Vec::new();
        if let Event::Apply(pipeline) | Event::InitApply(pipeline) | Event::Delete(pipeline) = change {
            let awaited = Awaited::Pipeline(pipeline.namespace().unwrap_or_default(), pipeline.name_any());
            woken = context.waits.wake(&awaited);
        }
        let changed = context.suspensions.watched(change);
        if !changed.is_empty() {
            let runs = runs.state();
            let concerned = runs.iter().filter(|run| is_unfinished_of(run, &changed));
            woken.extend(concerned.map(|run| RunRef::from_obj(run.as_ref())));
        }
        for run in woken {
            // Fails only when the controller ends.
            let _ = sender.unbounded_send(run);
        }
    }
}

/// Whether it is a run of one of these pipelines that has not ended.
fn is_unfinished_of(run: &Guarded<PipelineRun>, pipelines: &[PipelineName]) -> bool {
    let Ok(object) = &run.0 else { return false };
    let is_of = |(namespace, name): &PipelineName| {
        Some(namespace) == object.metadata.namespace.as_ref() && *name == object.spec.pipeline_ref.name
    };
    !object.status.as_ref().is_some_and(|status| status.state.is_finished()) && pipelines.iter().any(is_of)
}

async fn judge_pipelines(
    pipelines: PipelineController,
    context: Arc<Context>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let outcomes = pipelines.graceful_shutdown_on(stop).run(judge_carefully, pipelines::error_policy, context);
    outcomes.for_each(|outcome| async { note_trouble(outcome.err()) }).await;
}

/// One judgement; a panic in it ends it alone.
async fn judge_carefully(pipeline: Arc<Guarded<Pipeline>>, context: Arc<Context>) -> Result<Action, pipelines::Error> {
    let reconcile = AssertUnwindSafe(pipelines::reconcile(pipeline, context)).catch_unwind();
    reconcile.await.unwrap_or(Err(pipelines::Error::Panicked))
}

type EnvironmentController = Controller<Guarded<Environment>>;

/// The controller of Environments, which runs that have succeeded and ComponentUpdates wake.
fn environment_controller(
    client: &Client,
    context: &Arc<Context>,
    options: &Options,
    (store, writer): Kept<Environment>,
    woken: mpsc::UnboundedReceiver<EnvironmentRef>,
) -> EnvironmentController {
    let context = context.clone();
    let environments = watcher(scoped(client, options.namespace.as_deref()), watcher::Config::default());
    let environments = environments.reflect(writer).inspect(move |change| {
        if let Ok(Event::Delete(environment)) = change {
            context.updates.environment_gone(environment);
        }
    });
    Controller::for_stream(environments.applied_objects(), store)
        .with_config(controller::Config::default().concurrency(4))
        .reconcile_on(woken)
}

async fn keep_environments(
    environments: EnvironmentController,
    context: Arc<Context>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let outcomes = environments.graceful_shutdown_on(stop).run(keep_carefully, environments::error_policy, context);
    outcomes.for_each(|outcome| async { note_trouble(outcome.err()) }).await;
}

/// One reconcile of an Environment; a panic in it ends it alone.
async fn keep_carefully(
    environment: Arc<Guarded<Environment>>,
    context: Arc<Context>,
) -> Result<Action, environments::Error> {
    let reconcile = AssertUnwindSafe(environments::reconcile(environment, context)).catch_unwind();
    reconcile.await.unwrap_or(Err(environments::Error::Panicked))
}

type UpdateController = Controller<Guarded<ComponentUpdate>>;

/// The controller of ComponentUpdates, which hands them to their Environments. A cluster of an older installation may not have the
/// kind: then this watch alone is tried again.
fn update_controller(
    client: &Client,
    context: &Arc<Context>,
    options: &Options,
    (store, writer): Kept<ComponentUpdate>,
    woken: mpsc::UnboundedReceiver<UpdateRef>,
) -> UpdateController {
    let context = context.clone();
    let updates = watcher(scoped(client, options.namespace.as_deref()), watcher::Config::default());
    let updates = updates.reflect(writer).inspect(move |change| {
        if let Ok(change) = change {
            context.updates.keep(change);
        }
    });
    Controller::for_stream(updates.applied_objects(), store)
        .with_config(controller::Config::default().concurrency(4))
        .reconcile_on(woken)
}

async fn keep_updates(
    updates: UpdateController,
    context: Arc<Context>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let outcomes = updates.graceful_shutdown_on(stop).run(update_carefully, updates::error_policy, context);
    outcomes.for_each(|outcome| async { note_trouble(outcome.err()) }).await;
}

/// One reconcile of a ComponentUpdate; a panic in it ends it alone.
async fn update_carefully(
    update: Arc<Guarded<ComponentUpdate>>,
    context: Arc<Context>,
) -> Result<Action, updates::Error> {
    let reconcile = AssertUnwindSafe(updates::reconcile(update, context)).catch_unwind();
    reconcile.await.unwrap_or(Err(updates::Error::Panicked))
}

/// Logs what went wrong around reconciles; what went wrong in one was logged there.
fn note_trouble<E>(error: Option<controller::Error<E, watcher::Error>>)
where
    E: std::error::Error + 'static,
{
    if let Some(controller::Error::QueueError(error)) = error {
        tracing::warn!(error = %in_one_line(&error), "a watch broke off; it is taken up again");
    }
}

async fn become_ready(store: &Store<Guarded<PipelineRun>>, ready: &AtomicBool) {
    if store.wait_until_ready().await.is_ok() {
        tracing::info!(runs = store.len(), "ready");
        ready.store(true, Ordering::Relaxed);
    }
}

/// Collects what nobody needs any more: revisions, and what is remembered of runs that are gone.
async fn collect(context: &Context, options: &Options, store: &Store<Guarded<PipelineRun>>) {
    loop {
        tokio::time::sleep(COLLECT_EVERY).await;
        let runs = store.state();
        context.memories.keep_only(&runs.iter().filter_map(|run| run.uid()).collect());
        let there = runs.iter().map(|run| RunRef::from_obj(run.as_ref())).collect();
        context.waits.keep_only(&there);
        context.failures.keep_only(&there);
        context.good_runs.collect();
        let kept = runs.iter().filter_map(|run| revision_of(run)).collect();
        match context.revisions.collect_garbage(&context.client, options.namespace.as_deref(), &kept).await {
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
