//! Answers to try an HTTP client on: `/status/{code}`, `/slow/{ms}`, `/big/{bytes}`, `/redirect?to=URL` and `/echo`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) fn router() -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/status/{code}", any(status))
        .route("/slow/{ms}", any(slow))
        .route("/big/{bytes}", any(big))
        .route("/redirect", any(redirect))
}

/// What was asked, as JSON; `body` is the JSON of the request, or its text.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let headers: BTreeMap<_, _> =
        headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into());
    Json(json!({"method": method.as_str(), "uri": uri.to_string(), "headers": headers, "body": body}))
}

async fn status(Path(code): Path<u16>) -> impl IntoResponse {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(json!({"status": code})))
}

async fn slow(Path(ms): Path<u64>) -> Json<Value> {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Json(json!({"slept": ms}))
}

async fn big(Path(bytes): Path<usize>) -> Json<Value> {
    Json(json!({"text": "x".repeat(bytes)}))
}

async fn redirect(Query(query): Query<HashMap<String, String>>) -> impl IntoResponse {
    let to = query.get("to").cloned().unwrap_or_default();
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)])
}
