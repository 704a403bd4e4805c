//! Puts `sluice server` together and runs it until it is told to stop.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, channel::mpsc, future};
use http::Response;
use http_body_util::Full;
use kube::{Config, ResourceExt};
use kube_runtime::{
    controller::Action,
    reflector::{self, Store},
};
use sluice_api::Receiver;
use sluice_client::{
    accounts::Accounts,
    causes::in_one_line,
    client::{configure, for_requests, scoped},
    controllers::{controller, drive},
    guarded::Guarded,
    lean,
};

use crate::{
    health::{self, health},
    listen::{Answering, bind, serve},
    receivers::{self, Receivers, Secrets, reconcile},
};

/// How the server runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The one namespace whose Receivers are served; all of them unless set.
    pub namespace: Option<String>,
    /// Where the Receivers are served.
    pub listen: SocketAddr,
    /// Where health and readiness are served; beside the Receivers alone unless set.
    pub health_listen: Option<SocketAddr>,
}

/// What ended the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address of, or no credentials for, the API server.
    #[error("failed to find the API server's address and credentials")]
    Config(#[source] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("failed to make a client for the API server")]
    Client(#[source] kube::Error),
    /// An address could not be listened on.
    #[error("failed to listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// How often what is remembered of Receivers that are gone is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// After a failed write of a status, it is tried again after this time.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// Runs the server until `stop` resolves, and lets what is under way end.
///
/// Any number of servers may run at once: what they write has names that all of them find, and versions that only one can replace.
///
/// # Errors
/// When it cannot begin.
pub async fn run(options: Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let config = configure(Config::infer().await.map_err(Error::Config)?);
    let watching = lean::client(config.clone()).map_err(Error::Client)?;
    let config = for_requests(config);
    let client = lean::client(config.clone()).map_err(Error::Client)?;
    let (store, writer) = reflector::store();
    let ready = Arc::new(AtomicBool::new(false));
    let (turned, turns) = mpsc::unbounded();
    let secrets = Secrets::new(Accounts::new(client.clone(), config), turned);
    let receivers = Arc::new(Receivers::new(store.clone(), ready.clone(), client, secrets));
    let stop = stop.shared();
    let not_listening = |address| move |source| Error::Listen { address, source };
    if let Some(address) = options.health_listen {
        health(address, ready.clone(), stop.clone()).await.map_err(not_listening(address))?;
    }
    let listener = bind(options.listen).await.map_err(not_listening(options.listen))?;
    let watched = scoped(&watching, options.namespace.as_deref());
    let statuses = controller(watched, (store.clone(), writer), 4, |_| ()).reconcile_on(turns);
    let background = async {
        let statuses = drive(statuses, stop.clone(), reconcile, error_policy, receivers.clone());
        tokio::join!(become_ready(&store, &ready), statuses, forget(&receivers));
    };
    let address = listener.local_addr().unwrap_or(options.listen);
    tracing::info!(%address, "serving /receivers, /healthz and /readyz");
    tokio::select! {
        () = serve(listener, answering(&receivers, &ready), stop.clone()) => tracing::info!("stopped"),
        () = async { background.await; std::future::pending().await } => {}
    }
    Ok(())
}

/// Answers by path.
fn answering(receivers: &Arc<Receivers>, ready: &Arc<AtomicBool>) -> Answering {
    let (receivers, ready) = (receivers.clone(), ready.clone());
    Arc::new(move |request| match health::at(request.uri().path(), &ready) {
        Some((status, text)) => {
            let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
            *response.status_mut() = status;
            future::ready(response).boxed()
        }
        None => receivers.clone().answer(request),
    })
}

async fn become_ready(store: &Store<Guarded<Receiver>>, ready: &AtomicBool) {
    if store.wait_until_ready().await.is_ok() {
        tracing::info!(receivers = store.len(), "ready");
        ready.store(true, Ordering::Relaxed);
    }
}

fn error_policy(receiver: Arc<Guarded<Receiver>>, error: &receivers::Error, _: Arc<Receivers>) -> Action {
    if error.is_conflict() {
        return Action::requeue(Duration::from_millis(200));
    }
    tracing::warn!(receiver = %receiver.name_any(), namespace = ?receiver.namespace(), error = %in_one_line(error), "the status of a Receiver could not be written; it is tried again");
    Action::requeue(WRITE_AGAIN)
}

async fn forget(receivers: &Receivers) {
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        receivers.forget_others();
    }
}
