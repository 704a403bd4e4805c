//! The collector: gathers the actual state of an application, asynchronously.
//!
//! `POST /collections` with `{"application", "environment"}` answers 201 with `{"id"}`; a request with an `Idempotency-Key`
//! that was seen gets the id of then and starts nothing. `GET /collections/ID` answers `{"done", "version", "ready"}`: the
//! image tag of the first container of the Deployment `application` in the namespace `environment`, and whether every
//! replica of that version is available. `GET /collections` lists them all with their key and the number of `posts`,
//! filtered by the members that the query names (`?environment=staging`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{key, matches};

/// How long a collection takes.
const TAKES: Duration = Duration::from_millis(300);

#[derive(Clone)]
struct Collector {
    client: Client,
    collections: Arc<Mutex<Vec<Collection>>>,
}

#[derive(Deserialize)]
struct Wanted {
    application: String,
    environment: String,
}

#[derive(Clone, Serialize)]
struct Collection {
    id: String,
    key: Option<String>,
    /// How many requests asked for it.
    posts: u32,
    application: String,
    environment: String,
    #[serde(flatten)]
    seen: Seen,
}

#[derive(Clone, Default, Serialize)]
struct Seen {
    done: bool,
    version: String,
    ready: bool,
}

pub(super) fn router(client: Client) -> Router {
    Router::new()
        .route("/collections", get(list).post(create))
        .route("/collections/{id}", get(show))
        .with_state(Collector { client, collections: Arc::default() })
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Vec<Collection>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn collect(self, id: String, wanted: Wanted) {
        tokio::time::sleep(TAKES).await;
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &wanted.environment);
        // What cannot be read is reported as what is not there: version "" and not ready.
        let deployment = deployments.get_opt(&wanted.application).await.unwrap_or_default();
        let seen = deployment.as_ref().map_or_else(Seen::nothing, Seen::of);
        if let Some(collection) = self.lock().iter_mut().find(|c| c.id == id) {
            collection.seen = seen;
        }
    }
}

impl Seen {
    fn nothing() -> Self {
        Self { done: true, ..Self::default() }
    }

    fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.as_ref();
        let image = spec.and_then(|spec| spec.template.spec.as_ref()?.containers.first()?.image.as_deref());
        let desired = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let status = deployment.status.clone().unwrap_or_default();
        let observed = status.observed_generation >= deployment.metadata.generation;
        let counts = [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas];
        let ready = observed && counts.into_iter().all(|count| count.unwrap_or(0) == desired);
        Self { done: true, version: image.map(tag).unwrap_or_default().to_owned(), ready }
    }
}

/// The tag of an image reference: what follows the last colon after the last slash, without a digest.
fn tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    name.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("", |(_, tag)| tag)
}

async fn create(
    State(collector): State<Collector>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> (StatusCode, Json<Value>) {
    let key = key(&headers);
    let id = {
        let mut collections = collector.lock();
        if let Some(known) = collections.iter_mut().find(|c| key.is_some() && c.key == key) {
            known.posts += 1;
            return (StatusCode::CREATED, Json(json!({"id": known.id})));
        }
        let id = format!("c{}", collections.len() + 1);
        let Wanted { application, environment } = &wanted;
        let (application, environment) = (application.clone(), environment.clone());
        collections.push(Collection { id: id.clone(), key, posts: 1, application, environment, seen: Seen::default() });
        id
    };
    tokio::spawn(collector.collect(id.clone(), wanted));
    (StatusCode::CREATED, Json(json!({"id": id})))
}

async fn show(State(collector): State<Collector>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let collections = collector.lock();
    let collection = collections.iter().find(|c| c.id == id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!(collection.seen)))
}

async fn list(State(collector): State<Collector>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Value>> {
    let collections = collector.lock().clone();
    Json(collections.iter().map(|c| json!(c)).filter(|c| matches(c, &query)).collect())
}
