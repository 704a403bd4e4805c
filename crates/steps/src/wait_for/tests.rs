use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;
use sluice_expr::Scope;

use super::*;
use crate::{
    fake_server::{FakeServer, Received},
    fake_world::{FakeWorld, now},
};

async fn look(config: Value) -> Outcome {
    let world = FakeWorld::default();
    let scope = Scope::new().with_owned("params", json!({"version": "1.2"}));
    let wait: WaitFor = serde_json::from_value(config).unwrap();
    wait.look(&StepContext { scope, ..world.context() }).await
}

fn waiting(outcome: Outcome) -> String {
    match outcome {
        Outcome::Waiting { look_at, message, progress: None, act_again: false, .. } => {
            assert!(look_at >= now() + jiff::SignedDuration::from_secs(7));
            message.unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn config(url: &str, condition: &str) -> Value {
    json!({"sources": {"state": {"http": {"url": url}}}, "condition": condition, "interval": "7s"})
}

#[tokio::test]
async fn it_waits_until_the_condition_is_true_and_keeps_what_it_saw() {
    let asked = AtomicUsize::new(0);
    let server = FakeServer::start({
        let asked = std::sync::Arc::new(asked);
        move |_: &Received| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::BAD_GATEWAY.into_response(),
            1 => "{}".into_response(),
            2 => r#"{"done": false}"#.into_response(),
            _ => r#"{"done": true, "version": "1.2"}"#.into_response(),
        }
    })
    .await;
    let condition = "state.json.done && state.json.version == params.version";
    let config = config(&server.url("/"), condition);
    let error = waiting(look(config.clone()).await);
    assert_eq!(error, format!("source state: GET {} answered 502 Bad Gateway; it is asked again", server.url("/")));
    let early = waiting(look(config.clone()).await);
    assert!(
        early.starts_with(&format!("waits for `{condition}` (")) && early.contains("state.json.done = nothing"),
        "{early}"
    );
    assert_eq!(
        waiting(look(config.clone()).await),
        format!(
            "waits for `{condition}` (params.version = \"1.2\", state.json.done = false, state.json.version = nothing)"
        )
    );
    let Outcome::Succeeded(outputs) = look(config).await else { panic!() };
    assert_eq!(outputs["state"]["json"], json!({"done": true, "version": "1.2"}));
}

#[tokio::test]
async fn what_never_becomes_true_by_waiting_fails_at_once() {
    for (config, reason) in [
        (config("http://169.254.169.254/", "true"), "AddressForbidden"),
        (config("collector", "true"), "InvalidUrl"),
        (json!({"until": "tomorrow"}), "InvalidConfiguration"),
        (json!({}), "InvalidConfiguration"),
    ] {
        let Outcome::Failed(failure) = look(config).await else { panic!() };
        assert_eq!((failure.reason.as_str(), failure.transient), (reason, false), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_time_ends_the_wait() {
    assert_eq!(look(json!({"until": "2026-05-04T12:00:00Z"})).await, Outcome::Succeeded(Map::new()));
    let later = look(json!({"until": "2026-05-04T12:01:00Z"})).await;
    let Outcome::Waiting { look_at, message, .. } = later else { panic!() };
    assert_eq!(look_at.to_string(), "2026-05-04T12:01:00Z");
    assert_eq!(message.as_deref(), Some("waits until 2026-05-04T12:01:00Z"));
}
