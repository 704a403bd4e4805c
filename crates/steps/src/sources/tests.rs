use ::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;
use sluice_expr::Expression;

use super::*;
use crate::{
    fake_server::{FakeServer, Received},
    fake_world::{FakeWorld, now},
};

async fn measure_json(sources: Value) -> Result<Value, NoValue> {
    let world = FakeWorld::default().with_secret("prometheus", "token", "c4n4ry");
    let sources: Sources = serde_json::from_value(sources).unwrap();
    measure(&sources, &world.context()).await.map(Value::Object)
}

/// What the source `q` yields when Prometheus answers like this, with that status.
async fn query(code: u16, answer: Value) -> Result<Value, NoValue> {
    let answer = answer.to_string();
    let server = FakeServer::start(move |_: &Received| (StatusCode::from_u16(code).unwrap(), answer.clone())).await;
    let query = json!({"url": server.url("/"), "query": "up"});
    measure_json(json!({"q": {"prometheus": query}})).await.map(|mut values| values["q"].take())
}

fn vector(series: Value) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": series}})
}

#[tokio::test]
async fn a_vector_yields_its_series_and_the_first_value() {
    let value = query(
        200,
        vector(json!([
            {"metric": {"app": "web"}, "value": [1435781451.781, "1"]},
            {"metric": {"app": "api"}, "value": [1435781451, "0.5"]},
        ])),
    )
    .await
    .unwrap();
    let expected = json!({"value": 1.0, "series": [
        {"labels": {"app": "web"}, "value": 1.0}, {"labels": {"app": "api"}, "value": 0.5},
    ]});
    assert_eq!(value, expected);
}

#[tokio::test]
async fn a_value_is_a_double_even_when_it_is_whole() {
    let value = query(200, vector(json!([{"metric": {}, "value": [1, "2"]}]))).await.unwrap();
    let scope = Scope::new().with("q", &value);
    assert_eq!(Expression::compile("q.value * 0.5 == 1.0 && q.value == 2").unwrap().evaluate_bool(&scope), Ok(true));
}

#[tokio::test]
async fn where_there_is_no_number_the_value_is_null() {
    assert_eq!(query(200, vector(json!([]))).await.unwrap(), json!({"value": null, "series": []}));
    for number in ["NaN", "+Inf", "-Inf"] {
        let value = query(200, vector(json!([{"metric": {}, "value": [1, number]}]))).await.unwrap();
        assert_eq!(value, json!({"value": null, "series": [{"labels": {}, "value": null}]}), "{number}");
    }
    let histogram = vector(json!([{"metric": {}, "histogram": [1, {"count": "1", "sum": "2"}]}]));
    assert_eq!(query(200, histogram).await.unwrap()["value"], Value::Null);
}

#[tokio::test]
async fn a_scalar_is_one_series_without_labels() {
    let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "42"]}});
    let expected = json!({"value": 42.0, "series": [{"labels": {}, "value": 42.0}]});
    assert_eq!(query(200, scalar).await.unwrap(), expected);
}

#[tokio::test]
async fn an_error_of_prometheus_is_told_in_its_own_words() {
    let error = json!({"status": "error", "errorType": "bad_data", "error": "1:3: parse error: unexpected \")\""});
    let NoValue::Ever(failure) = query(400, error).await.unwrap_err() else { panic!() };
    assert_eq!(failure.reason, "PrometheusError");
    for part in ["source q: Prometheus at http://127.0.0.1:", "bad_data: 1:3: parse error", "the query is up"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    let error = json!({"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"});
    assert!(matches!(query(503, error).await.unwrap_err(), NoValue::Now(failure) if failure.transient));
}

#[tokio::test]
async fn what_is_no_answer_of_prometheus_is_no_value() {
    for (code, answer) in [(502, json!("bad gateway")), (200, json!({"a": 1})), (200, json!([]))] {
        let NoValue::Now(failure) = query(code, answer).await.unwrap_err() else { panic!() };
        assert_eq!(failure.reason, "PrometheusError");
        assert!(failure.message.contains("not as Prometheus does"), "{}", failure.message);
    }
    let matrix = json!({"status": "success", "data": {"resultType": "matrix", "result": []}});
    let failure = query(200, matrix).await.unwrap_err().into_failure();
    assert!(failure.message.contains("the query yields a matrix, not a vector or a scalar"), "{}", failure.message);
}

#[tokio::test]
async fn a_query_is_sent_in_the_url_and_a_long_one_in_the_body() {
    let server = FakeServer::start(|_: &Received| vector(json!([])).to_string()).await;
    let headers =
        json!([{"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}}}]);
    let long = format!("a + {}", "b".repeat(3000));
    for (url, query) in [(server.url("/prom/?tenant=a"), "up{a=\"b\"} + 1"), (server.url(""), &long)] {
        let query = json!({"url": url, "query": query, "headers": headers});
        measure_json(json!({"q": {"prometheus": query}})).await.unwrap();
    }
    let [short, posted] = server.received().try_into().unwrap();
    let path = "/prom/api/v1/query?tenant=a&query=up%7Ba%3D%22b%22%7D+%2B+1";
    assert_eq!((short.method.as_str(), short.path.as_str()), ("GET", path));
    assert_eq!((posted.method.as_str(), posted.path.as_str()), ("POST", "/api/v1/query"));
    assert_eq!(posted.body, format!("query=a+%2B+{}", "b".repeat(3000)));
    assert_eq!(posted.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!((short.header("authorization"), posted.header("authorization")), ("c4n4ry", "c4n4ry"));
}

#[tokio::test]
async fn an_http_source_yields_its_answer_and_nothing_but_2xx_is_one() {
    let server = FakeServer::start(|request: &Received| match request.path.as_str() {
        "/ok" => (StatusCode::ACCEPTED, r#"{"done": true}"#.to_owned()).into_response(),
        "/large" => "x".repeat(1_600_000).into_response(),
        _ => (StatusCode::NOT_FOUND, "no such state").into_response(),
    })
    .await;
    let ask = |path| measure_json(json!({"state": {"http": {"url": server.url(path)}}}));
    let value = ask("/ok").await.unwrap();
    assert_eq!((&value["state"]["status"], &value["state"]["json"]), (&json!(202), &json!({"done": true})));
    let NoValue::Now(failure) = ask("/gone").await.unwrap_err() else { panic!() };
    let message = format!("source state: GET {} answered 404 Not Found: no such state", server.url("/gone"));
    assert_eq!((failure.reason.as_str(), failure.message), ("HttpStatus", message));
    let NoValue::Ever(failure) = ask("/large").await.unwrap_err() else { panic!() };
    let message =
        format!("source state: {}: the answer has 1600000 bytes; at most 1048576 are read", server.url("/large"));
    assert_eq!((failure.reason.as_str(), failure.message), ("ResponseTooLarge", message));
}

#[tokio::test]
async fn a_wrong_source_is_told_before_one_that_may_answer_later() {
    let sources = json!({
        "a": {"http": {"url": "http://127.0.0.1:1/"}},
        "b": {"http": {"url": "http://169.254.169.254/"}},
    });
    let NoValue::Ever(failure) = measure_json(sources).await.unwrap_err() else { panic!() };
    assert_eq!(failure.reason, "AddressForbidden");
    let none = measure_json(json!({"a": {}})).await.unwrap_err().into_failure();
    assert_eq!(none.message, "source a: set exactly one source: http, prometheus, resource, file");
}

#[test]
fn the_pause_lies_between_the_end_of_a_measurement_and_the_next() {
    let secs = sluice_api::Duration::from_secs;
    for (took, interval, after) in [(0, 10, 10), (4, 10, 14), (30, 5, 35), (0, i64::MAX, -1)] {
        let next = next(now(), Duration::from_secs(took), secs(interval));
        let expected = if after < 0 { Timestamp::MAX } else { now() + SignedDuration::from_secs(after) };
        assert_eq!(next, expected);
    }
}
