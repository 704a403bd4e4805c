//! Watches of a kind that break off and cannot be resumed, as after a compaction of etcd.

use std::time::Duration;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::watch;

use super::forward::{self, Answer};

/// How much later than the first page the others come: a listing of many objects over a slow network.
const BETWEEN_PAGES: Duration = Duration::from_millis(500);

/// Which kind's watches are lost, and how far their reader is.
pub(super) struct Lost {
    state: watch::Sender<State>,
    /// How often connections were broken off.
    pub(super) times: watch::Sender<u64>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// In the plural; none are lost without.
    kind: String,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Sound,
    /// Requests wait.
    Away,
    /// No watch is resumed.
    Expired,
    /// The first page of the listing was asked for.
    Listed,
}

impl Lost {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::default(), times: watch::Sender::default() }
    }

    pub(super) fn lose(&self, kind: &str) {
        self.state.send_replace(State { kind: kind.to_owned(), stage: Stage::Away });
        self.times.send_modify(|times| *times += 1);
    }

    pub(super) fn come_back(&self) {
        self.state.send_modify(|state| state.stage = Stage::Expired);
    }

    /// Holds a request up as long as it is due, and returns what takes the place of its answer: an API server says in the stream that a
    /// watch cannot be resumed.
    pub(super) async fn hold(&self, parts: &Parts) -> Option<Answer> {
        let mut state = self.state.subscribe();
        // The sender lives as long as we do.
        let State { kind, stage } = state.wait_for(|state| state.stage != Stage::Away).await.ok()?.clone();
        let is_kind = !kind.is_empty() && parts.uri.path().ends_with(&format!("/{kind}"));
        if !is_kind || parts.method != Method::GET {
            return None;
        }
        let query = parts.uri.query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
        match (stage, has("watch=")) {
            (Stage::Expired, true) => return Some(expired()),
            (Stage::Expired, false) => self.state.send_modify(|state| state.stage = Stage::Listed),
            (Stage::Listed, false) if has("continue=") => tokio::time::sleep(BETWEEN_PAGES).await,
            _ => {}
        }
        None
    }
}

fn expired() -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "message": "a fault of the test",
        "code": StatusCode::GONE.as_u16(),
    });
    forward::own(StatusCode::OK, json!({"type": "ERROR", "object": status}).to_string() + "\n")
}
