use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::response::IntoResponse;
use http::header;
use reqwest::dns::{Addrs, Name, Resolving};
use sluice_api::HttpHeader;

use super::*;
use crate::{
    fake_server::{FakeServer, Received, broken_server, no_server, silent_server},
    fake_world::FakeWorld,
};

const CANARY: &str = "c4n4ry-\"t0ken\"";

/// A request with `Authorization` and `X-Token` from a secret, and a plain header.
async fn request(method: Method, url: &str) -> Request {
    let world = FakeWorld::default().with_secret("collector", "token", CANARY);
    let configured: Vec<HttpHeader> = serde_json::from_value(serde_json::json!([
        {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}, "prefix": "Bearer "}},
        {"name": "X-Token", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}}},
        {"name": "X-Plain", "value": "plain"},
    ]))
    .unwrap();
    let headers = Headers::of(&configured, &world, "shop").await.unwrap();
    Request { method, url: url.parse().unwrap(), headers, body: None, timeout: TIMEOUT }
}

fn client() -> HttpClient {
    FakeWorld::default().http
}

fn redirect_to(location: &str) -> (StatusCode, [(header::HeaderName, String); 1]) {
    (StatusCode::FOUND, [(LOCATION, location.to_owned())])
}

fn wrong(result: Result<Answer, Unanswered>) -> (String, String) {
    match result {
        Err(Unanswered::Wrong(failure)) => (failure.reason, failure.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_closed_literal_is_refused_before_it_is_dialled() {
    let closed = HttpClient::new(Vec::new()).unwrap();
    let server = FakeServer::start(|_: &Received| "dialled").await;
    let (reason, message) = wrong(closed.send(request(Method::GET, &server.url("/")).await).await);
    assert_eq!(reason, "AddressForbidden");
    assert!(message.contains("127.0.0.1 is closed to steps") && message.contains("--allow-http-to"), "{message}");
    assert!(closed.client_for(&server.url("/").parse().unwrap()).is_err());
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_name_of_a_closed_address_is_refused_when_it_is_resolved() {
    let closed = HttpClient::new(Vec::new()).unwrap();
    let server = FakeServer::start(|_: &Received| "dialled").await;
    let (reason, message) = wrong(closed.send(request(Method::GET, &server.url_by_name("/")).await).await);
    assert_eq!(reason, "AddressForbidden");
    assert!(message.contains("localhost (") && message.contains("127.0.0.1"), "{message}");
    let url = server.url_by_name("/").parse().unwrap();
    let named = closed.client_for(&url).unwrap();
    assert!(named.get(url).send().await.unwrap_err().is_connect());
    assert!(server.received().is_empty());
}

/// Says an open address first and a closed one ever after.
struct Rebinding(AtomicUsize);

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        // Nothing answers at the first: it is reserved for documentation (RFC 5737).
        let address: SocketAddr = if first { "192.0.2.1:0" } else { "169.254.169.254:0" }.parse().unwrap();
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_by_the_address_that_is_dialled() {
    let client = HttpClient::with_resolver(Vec::new(), Arc::new(Rebinding(AtomicUsize::new(0)))).unwrap();
    let ask = async |timeout| {
        let request = request(Method::GET, "http://rebinding.example/").await;
        client.send(Request { timeout, ..request }).await
    };
    assert!(!matches!(ask(Duration::from_millis(50)).await, Err(Unanswered::Wrong(_))));
    let (reason, message) = wrong(ask(TIMEOUT).await);
    assert_eq!(reason, "AddressForbidden");
    assert!(message.contains("rebinding.example (169.254.169.254)"), "{message}");
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_asked() {
    // A client with a proxy would hand it the whole URL; this is what `no_proxy` prevents, whatever the environment.
    let debug = format!("{:?}", client());
    assert!(!debug.contains("proxies"), "{debug}");
}

#[tokio::test]
async fn reads_follow_redirects_and_keep_the_headers_at_one_origin() {
    let server = FakeServer::start(|request: &Received| match request.path.as_str() {
        "/a" => redirect_to("/b?c=1").into_response(),
        _ => "there".into_response(),
    })
    .await;
    let answer = client().send(request(Method::GET, &server.url("/a")).await).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.at), (200, server.url("/b")));
    let followed = &server.received()[1];
    assert_eq!(followed.path, "/b?c=1");
    assert_eq!(followed.header("authorization"), format!("Bearer {CANARY}"));
}

#[tokio::test]
async fn another_origin_gets_no_secret() {
    let target = FakeServer::start(|_: &Received| "there").await;
    // By another name of the same host and port, and at another port of the same host.
    for location in [target.url_by_name("/x"), target.url("/x")] {
        let first = FakeServer::start({
            let location = location.clone();
            move |_: &Received| redirect_to(&location)
        })
        .await;
        client().send(request(Method::GET, &first.url("/")).await).await.unwrap();
        assert_eq!(first.received()[0].header("x-token"), CANARY);
    }
    assert_eq!(target.received().len(), 2);
    for received in target.received() {
        let dropped = ["authorization", "x-token"].map(|name| received.header(name).to_owned());
        assert_eq!((dropped, received.header("x-plain")), ([String::new(), String::new()], "plain"));
    }
}

#[tokio::test]
async fn a_dropped_secret_does_not_come_back() {
    let server = FakeServer::start({
        move |request: &Received| match request.path.as_str() {
            "/1" => redirect_to(&format!("http://localhost:{}/2", request.header("host").rsplit(':').next().unwrap())),
            "/2" => redirect_to(&format!("http://127.0.0.1:{}/3", request.header("host").rsplit(':').next().unwrap())),
            _ => (StatusCode::OK, [(LOCATION, String::new())]),
        }
    })
    .await;
    client().send(request(Method::GET, &server.url("/1")).await).await.unwrap();
    let tokens: Vec<bool> = server.received().iter().map(|received| received.header("x-token") == CANARY).collect();
    assert_eq!(tokens, [true, false, false]);
}

#[tokio::test]
async fn redirects_end() {
    let server = FakeServer::start(|_: &Received| redirect_to("/")).await;
    let (reason, _) = wrong(client().send(request(Method::GET, &server.url("/")).await).await);
    assert_eq!((reason.as_str(), server.received().len()), ("TooManyRedirects", MAX_REDIRECTS + 1));
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    for (location, reason) in [
        ("http://169.254.169.254/latest/meta-data/", "AddressForbidden"),
        ("http://[::ffff:169.254.169.254]/", "AddressForbidden"),
        ("//0xa9fea9fe/", "AddressForbidden"),
        ("file:///etc/passwd", "RedirectRefused"),
        ("gopher://example/", "RedirectRefused"),
        ("http://", "RedirectRefused"),
    ] {
        let server = FakeServer::start(move |_: &Received| redirect_to(location)).await;
        let refused = wrong(client().send(request(Method::GET, &server.url("/")).await).await);
        assert_eq!(refused.0, reason, "{location}: {}", refused.1);
    }
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let request = request(Method::GET, "https://a.example/").await;
    let headers = HeaderMap::from_iter([(LOCATION, "http://a.example/".parse().unwrap())]);
    let refused = redirect(&request, "https://a.example/", StatusCode::FOUND, &headers).unwrap_err();
    assert_eq!(
        refused.into_failure().message,
        "https://a.example/: the redirect is not followed: it leads from https to http"
    );
}

#[tokio::test]
async fn the_query_of_a_redirect_is_not_shown() {
    let nowhere = format!("{}bucket?X-Amz-Signature=c4n4ry", no_server().await);
    for location in [nowhere, "http://169.254.169.254/?token=c4n4ry".to_owned()] {
        let server = FakeServer::start(move |_: &Received| redirect_to(&location)).await;
        let refused = client().send(request(Method::GET, &server.url("/")).await).await.unwrap_err();
        assert!(!format!("{refused:?}").contains("c4n4ry"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_method_that_changes_something_follows_no_redirect() {
    let server = FakeServer::start(|_: &Received| redirect_to("/b")).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = client().send(request(method, &server.url("/")).await).await.unwrap();
        assert_eq!(answer.status, StatusCode::FOUND);
    }
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn what_became_of_a_request_is_told_apart() {
    let refused = client().send(request(Method::POST, &no_server().await).await).await.unwrap_err();
    assert!(matches!(&refused, Unanswered::NotSent(failure) if failure.reason == "ConnectionFailed"), "{refused:?}");
    assert!(refused.into_failure().message.contains("Connection refused"));

    let unknown = client().send(request(Method::POST, "http://does-not-exist.invalid/").await).await.unwrap_err();
    assert!(matches!(&unknown, Unanswered::NotSent(failure) if failure.reason == "ConnectionFailed"), "{unknown:?}");

    let (url, requests) = broken_server("").await;
    let reset = client().send(request(Method::POST, &url).await).await.unwrap_err();
    assert!(matches!(&reset, Unanswered::Lost(failure) if failure.reason == "NoAnswer"), "{reset:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    let slow = Request { timeout: Duration::from_millis(50), ..request(Method::POST, &silent_server().await).await };
    let slow = client().send(slow).await.unwrap_err();
    assert!(slow.clone().into_failure().message.ends_with("no answer in time"), "{slow:?}");
    assert!(matches!(slow, Unanswered::Lost(_)));
}

#[tokio::test]
async fn a_server_without_a_certificate_is_sent_nothing() {
    let server = FakeServer::start(|_: &Received| "plain").await;
    let url = server.url("/").replace("http://", "https://");
    let refused = client().send(request(Method::POST, &url).await).await.unwrap_err();
    assert!(matches!(refused, Unanswered::NotSent(_)), "{refused:?}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn an_answer_is_read_no_further_than_its_limit() {
    let exact = FakeServer::start(|_: &Received| "x".repeat(1024 * 1024)).await;
    let answer = client().send(request(Method::GET, &exact.url("/")).await).await.unwrap();
    assert!(matches!(answer.body, Body::Whole(body) if body.len() == 1024 * 1024));

    let large = FakeServer::start(|_: &Received| "x".repeat(1_600_000)).await;
    let answer = client().send(request(Method::GET, &large.url("/")).await).await.unwrap();
    let Body::TooLarge(body, size) = answer.body else { panic!() };
    assert!(body.len() <= 1024 * 1024);
    assert_eq!(too_large(size), "the answer has 1600000 bytes; at most 1048576 are read");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_a_whole_one() {
    let (url, _) = broken_server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"half\":").await;
    let answer = client().send(request(Method::GET, &url).await).await.unwrap();
    assert!(matches!(answer.body, Body::Broken(_)), "{answer:?}");
    assert_eq!((answer.json(), answer.excerpt()), (None, String::new()));
}

#[tokio::test]
async fn an_answer_is_seen_without_cookies_and_with_repeated_headers_joined() {
    let server = FakeServer::start(|_: &Received| {
        let headers = [("X-Many", "a"), ("X-Many", "b"), ("Set-Cookie", "session=1")];
        (axum::response::AppendHeaders(headers), r#"{"done": true, "n": 1.5}"#)
    })
    .await;
    let answer = client().send(request(Method::GET, &server.url("/")).await).await.unwrap();
    let value = answer.to_value();
    assert_eq!((&value["status"], &value["json"]), (&200.into(), &serde_json::json!({"done": true, "n": 1.5})));
    assert_eq!((&value["headers"]["x-many"], value["headers"].get("set-cookie")), (&"a, b".into(), None));
}

#[tokio::test]
async fn a_secret_that_is_echoed_shows_nowhere() {
    let server = FakeServer::start(|request: &Received| {
        let echoed = request.header("authorization").to_owned();
        let body = serde_json::json!({"seen": [echoed], echoed.clone(): 1}).to_string();
        ([("x-echo", echoed)], body)
    })
    .await;
    let request = request(Method::GET, &server.url("/")).await;
    let mut shown = format!("{request:?}");
    let answer = client().send(request).await.unwrap();
    shown += &format!("{} {}", answer.to_value(), answer.excerpt());
    assert_eq!(answer.to_value()["json"]["seen"][0], "Bearer ***");
    let escaped = CANARY.replace('"', "\\\"");
    assert!(!shown.contains(CANARY) && !shown.contains(&escaped) && !shown.contains("c4n4ry"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_is_echoed_as_a_number_shows_nowhere() {
    let world = FakeWorld::default().with_secret("pin", "pin", "48151623");
    let header = serde_json::json!([{"name": "X-Pin", "valueFrom": {"secretKeyRef": {"name": "pin", "key": "pin"}}}]);
    let headers = Headers::of(&serde_json::from_value::<Vec<_>>(header).unwrap(), &world, "shop").await.unwrap();
    let server = FakeServer::start(|_: &Received| r#"{"pin": 48151623, "other": 42}"#).await;
    let url = server.url("/").parse().unwrap();
    let request = Request { method: Method::GET, url, headers, body: None, timeout: TIMEOUT };
    let answer = client().send(request).await.unwrap();
    assert_eq!(answer.to_value()["json"], serde_json::json!({"pin": "***", "other": 42}));
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused_without_their_value() {
    let world = FakeWorld::default().with_secret("bad", "token", "line\nbreak");
    let from_secret = serde_json::json!({"secretKeyRef": {"name": "bad", "key": "token"}});
    for (header, message) in [
        (
            serde_json::json!({"name": "X-Token", "valueFrom": from_secret}),
            "header \"X-Token\" cannot be sent: its value has characters that a header cannot have, such as a line break",
        ),
        (serde_json::json!({"name": "a b", "value": ""}), "header \"a b\" cannot be sent: it is no name of a header"),
        (
            serde_json::json!({"name": "Transfer-Encoding", "value": "chunked"}),
            "header \"Transfer-Encoding\" cannot be sent: it describes the connection, and the client sets it itself; leave it out",
        ),
    ] {
        let header: HttpHeader = serde_json::from_value(header).unwrap();
        let refused = Headers::of(&[header], &world, "shop").await.unwrap_err().into_failure();
        assert_eq!((refused.reason.as_str(), refused.message.as_str()), ("InvalidHeader", message));
    }
}

#[test]
fn urls_in_messages_have_no_credentials() {
    for (url, shown) in [
        ("https://user:word@a.example/b?c=d#e", "https://a.example/b?c=d"),
        ("http://token@a.example", "http://a.example/"),
    ] {
        assert_eq!(describe(&parse_url(url, "url").unwrap()), shown);
    }
    for url in ["ftp://user:word@a.example/", "http://user:word@a b/", "user:word@a.example/x", "http://user:word@"] {
        let failure = parse_url(url, "url").unwrap_err().into_failure();
        assert_eq!(failure.reason, "InvalidUrl");
        assert!(!failure.message.contains("word"), "{}", failure.message);
    }
}
