//! The counting fault proxy: stands between the real controller and everything it writes to.
//!
//! ```text
//! sluice controller --http--> Faults --https--> kube-apiserver
//!                             Faults --http---> Gitea, the small services
//! ```
//!
//! Every write (see [`is_effect`]) gets the next number of one counter common to all upstreams, and is kept in a log. At a
//! chosen number the controller is killed in one of three [`Position`]s: exactly there, for from that write on nothing of
//! the dying process passes, and what arrives late on its connections is dropped. The next process passes unhindered.
//!
//! Reads and watches stream through as they are, until the watches of a kind are [lost](Faults::lose_watches). Headers, `Authorization`
//! and `Impersonate-*` among them, are not touched.

mod connection;
mod forward;
mod gate;
mod lost;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use hyper::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

pub use write::{Write, is_effect};

use crate::Cluster;
use forward::Upstream;
use gate::{Fault, Gate};
use lost::Lost;

/// Long enough for the connections that a killed process had opened to be accepted, and recognised as its own.
const LAST_CONNECTIONS: Duration = Duration::from_millis(50);

/// Where in the course of a write its fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The write is not passed on.
    Before,
    /// It is passed on and carried out; the answer is never returned.
    AfterSent,
    /// The answer is returned, all of it.
    AfterAnswered,
}

impl Position {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Before, Self::AfterSent, Self::AfterAnswered];
}

/// The proxy. Dropping it closes its ports and connections.
pub struct Faults {
    shared: Arc<Shared>,
    listeners: Mutex<Vec<JoinHandle<()>>>,
}

/// What the connections share.
struct Shared {
    gate: Mutex<Gate>,
    /// The process to kill when its last answer is written.
    condemned: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
    /// Held shared by every write under way: a process is gone when nothing of it is.
    passing: RwLock<()>,
    /// How often the process was killed.
    deaths: watch::Sender<u64>,
    /// The watches that have to begin anew.
    lost: Lost,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl Faults {
    /// A proxy that numbers every effect.
    pub fn new() -> Self {
        Self::counting(is_effect)
    }

    /// A proxy that numbers the requests chosen by method and path (without query).
    pub fn counting(counts: fn(&Method, &str) -> bool) -> Self {
        let shared = Shared {
            gate: Mutex::new(Gate::new(counts)),
            condemned: Mutex::default(),
            passing: RwLock::default(),
            deaths: watch::Sender::new(0),
            lost: Lost::new(),
        };
        Self { shared: Arc::new(shared), listeners: Mutex::default() }
    }

    /// Stands before the API server; the URL is for [`crate::controller::Options::api_url`].
    pub async fn api(&self, cluster: &Cluster) -> Result<String> {
        let facts = cluster.facts();
        self.before("api", &facts.api_url, Some(&facts.api_ca)).await
    }

    /// Stands before Gitea; the URL is for an ScmProvider.
    pub async fn gitea(&self, cluster: &Cluster) -> Result<String> {
        self.before("gitea", &cluster.facts().gitea_url, None).await
    }

    /// Stands before the collector, the alerts and the echo endpoints.
    pub async fn services(&self, cluster: &Cluster) -> Result<String> {
        self.before("services", &cluster.facts().services_url, None).await
    }

    /// Stands before any upstream, with a certificate authority (PEM) if it is HTTPS. Returns the URL to use instead.
    pub async fn before(&self, name: &str, url: &str, ca: Option<&str>) -> Result<String> {
        let upstream = Upstream::new(name, url, ca)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            // Within the task, so that the connections end with it.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                connections.spawn(connection::serve(shared.clone(), upstream.clone(), stream));
                while connections.try_join_next().is_some() {}
            }
        });
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(url)
    }

    /// Has `kill` called (once, it returns when the process is gone) at write number `number`.
    pub fn kill_at(&self, number: usize, position: Position, kill: impl Fn() + Send + Sync + 'static) {
        self.shared.gate().faults.insert(number, (position, Fault::Kill(Box::new(kill))));
    }

    /// Has write number `number` answered with an error, [`Position::Before`] or [`Position::AfterSent`].
    pub fn answer_at(&self, number: usize, position: Position, status: StatusCode) {
        self.shared.gate().faults.insert(number, (position, Fault::Answer(status)));
    }

    /// Breaks off all connections, and holds up all requests until the API server [comes back](Self::come_back). The watches of this kind
    /// (in the plural) are then answered with 410 until it was listed anew, page by page.
    pub fn lose_watches(&self, kind: &str) {
        self.shared.lost.lose(kind);
    }

    /// Lets requests pass again.
    pub fn come_back(&self) {
        self.shared.lost.come_back();
    }

    /// Returns when the process has been killed so many times in all, and nothing of it is left in the proxy.
    pub async fn kills(&self, times: u64) {
        // The sender lives as long as we do.
        self.shared.deaths.subscribe().wait_for(|deaths| *deaths >= times).await.ok();
    }

    /// How often the process was killed so far.
    pub fn killed(&self) -> u64 {
        *self.shared.deaths.borrow()
    }

    /// The writes so far, in the order of their numbers.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.gate().writes.clone()
    }

    /// The writes so far, one a line.
    pub fn log(&self) -> String {
        self.writes().iter().map(|write| format!("{write}\n")).collect()
    }

    /// How many status patches each object got; keys are paths of the API, without `/status`.
    pub fn status_patches(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for write in self.writes() {
            if let Some(object) = write.patched_status_of() {
                *counts.entry(object.to_owned()).or_default() += 1;
            }
        }
        counts
    }

    /// Forgets the writes and the faults to come: the next write is number 1.
    pub fn clear(&self) {
        let mut gate = self.shared.gate();
        gate.writes.clear();
        gate.faults.clear();
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses whom [`Shared::kill`] kills.
    fn condemn(&self, kill: Box<dyn Fn() + Send + Sync>) {
        *self.condemned.lock().unwrap_or_else(PoisonError::into_inner) = Some(kill);
    }

    /// Kills the condemned, then lets go of its connections. In a task that belongs to none of them.
    fn kill(self: &Arc<Self>) {
        let Some(kill) = self.condemned.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let shared = self.clone();
        tokio::spawn(async move {
            tokio::task::spawn_blocking(kill).await.ok();
            tokio::time::sleep(LAST_CONNECTIONS).await;
            let _nothing_under_way = shared.passing.write().await;
            shared.gate().died();
            shared.deaths.send_modify(|deaths| *deaths += 1);
        });
    }
}
