//! Where alerts end: `POST /alerts` takes any JSON, `GET /alerts` lists them as `{"key", "body"}`, filtered by the members
//! that the query names (`?run=deploy-1`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{key, matches};

type Alerts = Arc<Mutex<Vec<Value>>>;

pub(super) fn router() -> Router {
    Router::new().route("/alerts", get(list).post(receive)).with_state(Alerts::default())
}

async fn receive(State(alerts): State<Alerts>, headers: HeaderMap, Json(body): Json<Value>) -> StatusCode {
    alerts.lock().unwrap_or_else(PoisonError::into_inner).push(json!({"key": key(&headers), "body": body}));
    StatusCode::ACCEPTED
}

async fn list(State(alerts): State<Alerts>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Value>> {
    let alerts = alerts.lock().unwrap_or_else(PoisonError::into_inner);
    Json(alerts.iter().filter(|alert| matches(alert, &query)).cloned().collect())
}
