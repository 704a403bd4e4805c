//! The small HTTP services that pipelines of the tests talk to, on one port: [`collector`], [`alerts`], [`echo`] and
//! [`metrics`].

mod alerts;
mod collector;
mod echo;
mod metrics;

use std::collections::HashMap;

use anyhow::Result;
use axum::Router;
use axum::http::HeaderMap;
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The running services.
pub(crate) struct Services {
    pub(crate) url: String,
    pub(crate) task: JoinHandle<()>,
}

/// Starts them; `client` is how the collector sees the cluster.
pub(crate) async fn start(client: Client) -> Result<Services> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new()
        .merge(collector::router(client))
        .merge(alerts::router())
        .merge(echo::router())
        .merge(metrics::router());
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the services ended");
        }
    });
    Ok(Services { url, task })
}

/// The caller's `Idempotency-Key`.
fn key(headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key")?.to_str().ok().map(str::to_owned)
}

/// Does an entry of a list have every member that the query names, in the entry itself or in its `body`?
fn matches(entry: &Value, query: &HashMap<String, String>) -> bool {
    query.iter().all(|(name, wanted)| {
        let member = entry.get(name).or_else(|| entry.get("body")?.get(name)).unwrap_or(&Value::Null);
        let text = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
        text == *wanted
    })
}
