//! What waiting runs look at: a server that tells who has looked.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Names = Arc<Mutex<HashSet<String>>>;

/// The server; ends with the value.
pub(crate) struct Looks {
    /// Runs append their name to this.
    pub(crate) url: String,
    names: Names,
    task: JoinHandle<()>,
}

impl Looks {
    /// Starts it.
    pub(crate) async fn serve() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/runs/", listener.local_addr()?);
        let names = Names::default();
        let router = Router::new().route("/runs/{name}", get(look)).with_state(names.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("bench: the server that runs look at ended: {error}");
            }
        });
        Ok(Self { url, names, task })
    }

    /// Forgets who has looked.
    pub(crate) fn forget(&self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until so many runs have looked, and returns how long that took from `start`.
    pub(crate) async fn reach(&self, runs: usize, start: Instant) -> Duration {
        while self.names.lock().unwrap_or_else(PoisonError::into_inner).len() < runs {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        start.elapsed()
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(State(names): State<Names>, Path(name): Path<String>) -> Json<Value> {
    names.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
    Json(json!({"done": false}))
}
