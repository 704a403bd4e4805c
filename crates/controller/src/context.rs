//! What every reconcile shares.

use std::{hash::Hash, sync::atomic::AtomicBool};

use futures::FutureExt;
use jiff::{Timestamp, TimestampRound, Unit};
use kube::Client;
use kube_runtime::reflector::{Lookup, Store};
use sluice_api::PipelineRun;
use sluice_steps::HttpClient;

use crate::{
    accounts::Accounts,
    enforcement::Enforcement,
    environments::Records,
    failures::Failures,
    fences::Fences,
    good_runs::GoodRuns,
    guarded::Guarded,
    history::History,
    locks::LockBook,
    memories::{Memories, RunMemory},
    pin::Pins,
    pipelines::Judged,
    reports::Reports,
    revisions::Revisions,
    suspensions::Suspensions,
    updates::Updates,
    waits::Waits,
};

/// What every reconcile shares.
pub(crate) struct Context {
    /// When this process began to look.
    pub(crate) began: Timestamp,
    /// Whether the process is to end: nothing new is claimed then.
    pub(crate) stopping: AtomicBool,
    /// The failures in a row of runs' reconciles.
    pub(crate) failures: Failures,
    /// Kubernetes, as the controller itself: for Sluice's own kinds.
    pub(crate) client: Client,
    /// The name by which the API server knows the controller: it signs what the controller itself asks of runs.
    pub(crate) user: String,
    pub(crate) enforcement: Enforcement,
    pub(crate) accounts: Accounts,
    pub(crate) http: HttpClient,
    pub(crate) reports: Reports,
    pub(crate) waits: Waits,
    pub(crate) locks: LockBook,
    pub(crate) memories: Memories<RunMemory>,
    pub(crate) judged: Memories<Judged>,
    pub(crate) revisions: Revisions,
    pub(crate) pins: Pins,
    pub(crate) suspensions: Suspensions,
    /// What the watch shows of the runs.
    pub(crate) runs: Store<Guarded<PipelineRun>>,
    pub(crate) history: History,
    pub(crate) good_runs: GoodRuns,
    pub(crate) fences: Fences,
    pub(crate) records: Records,
    pub(crate) updates: Updates,
}

/// Whether the watch has shown all there is of a kind.
pub(crate) fn is_listed<K>(shown: &Store<K>) -> bool
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    matches!(shown.wait_until_ready().now_or_never(), Some(Ok(())))
}

/// The time, to the millisecond: what is remembered equals what is read back from a status.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}
