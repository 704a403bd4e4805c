//! An HTTP server of one test's own: it keeps what it is asked, and answers as the path says.
//!
//! - `/tell/NAME`: at once
//! - `/meet/COUNT/NAME`: once so many requests of this name are under way at the same time
//! - `/hold/NAME`: once the test has let go of the name ([`Server::release`])
//! - `/fails/TIMES/NAME`: with the status 422 so many times, then well
//!
//! Every answer is `{"number": N}`, where N counts the requests of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use sluice_tests::eventually;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) name: String,
    /// Its `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// Its JSON, or null.
    pub(crate) body: Value,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    under_way: BTreeMap<String, usize>,
    most: BTreeMap<String, usize>,
    released: BTreeSet<String>,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
    /// Rises with everything that an answer may wait for.
    changed: watch::Sender<u64>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen());
        self.changed.send_modify(|changes| *changes += 1);
        result
    }

    async fn until(&self, is: impl Fn(&Seen) -> bool) {
        // The sender lives as long as we do.
        self.changed.subscribe().wait_for(|_| is(&self.seen())).await.ok();
    }

    /// Keeps a request; it counts as under way until the visit is dropped.
    fn visit(&self, name: &str, headers: &HeaderMap, body: &Bytes) -> Visit {
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        let body = serde_json::from_slice(body).unwrap_or_default();
        let number = self.change(|seen| {
            seen.requests.push(Request { name: name.to_owned(), key, body });
            let now = seen.under_way.entry(name.to_owned()).or_default();
            *now += 1;
            let now = *now;
            let most = seen.most.entry(name.to_owned()).or_default();
            *most = now.max(*most);
            seen.requests.iter().filter(|request| request.name == name).count()
        });
        Visit { shared: self.clone(), name: name.to_owned(), number }
    }
}

struct Visit {
    shared: Shared,
    name: String,
    number: usize,
}

impl Visit {
    fn answer(&self) -> Json<Value> {
        Json(json!({"number": self.number}))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.shared.change(|seen| {
            seen.under_way.entry(self.name.clone()).and_modify(|now| *now -= 1);
        });
    }
}

/// The running server. It ends with the value.
pub(crate) struct Server {
    url: String,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let shared = Shared { seen: Arc::default(), changed: watch::Sender::new(0) };
        let router = Router::new()
            .route("/tell/{name}", any(tell))
            .route("/meet/{count}/{name}", any(meet))
            .route("/hold/{name}", any(hold))
            .route("/fails/{times}/{name}", any(fails))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A step of this name that posts to this path.
    pub(crate) fn post(&self, step: &str, path: &str) -> String {
        self.post_to(&self.url, step, path)
    }

    /// The same through a proxy before this server.
    pub(crate) fn post_to(&self, url: &str, step: &str, path: &str) -> String {
        post(step, "delivery: Idempotent", url, path)
    }

    /// The same, which is never sent twice.
    pub(crate) fn post_once(&self, step: &str, path: &str) -> String {
        post(step, "delivery: AtMostOnce", &self.url, path)
    }

    /// Every request so far, oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.seen().requests.clone()
    }

    /// The names of the requests so far, oldest first.
    pub(crate) fn names(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.name).collect()
    }

    /// The `Idempotency-Key`s of the requests of a name.
    pub(crate) fn keys(&self, name: &str) -> Vec<String> {
        let named = self.requests().into_iter().filter(|request| request.name == name);
        named.map(|request| request.key.expect("a key")).collect()
    }

    /// How many requests of a name were under way at the same time at most.
    pub(crate) fn most_at_once(&self, name: &str) -> usize {
        self.shared.seen().most.get(name).copied().unwrap_or_default()
    }

    /// Waits until so many requests of a name have come.
    pub(crate) async fn has_seen(&self, name: &str, count: usize) {
        eventually(&format!("{count} requests of {name}"), PATIENCE, async || {
            let names = self.names();
            if names.iter().filter(|seen| *seen == name).count() >= count { Ok(()) } else { Err(format!("{names:?}")) }
        })
        .await;
    }

    /// Answers what is held under a name, now and from now on.
    pub(crate) fn release(&self, name: &str) {
        self.shared.change(|seen| seen.released.insert(name.to_owned()));
    }
}

fn post(step: &str, delivery: &str, url: &str, path: &str) -> String {
    format!("{{name: {step}, http: {{method: POST, {delivery}, url: '{url}{path}'}}}}")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tell(State(shared): State<Shared>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    shared.visit(&name, &headers, &body).answer()
}

async fn meet(
    State(shared): State<Shared>,
    Path((count, name)): Path<(usize, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let visit = shared.visit(&name, &headers, &body);
    shared.until(|seen| seen.most.get(&name).is_some_and(|most| *most >= count)).await;
    visit.answer()
}

async fn hold(State(shared): State<Shared>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let visit = shared.visit(&name, &headers, &body);
    shared.until(|seen| seen.released.contains(&name)).await;
    visit.answer()
}

async fn fails(
    State(shared): State<Shared>,
    Path((times, name)): Path<(usize, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let visit = shared.visit(&name, &headers, &body);
    let status = if visit.number <= times { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, visit.answer())
}
