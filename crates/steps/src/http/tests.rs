use std::sync::atomic::Ordering;

use axum::response::IntoResponse;
use serde_json::{Value, json};
use sluice_expr::Scope;

use super::*;
use crate::{
    fake_server::{FakeServer, Received, broken_server, no_server, silent_server},
    fake_world::{FakeWorld, now},
};

fn http(config: Value) -> Http {
    serde_json::from_value(config).unwrap()
}

/// What comes of acting under this many claims.
async fn act(config: Value, claims: i32) -> Outcome {
    let world = FakeWorld::default().with_secret("collector", "token", "c4n4ry");
    http(config).act(&StepContext { claims, ..world.context() }).await
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

fn outputs(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Succeeded(outputs) => json!(outputs),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_request_is_sent_as_it_is_written() {
    let server = FakeServer::start(|_: &Received| (StatusCode::CREATED, r#"{"id": 7}"#)).await;
    let config = json!({
        "method": "POST", "url": server.url("/collections?x=1"), "json": {"application": "web"},
        "headers": [
            {"name": "X-Plain", "value": "plain"},
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}, "prefix": "Bearer "}},
        ],
    });
    let outputs = outputs(act(config, 1).await);
    assert_eq!((&outputs["status"], &outputs["json"]), (&json!(201), &json!({"id": 7})));
    let received = server.received().remove(0);
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/collections?x=1"));
    assert_eq!(received.body, r#"{"application":"web"}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("idempotency-key", "sluice-key-1"),
        ("x-plain", "plain"),
        ("authorization", "Bearer c4n4ry"),
        ("user-agent", concat!("sluice/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn headers_that_are_set_are_kept() {
    let server = FakeServer::start(|_: &Received| "").await;
    let headers = json!([
        {"name": "Idempotency-Key", "value": "mine"}, {"name": "Content-Type", "value": "text/csv"},
        {"name": "User-Agent", "value": "me"},
    ]);
    let config = json!({"method": "PUT", "url": server.url("/"), "headers": headers, "body": "a,b"});
    let outputs = outputs(act(config, 1).await);
    assert_eq!((&outputs["status"], &outputs["json"]), (&json!(200), &Value::Null));
    let received = server.received().remove(0);
    let seen = ["idempotency-key", "content-type", "user-agent"].map(|name| received.header(name).to_owned());
    assert_eq!((seen, received.body.as_str()), (["mine", "text/csv", "me"].map(str::to_owned), "a,b"));
}

#[tokio::test]
async fn nothing_sent_is_a_known_end() {
    for method in ["GET", "POST"] {
        let failure = failure(act(json!({"method": method, "url": no_server().await}), 1).await);
        assert_eq!((failure.reason.as_str(), failure.transient, failure.end), ("ConnectionFailed", true, End::Known));
        assert!(failure.message.starts_with(method), "{}", failure.message);
    }
}

#[tokio::test]
async fn nothing_sent_leaves_the_end_of_an_earlier_claim_unknown() {
    // Were the end known, the next attempt would have another key, and the other side would carry it out twice.
    let config = json!({"method": "POST", "delivery": "Idempotent", "url": no_server().await});
    assert_eq!(failure(act(config, 2).await).end, End::Unknown);
    let server = FakeServer::start(|_: &Received| StatusCode::TOO_MANY_REQUESTS).await;
    let config = json!({"method": "POST", "delivery": "Idempotent", "url": server.url("/")});
    assert_eq!(failure(act(config, 2).await).end, End::Unknown);
}

/// What becomes of a request whose end nobody knows: reason, whether it is transient, its end.
async fn lost(method: &str, delivery: Option<&str>, url: &str, timeout: &str) -> (String, bool, End) {
    let mut config = json!({"method": method, "url": url, "requestTimeout": timeout});
    if let Some(delivery) = delivery {
        config["delivery"] = json!(delivery);
    }
    let Failure { reason, transient, end, message, .. } = failure(act(config, 1).await);
    assert!(end != End::Unresolved || message.contains("Idempotency-Key sluice-key-1"), "{message}");
    (reason, transient, end)
}

#[tokio::test]
async fn an_unknown_end_is_followed_as_the_delivery_says() {
    let (reset, requests) = broken_server("").await;
    let (half, _) = broken_server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{").await;
    let failing = FakeServer::start(|_: &Received| (StatusCode::SERVICE_UNAVAILABLE, "down")).await;
    let unresolved = ("Unknown".to_owned(), false, End::Unresolved);
    for (url, timeout, reason) in [
        (reset, "30s", "NoAnswer"),
        (silent_server().await, "100ms", "NoAnswer"),
        (half, "30s", "NoAnswer"),
        (failing.url("/"), "30s", "HttpStatus"),
    ] {
        let again = (reason.to_owned(), true, End::Unknown);
        for (method, delivery, expected) in [
            ("GET", None, &again),
            ("PUT", None, &again),
            ("DELETE", None, &again),
            ("POST", None, &unresolved),
            ("PATCH", None, &unresolved),
            ("POST", Some("Idempotent"), &again),
            ("POST", Some("AtLeastOnce"), &again),
            ("GET", Some("AtMostOnce"), &unresolved),
        ] {
            assert_eq!(&lost(method, delivery, &url, timeout).await, expected, "{method} {delivery:?} {url}");
        }
    }
    // Every one of them was sent once: what follows is not the step's to decide.
    assert_eq!(requests.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn an_at_most_once_request_is_not_sent_under_a_second_claim() {
    let server = FakeServer::start(|_: &Received| "sent").await;
    let config = json!({"method": "POST", "url": server.url("/orders")});
    let failed = failure(act(config.clone(), 2).await);
    assert_eq!((failed.reason.as_str(), failed.end, failed.transient), ("Unknown", End::Unresolved, false));
    for part in ["an earlier claim may have sent it", "/orders", "sluice-key-1", "`delivery: Idempotent`"] {
        assert!(failed.message.contains(part), "{}", failed.message);
    }
    assert!(server.received().is_empty());
    let mut idempotent = config;
    idempotent["delivery"] = json!("Idempotent");
    assert_eq!(outputs(act(idempotent, 2).await)["status"], 200);
    assert_eq!(server.received()[0].header("idempotency-key"), "sluice-key-1");
}

#[tokio::test]
async fn a_refusal_is_definite_and_shows_what_was_answered() {
    let server =
        FakeServer::start(|_: &Received| (StatusCode::UNPROCESSABLE_ENTITY, "{\n \"error\":\t\"no such app\"}")).await;
    let url = server.url("/a").replace("http://", "http://user:word@");
    let failed = failure(act(json!({"method": "POST", "url": url}), 1).await);
    let message =
        format!("POST {} answered 422 Unprocessable Entity: {{ \"error\": \"no such app\"}}", server.url("/a"));
    assert_eq!(failed, Failure::definite("HttpStatus", message));
}

#[tokio::test]
async fn a_redirect_of_a_post_is_a_refusal() {
    let server = FakeServer::start(|_: &Received| (StatusCode::FOUND, [("location", "/b")])).await;
    let failed = failure(act(json!({"method": "POST", "url": server.url("/a")}), 1).await);
    assert_eq!((failed.reason.as_str(), failed.end), ("HttpStatus", End::Known));
    assert!(failed.message.contains("redirects are followed for GET and HEAD only"), "{}", failed.message);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_limit_is_waited_out_as_long_as_the_server_asks() {
    let later = "Mon, 04 May 2026 12:05:00 GMT";
    for (retry_after, seconds) in [
        ("7", Some(7)),
        (later, Some(300)),
        ("99999999", Some(3600)),
        ("Mon, 04 May 2026 11:00:00 GMT", Some(0)),
        ("soon", None),
    ] {
        for code in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            let server = FakeServer::start(move |_: &Received| (code, [("retry-after", retry_after)])).await;
            let config = json!({"method": "POST", "delivery": "Idempotent", "url": server.url("/")});
            let failed = failure(act(config, 1).await);
            assert_eq!(failed.retry_after, seconds.map(SignedDuration::from_secs), "{retry_after}");
            let end = if code == StatusCode::TOO_MANY_REQUESTS { End::Known } else { End::Unknown };
            assert_eq!((failed.reason.as_str(), failed.transient, failed.end), ("HttpStatus", true, end));
        }
    }
}

#[tokio::test]
async fn success_when_replaces_the_rule_of_2xx() {
    let server = FakeServer::start(|request: &Received| {
        let code: u16 = request.path.trim_start_matches('/').parse().unwrap();
        (StatusCode::from_u16(code).unwrap(), r#"{"state": "ok"}"#).into_response()
    })
    .await;
    let ask = async |code: u16, condition: &str| {
        let config = json!({"method": "POST", "url": server.url(&format!("/{code}")), "successWhen": condition});
        let world = FakeWorld::default();
        let scope = Scope::new().with_owned("params", json!({"wanted": 404}));
        http(config).act(&StepContext { scope, ..world.context() }).await
    };
    assert_eq!(outputs(ask(404, "response.status == params.wanted").await)["status"], 404);
    assert_eq!(outputs(ask(503, "response.json.state == 'ok'").await)["json"], json!({"state": "ok"}));
    let refused = |outcome| {
        let Failure { reason, transient, end, .. } = failure(outcome);
        (reason, transient, end)
    };
    let is_false = ("SuccessWhenFalse".to_owned(), false, End::Known);
    assert_eq!(refused(ask(200, "response.json.state == 'done'").await), is_false);
    assert_eq!(refused(ask(500, "response.json.state == 'done'").await), is_false, "a 5xx counts as answered");
    assert_eq!(refused(ask(429, "response.status == 200").await), ("HttpStatus".to_owned(), true, End::Known));
    let missing = "response.json.id == 1";
    assert_eq!(refused(ask(200, missing).await), ("ExpressionFailed".to_owned(), false, End::Known));
    assert_eq!(refused(ask(503, missing).await), ("Unknown".to_owned(), false, End::Unresolved));
}

#[tokio::test]
async fn a_false_condition_says_what_was_answered() {
    let server = FakeServer::start(|_: &Received| "not yet").await;
    let failed = failure(act(json!({"url": server.url("/"), "successWhen": "response.status == 201"}), 1).await);
    let message = format!(
        "GET {} answered 200 OK: not yet; successWhen is false: response.status == 201 (response.status = 200)",
        server.url("/")
    );
    assert_eq!(failed.message, message);
}

#[tokio::test]
async fn too_large_an_answer_is_a_clean_failure() {
    let server = FakeServer::start(|_: &Received| "x".repeat(1_600_000)).await;
    let failed = failure(act(json!({"method": "POST", "url": server.url("/")}), 1).await);
    let message =
        format!("POST {} answered 200 OK: the answer has 1600000 bytes; at most 1048576 are read", server.url("/"));
    assert_eq!(failed, Failure::definite("OutputTooLarge", message));
}

#[tokio::test]
async fn a_condition_does_not_judge_half_an_answer() {
    let (half, _) = broken_server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{").await;
    let config = json!({"url": half, "successWhen": "response.json != null"});
    let failed = failure(act(config, 1).await);
    assert_eq!((failed.reason.as_str(), failed.end), ("NoAnswer", End::Unknown));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_sent_is_refused() {
    for (config, reason) in [
        (json!({"url": "file:///etc/passwd"}), "InvalidUrl"),
        (json!({"url": "collector/collections"}), "InvalidUrl"),
        (json!({"url": "http://169.254.169.254/latest"}), "AddressForbidden"),
        (json!({"url": "http://[::1]/", "method": "POST"}), "AddressForbidden"),
        (json!({"url": "http://a.example", "json": 1, "body": "1"}), "InvalidConfiguration"),
        (json!({"url": "http://a.example", "requestTimeout": "121s"}), "InvalidConfiguration"),
        (json!({"url": "http://a.example", "requestTimeout": "0s"}), "InvalidConfiguration"),
        (json!({"url": "http://a.example", "headers": [{"name": "Upgrade", "value": "h2c"}]}), "InvalidHeader"),
    ] {
        let failed = failure(act(config.clone(), 1).await);
        assert_eq!((failed.reason.as_str(), failed.end, failed.transient), (reason, End::Known, false), "{config}");
    }
    let missing = json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "token"}}}]);
    let failed = failure(act(json!({"url": "http://a.example", "headers": missing}), 1).await);
    assert_eq!((failed.reason.as_str(), failed.end), ("SecretNotFound", End::Known));
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let server = FakeServer::start(|_: &Received| [("x-count", "3")]).await;
    let outputs = outputs(act(json!({"method": "HEAD", "url": server.url("/")}), 1).await);
    assert_eq!((&outputs["json"], &outputs["headers"]["x-count"]), (&Value::Null, &json!("3")));
}

#[tokio::test]
async fn a_secret_shows_in_no_outcome() {
    let echo = |request: &Received| {
        let token = request.header("authorization").to_owned();
        let code = if request.path == "/ok" { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        (code, [("x-echo", token.clone())], json!({"echo": token}).to_string())
    };
    let server = FakeServer::start(echo).await;
    let headers =
        json!([{"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}}}]);
    for (url, condition) in [
        (server.url("/ok"), "true"),
        (server.url("/ok"), "response.json.echo == 'x'"),
        (server.url("/ok"), "response.json.gone"),
        (server.url("/bad"), "response.status == 200"),
        (no_server().await, "true"),
        ("http://169.254.169.254/".to_owned(), "true"),
    ] {
        let outcome = act(json!({"url": url, "headers": headers, "successWhen": condition}), 1).await;
        assert!(!format!("{outcome:?}").contains("c4n4ry"), "{outcome:?}");
    }
    assert_eq!(server.received()[0].header("authorization"), "c4n4ry");
}

#[tokio::test]
async fn a_look_at_a_sent_request_cannot_tell() {
    let world = FakeWorld::default();
    let look =
        async |method| failure(http(json!({"method": method, "url": "http://a.example"})).look(&world.context()).await);
    assert_eq!(look("POST").await.end, End::Unresolved);
    assert_eq!(look("GET").await.end, End::Unknown);
}

#[test]
fn a_pause_is_read_as_seconds_or_as_a_date() {
    assert_eq!(retry_after(" 120 ", now()), Some(SignedDuration::from_secs(120)));
    assert_eq!(retry_after("-5", now()), None);
}
