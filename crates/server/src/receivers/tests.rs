//! Requests through all checks, against a stand-in for the API server that counts what is written.

use std::sync::atomic::AtomicUsize;

use axum::{
    Json, Router,
    extract::State,
    http::Uri,
    routing::{any as whatever, get},
};
use futures::channel::mpsc;
use kube::Config;
use kube_runtime::{reflector, watcher::Event};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use sluice_client::accounts::Accounts;

use super::*;

const SECRET: &str = "only for tests";
const REPORT: &str = r#"{"id":"ci/7","sequence":7,"environment":"staging","component":"web","version":"1.2"}"#;

/// What a stranger sends.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

struct World {
    receivers: Arc<Receivers>,
    writes: Arc<AtomicUsize>,
    /// Fills the store.
    writer: reflector::store::Writer<Guarded<Receiver>>,
}

impl World {
    async fn new() -> Self {
        let writes = Arc::new(AtomicUsize::new(0));
        let count = async |State(writes): State<Arc<AtomicUsize>>, uri: Uri| {
            writes.fetch_add(1, Ordering::Relaxed);
            Json(
                json!({"metadata": {"name": uri.path()}, "spec": {"environment": "staging", "component": "web", "sequence": 7, "id": "ci/7"}}),
            )
        };
        let account =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "receiver"}});
        let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "ci"}, "data": {"secret": "b25seSBmb3IgdGVzdHM="}});
        let environment = json!({"kind": "Environment", "apiVersion": "sluice.dev/v1alpha1", "metadata": {"name": "staging"}, "spec": {"components": [{"name": "web"}]}});
        let serve = |object: Value| get(async move || Json(object));
        let routes = Router::new()
            .route("/api/v1/namespaces/shop/serviceaccounts/receiver", serve(account))
            .route("/api/v1/namespaces/shop/secrets/ci", serve(secret))
            .route("/apis/sluice.dev/v1alpha1/namespaces/shop/environments/staging", serve(environment))
            .fallback(whatever(count))
            .with_state(writes.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let config = Config::new(url);
        let client = Client::try_from(config.clone()).unwrap();
        let (store, mut writer) = reflector::store();
        for (name, kind) in
            [("ci", json!({"component": {"environments": ["staging"]}})), ("host", json!({"gitea": {}}))]
        {
            let mut spec = kind;
            spec["serviceAccountName"] = "receiver".into();
            spec["secretRef"] = json!({"name": "ci"});
            spec["maxRequestsPerMinute"] = 60_000.into();
            let metadata = json!({"namespace": "shop", "name": name, "uid": name, "generation": 1});
            let receiver =
                json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Receiver", "metadata": metadata, "spec": spec});
            writer.apply_watcher_event(&Event::Apply(serde_json::from_str(&receiver.to_string()).unwrap()));
        }
        let secrets = Secrets::new(Accounts::new(client.clone(), config), mpsc::unbounded().0);
        let receivers = Receivers::new(store, Arc::new(AtomicBool::new(true)), client, secrets);
        Self { receivers: Arc::new(receivers), writes, writer }
    }

    async fn send(&self, sent: &Sent) -> StatusCode {
        let mut request = Request::builder().method(sent.method.clone()).uri(&sent.path);
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(sent.body.clone()))).unwrap();
        self.receivers.clone().answer(request).await.status()
    }

    fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }
}

fn signed(secret: &str, body: &[u8]) -> String {
    signature::sign(secret.as_bytes(), body)
}

fn valid() -> Sent {
    let headers = vec![(signature::COMPONENT_HEADER, signed(SECRET, REPORT.as_bytes()))];
    Sent { method: Method::POST, path: "/receivers/shop/ci".to_owned(), headers, body: REPORT.as_bytes().to_vec() }
}

/// A report with something wrong in it.
fn malformed() -> impl Strategy<Value = Vec<u8>> {
    let garbled = (0..REPORT.len(), any::<u8>()).prop_map(|(at, byte)| {
        let mut body = REPORT.as_bytes().to_vec();
        body[at] = byte;
        body
    });
    let cut = (0..REPORT.len()).prop_map(|at| REPORT.as_bytes()[..at].to_vec());
    let any_bytes = prop::collection::vec(any::<u8>(), 0..400);
    let nested = (1..5000usize).prop_map(|depth| "[".repeat(depth).into_bytes());
    let is_wrong = |body: &Vec<u8>| component::Report::parse(body).is_err();
    prop_oneof![garbled, cut, any_bytes, nested].prop_filter("it is a report", is_wrong)
}

/// A request that must not be taken.
fn bad() -> impl Strategy<Value = Sent> {
    let with = |name: &'static str| move |value: String| Sent { headers: vec![(name, value)], ..valid() };
    let forged = "(sha256=)?[0-9a-f]{64}".prop_map(with(signature::COMPONENT_HEADER));
    let odd = "[ -~]{0,90}".prop_map(with(signature::COMPONENT_HEADER));
    let by_others = "[a-z ]{0,40}".prop_filter("it is the secret", |it| it != SECRET).prop_map(|secret| Sent {
        headers: vec![(signature::COMPONENT_HEADER, signed(&secret, REPORT.as_bytes()))],
        ..valid()
    });
    let other_header = prop_oneof![Just("x-gitea-signature"), Just("x-hub-signature"), Just("authorization")]
        .prop_map(|name| Sent { headers: vec![(name, signed(SECRET, REPORT.as_bytes()))], ..valid() });
    let twice = "[ -~]{0,90}".prop_map(|more| {
        let mut sent = valid();
        sent.headers.push((signature::COMPONENT_HEADER, more));
        sent
    });
    let unsigned_body = prop::collection::vec(any::<u8>(), 0..2000)
        .prop_filter("it is the report", |body| body != REPORT.as_bytes())
        .prop_map(|body| Sent { body, ..valid() });
    let signed_nonsense = malformed().prop_map(|body| Sent {
        headers: vec![(signature::COMPONENT_HEADER, signed(SECRET, &body))],
        body,
        ..valid()
    });
    let path = "/(receivers/?)?[a-z./%-]{0,40}".prop_filter("it is the path", |path| path != "/receivers/shop/ci");
    let elsewhere = path.prop_map(|path| Sent { path, ..valid() });
    let to_a_host = "(sha256=)?[0-9a-f]{64}".prop_map(|value| Sent {
        path: "/receivers/shop/host".to_owned(),
        headers: vec![("x-gitea-signature", value), ("x-gitea-event", "ping".to_owned())],
        ..valid()
    });
    let methods = [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS, Method::PATCH];
    let method = prop::sample::select(methods.to_vec()).prop_map(|method| Sent { method, ..valid() });
    let long = (MAX_BODY + 1..MAX_BODY + 9).prop_map(|length| Sent { body: vec![b' '; length], ..valid() });
    prop_oneof![
        10 => forged, 10 => odd, 10 => by_others, 5 => other_header, 10 => twice, 10 => unsigned_body,
        30 => signed_nonsense, 10 => elsewhere, 10 => to_a_host, 3 => method, 1 => long
    ]
}

#[test]
fn no_malformed_or_forged_request_is_taken() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    assert_eq!(runtime.block_on(world.send(&valid())), StatusCode::ACCEPTED);
    assert_eq!(world.writes(), 1);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&bad(), |sent| {
        let status = runtime.block_on(world.send(&sent));
        prop_assert!(status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS, "{}", status);
        Ok(())
    });
    checked.unwrap();
    assert_eq!(world.writes(), 1, "none of them wrote anything");
    assert_eq!(runtime.block_on(world.send(&valid())), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn before_all_receivers_are_known_nobody_is_told_that_there_is_none() {
    let world = World::new().await;
    world.receivers.ready.store(false, Ordering::Relaxed);
    assert_eq!(world.send(&valid()).await, StatusCode::SERVICE_UNAVAILABLE);
    let health = Sent { method: Method::GET, path: "/receivers/shop/gone".to_owned(), ..valid() };
    assert_eq!(world.send(&health).await, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_receiver_that_cannot_be_read_takes_nothing_and_stops_no_other() {
    let mut world = World::new().await;
    let metadata = json!({"namespace": "shop", "name": "odd", "uid": "odd"});
    let odd = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Receiver", "metadata": metadata, "spec": {"component": 7}});
    world.writer.apply_watcher_event(&Event::Apply(serde_json::from_str(&odd.to_string()).unwrap()));
    let to_it = Sent { path: "/receivers/shop/odd".to_owned(), ..valid() };
    assert_eq!(world.send(&to_it).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.send(&valid()).await, StatusCode::ACCEPTED);
}
