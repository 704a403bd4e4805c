//! Gauges that tests set (`PUT /metrics/NAME` with a number, `DELETE /metrics/NAME`) and Prometheus reads (`GET /metrics`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};

type Gauges = Arc<Mutex<BTreeMap<String, f64>>>;

pub(super) fn router() -> Router {
    Router::new()
        .route("/metrics", get(expose))
        .route("/metrics/{name}", put(set).delete(remove))
        .with_state(Gauges::default())
}

async fn set(State(gauges): State<Gauges>, Path(name): Path<String>, body: String) -> StatusCode {
    let Ok(value) = body.trim().parse() else { return StatusCode::BAD_REQUEST };
    gauges.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    StatusCode::NO_CONTENT
}

async fn remove(State(gauges): State<Gauges>, Path(name): Path<String>) -> StatusCode {
    gauges.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    StatusCode::NO_CONTENT
}

async fn expose(State(gauges): State<Gauges>) -> String {
    let gauges = gauges.lock().unwrap_or_else(PoisonError::into_inner);
    gauges.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
        text
    })
}
