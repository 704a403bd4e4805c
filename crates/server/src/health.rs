//! Health and readiness: at a listener of their own, or beside what else is served.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::task::JoinHandle;

use crate::listen::bind;

/// The answer of a process that answers.
const ALIVE: (StatusCode, &str) = (StatusCode::OK, "alive");

fn readiness(ready: &AtomicBool) -> (StatusCode, &'static str) {
    let is_ready = ready.load(Ordering::Relaxed);
    if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready yet") }
}

/// What is answered at a path of health or readiness; `None` at any other.
pub(crate) fn at(path: &str, ready: &AtomicBool) -> Option<(StatusCode, &'static str)> {
    match path {
        "/healthz" => Some(ALIVE),
        "/readyz" => Some(readiness(ready)),
        _ => None,
    }
}

/// Serves `/healthz` (the process answers) and `/readyz` (`ready` is true) until `stop` resolves. At `[::]` that is IPv6 and
/// IPv4, or IPv4 alone where the machine has no IPv6.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn health(
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let listener = bind(address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving /healthz and /readyz");
    let is_ready = move || {
        let readiness = readiness(&ready);
        async move { readiness }
    };
    let routes = Router::new().route("/healthz", get(async || ALIVE)).route("/readyz", get(is_ready));
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "health is no longer served");
        }
    }))
}
