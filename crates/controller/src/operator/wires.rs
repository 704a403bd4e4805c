//! What the controllers share, and how they reach each other: the stores that their watches keep, and the channels by which what one
//! of them sees brings back objects of another.

use std::sync::{Arc, atomic::AtomicBool};

use futures::channel::mpsc;
use kube::{Client, Config};
use kube_runtime::reflector;
use sluice_steps::HttpClient;

use super::{Error, Options, environments, pipelines, runs, updates};
use crate::{
    accounts::Accounts,
    context::{Context, now},
    enforcement::Enforcement,
    environments::Records,
    failures::Failures,
    fences::Fences,
    good_runs::GoodRuns,
    history::History,
    locks::{Group, LockBook},
    memories::Memories,
    pin::Pins,
    reports::Reports,
    revisions::Revisions,
    suspensions::Suspensions,
    updates::Updates,
    waits::Waits,
    written::Written,
};

/// The other ends of what the context holds, for the controller of each kind.
pub(super) struct Wires {
    pub(super) runs: runs::Ends,
    pub(super) pipelines: pipelines::Ends,
    pub(super) environments: environments::Ends,
    pub(super) updates: updates::Ends,
    /// The locks that nobody waits for any more.
    pub(super) idle_locks: mpsc::UnboundedReceiver<Group>,
}

/// What the controllers share. `client` and `config` are for requests, and `user` is how the API server knows them.
pub(super) fn context(
    options: &Options,
    client: Client,
    config: Config,
    user: String,
) -> Result<(Arc<Context>, Wires), Error> {
    let (run_store, run_writer) = reflector::store();
    let (pipeline_store, pipeline_writer) = reflector::store();
    let (environment_store, environment_writer) = reflector::store();
    let (update_store, update_writer) = reflector::store();
    let (wake_run, woken_runs) = mpsc::unbounded();
    let (wake_environment, woken_environments) = mpsc::unbounded();
    let (wake_update, woken_updates) = mpsc::unbounded();
    let (locks, of_locks) = LockBook::new();
    let (good_runs, good_news) = GoodRuns::new(run_store.clone());
    let context = Context {
        began: now(),
        stopping: AtomicBool::new(false),
        failures: Failures::default(),
        client: client.clone(),
        user,
        enforcement: Enforcement::default(),
        accounts: Accounts::new(client.clone(), config),
        http: HttpClient::new(options.allow_http_to.clone()).map_err(|error| Error::Http(Box::new(error)))?,
        reports: Reports::start(client, options.instance.clone()),
        waits: Waits::default(),
        locks,
        memories: Memories::default(),
        judged: Memories::default(),
        revisions: Revisions::default(),
        pins: Pins::default(),
        suspensions: Suspensions::default(),
        runs: run_store.clone(),
        history: History::default(),
        good_runs,
        fences: Fences::default(),
        records: Records::new(environment_store.clone(), wake_environment.clone()),
        updates: Updates {
            updates: update_store.clone(),
            environments: environment_store.clone(),
            pipelines: pipeline_store.clone(),
            runs: run_store.clone(),
            wake_environment,
            wake_update,
            written: Written::default(),
            by_environment: Default::default(),
            under_way: Default::default(),
        },
    };
    let wires = Wires {
        runs: runs::Ends {
            kept: (run_store, run_writer),
            wake: wake_run.clone(),
            woken: woken_runs,
            next_in_queues: of_locks.wakes,
        },
        pipelines: pipelines::Ends { kept: (pipeline_store, pipeline_writer), wake_run, good_news },
        environments: environments::Ends { kept: (environment_store, environment_writer), woken: woken_environments },
        updates: updates::Ends { kept: (update_store, update_writer), woken: woken_updates },
        idle_locks: of_locks.idle,
    };
    Ok((Arc::new(context), wires))
}
