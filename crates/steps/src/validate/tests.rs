use std::sync::Arc;

use axum::response::IntoResponse;
use http::StatusCode;
use jiff::SignedDuration;

use super::*;
use crate::{
    fake_server::{FakeServer, Received},
    fake_world::{FakeWorld, now},
};

/// A collector that answers one of these after the other: `1` ready, `0` not ready, anything else an error.
async fn collector(answers: &'static str) -> FakeServer {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    FakeServer::start(move |_: &Received| {
        let at = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        match answers.chars().nth(at) {
            Some('1') => r#"{"ready": true}"#.into_response(),
            Some('0') => r#"{"ready": false}"#.into_response(),
            Some('?') => "{}".into_response(),
            _ => StatusCode::BAD_GATEWAY.into_response(),
        }
    })
    .await
}

/// Looks at a step every time it asks for it, until it ends or the collector has nothing more to say.
async fn run(answers: &'static str, options: Value) -> (Outcome, usize) {
    let server = collector(answers).await;
    let mut config = json!({
        "sources": {"state": {"http": {"url": server.url("/")}}},
        "checks": [{"name": "ready", "expr": "state.json.ready"}],
        "interval": "1m",
    });
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let validate: Validate = serde_json::from_value(config).unwrap();
    let world = FakeWorld::default();
    let (mut progress, mut time) = (None, now());
    for _ in 0..=answers.len() {
        let outcome = validate.look(&StepContext { now: time, progress: progress.as_ref(), ..world.context() }).await;
        match outcome {
            Outcome::Waiting { look_at, progress: next, act_again: false, .. }
                if server.received().len() < answers.len() =>
            {
                assert!(look_at >= time + SignedDuration::from_mins(1));
                (progress, time) = (next, look_at);
            }
            outcome => return (outcome, server.received().len()),
        }
    }
    panic!("it goes on for ever");
}

#[tokio::test]
async fn it_measures_as_often_as_it_says_and_gives_up_where_it_says() {
    for (answers, options, ends, measured) in [
        // One measurement decides, unless more are asked for.
        ("1", json!({}), "Succeeded", 1),
        ("0", json!({}), "CheckFailed", 1),
        ("111", json!({"count": 3}), "Succeeded", 3),
        ("110", json!({"count": 3}), "CheckFailed", 3),
        ("0", json!({"count": 3}), "CheckFailed", 1),
        // Some may fail.
        ("010", json!({"count": 3, "failureLimit": 2}), "Succeeded", 3),
        ("000", json!({"count": 3, "failureLimit": 2}), "CheckFailed", 3),
        ("0", json!({"failureLimit": 1}), "Succeeded", 1),
        // Errors are no measurements, and only those in a row count.
        ("x1", json!({}), "Succeeded", 2),
        ("?1", json!({}), "Succeeded", 2),
        ("xxxx1", json!({}), "Succeeded", 5),
        ("xxxxx", json!({}), "MeasurementFailed", 5),
        ("xx?xx", json!({}), "MeasurementFailed", 5),
        ("xxxx1xxxx1", json!({"count": 2}), "Succeeded", 10),
        ("x", json!({"consecutiveErrorLimit": 0}), "MeasurementFailed", 1),
        ("x1x1", json!({"consecutiveErrorLimit": 1, "count": 2}), "Succeeded", 4),
        ("x0", json!({"consecutiveErrorLimit": 1}), "CheckFailed", 2),
    ] {
        let (outcome, asked) = run(answers, options.clone()).await;
        let ended = match &outcome {
            Outcome::Succeeded(_) => "Succeeded",
            Outcome::Failed(failure) => &failure.reason,
            Outcome::Waiting { .. } => "Waiting",
        };
        assert_eq!((ended, asked), (ends, measured), "{answers} {options}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_outputs_are_the_last_values_of_sources_and_checks() {
    let (Outcome::Succeeded(outputs), _) = run("01", json!({"count": 2, "failureLimit": 1})).await else { panic!() };
    assert_eq!(outputs["checks"], json!({"ready": true}));
    assert_eq!(outputs["state"]["json"], json!({"ready": true}));
}

#[tokio::test]
async fn a_failure_says_what_was_false_and_how_often() {
    let (Outcome::Failed(failure), _) = run("1010", json!({"count": 9, "failureLimit": 1})).await else { panic!() };
    let message = "check \"ready\" failed: state.json.ready (state.json.ready = false) (measured 4 of 9: 2 failed (1 may), 0 errors)";
    assert_eq!(failure, Failure::definite("CheckFailed", message));
    let (Outcome::Failed(failure), _) = run("0", json!({})).await else { panic!() };
    assert_eq!(failure.message, "check \"ready\" failed: state.json.ready (state.json.ready = false)");
    let (Outcome::Failed(failure), _) = run("x", json!({"consecutiveErrorLimit": 0})).await else { panic!() };
    assert!(
        failure.message.starts_with("1 measurements in a row ended in an error: source state: GET "),
        "{failure:?}"
    );
}

#[tokio::test]
async fn an_early_look_measures_nothing_and_counts_nothing() {
    let server = collector("11").await;
    let validate: Validate = serde_json::from_value(json!({
        "sources": {"state": {"http": {"url": server.url("/")}}},
        "checks": [{"name": "ready", "expr": "state.json.ready"}],
        "count": 2,
    }))
    .unwrap();
    let world = FakeWorld::default();
    let first = validate.look(&world.context()).await;
    let Outcome::Waiting { progress: Some(progress), look_at, .. } = &first else { panic!() };
    assert_eq!((&progress["measured"], &progress["checks"]), (&json!(1), &json!({"ready": true})));
    for seconds in [0, 1, 9] {
        let now = now() + SignedDuration::from_secs(seconds);
        let early = validate.look(&StepContext { now, progress: Some(progress), ..world.context() }).await;
        assert_eq!(early, first);
    }
    assert_eq!(server.received().len(), 1);
    let last = validate.look(&StepContext { now: *look_at, progress: Some(progress), ..world.context() }).await;
    assert!(matches!(last, Outcome::Succeeded(_)));
}

#[tokio::test]
async fn a_wrong_source_fails_at_once() {
    let validate: Validate = serde_json::from_value(json!({
        "sources": {"state": {"http": {"url": "http://169.254.169.254/"}}},
        "checks": [{"name": "ready", "expr": "true"}],
    }))
    .unwrap();
    let Outcome::Failed(failure) = validate.look(&FakeWorld::default().context()).await else { panic!() };
    assert_eq!(failure.reason, "AddressForbidden");
}

/// Computes checks over `state` with no source.
fn compute(checks: Value) -> Outcome {
    let state = json!({"version": "1.1", "ready": 1, "wanted": 2});
    let validate: Validate = serde_json::from_value(json!({"checks": checks})).unwrap();
    let world = FakeWorld::default();
    validate.compute(&StepContext { scope: Scope::new().with("state", &state), ..world.context() })
}

#[test]
fn without_sources_every_check_that_fails_is_named_with_what_it_read() {
    let outcome = compute(json!([
        {"name": "the new version runs", "expr": "state.version == '1.2'"},
        {"name": "fine", "expr": "state.ready > 0"},
        {"name": "every replica is ready", "expr": "state.ready == state.wanted"},
    ]));
    let message = "check \"the new version runs\" failed: state.version == '1.2' (state.version = \"1.1\"); \
                   check \"every replica is ready\" failed: state.ready == state.wanted (state.ready = 1, state.wanted = 2)";
    assert_eq!(outcome, Outcome::Failed(Failure::definite("CheckFailed", message)));
}

#[test]
fn without_sources_the_outputs_are_the_checks() {
    let outcome = compute(json!([{"name": "fine", "expr": "state.ready > 0"}]));
    let Outcome::Succeeded(outputs) = outcome else { panic!() };
    assert_eq!(json!(outputs), json!({"checks": {"fine": true}}));
}

#[test]
fn a_check_that_cannot_be_evaluated_is_no_success() {
    let Outcome::Failed(failure) = compute(json!([{"name": "gone", "expr": "state.gone == 1"}])) else { panic!() };
    assert_eq!(failure.reason, "ExpressionFailed");
    assert!(failure.message.starts_with("check \"gone\" cannot be evaluated: state.gone == 1"), "{failure:?}");
}

#[test]
fn a_progress_of_another_shape_counts_anew() {
    assert_eq!(Tally::of(Some(&json!("x"))), Tally::default());
    let known = Tally { measured: 2, failed: 1, next_at: Some(now()), ..Tally::default() };
    assert_eq!(Tally::of(Some(&json!(known))), known);
}
