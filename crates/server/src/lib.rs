//! HTTP served by the controller's process: health and readiness.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::{net::TcpListener, task::JoinHandle};

/// Serves `/healthz` (the process answers) and `/readyz` (`ready` is true) until `stop` resolves.
pub async fn health(
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving /healthz and /readyz");
    let is_ready = move || {
        let ready = ready.load(Ordering::Relaxed);
        async move { if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready yet") } }
    };
    let routes = Router::new().route("/healthz", get(|| async { "alive" })).route("/readyz", get(is_ready));
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "health is no longer served");
        }
    }))
}
