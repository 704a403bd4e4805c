//! What stands before Prism: passes requests on, and keeps what Prism found wrong with them or with their answers.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::Value;

/// A request or an answer that is not as the description says.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) path: String,
    pub(super) what: String,
}

pub(super) type Violations = Arc<Mutex<Vec<Violation>>>;

#[derive(Clone)]
struct Front {
    client: reqwest::Client,
    prism: String,
    violations: Violations,
}

/// Statuses that GitHub documents for its API as a whole, and not with each operation.
const COMMON: [u16; 4] = [401, 403, 404, 429];

pub(super) fn router(prism: String, violations: Violations) -> anyhow::Result<Router> {
    // Node closes idle connections after five seconds: none is used twice.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none());
    let front = Front { client: client.build()?, prism, violations };
    Ok(Router::new().fallback(pass_on).with_state(front))
}

async fn pass_on(
    State(front): State<Front>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let tail = uri.path_and_query().map_or("/", |tail| tail.as_str());
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let request = front.client.request(method.clone(), format!("{}{tail}", front.prism)).headers(headers).body(body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            front.violated(uri.path(), format!("{method}: no answer: {error}"));
            return status(StatusCode::BAD_GATEWAY);
        }
    };
    let (code, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap_or_default();
    if let Some(what) = found_wrong(code, &headers, &body) {
        front.violated(uri.path(), format!("{method}: {what}"));
    }
    let mut passed = Response::new(Body::from(body));
    *passed.status_mut() = code;
    *passed.headers_mut() = headers;
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        passed.headers_mut().remove(name);
    }
    passed
}

fn status(code: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = code;
    answer
}

impl Front {
    fn violated(&self, path: &str, what: String) {
        let violation = Violation { path: path.to_owned(), what };
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }
}

/// What Prism says is wrong, in a header or in an answer of its own.
fn found_wrong(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let kind = headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default();
    if kind.contains("problem+json") {
        return Some(String::from_utf8_lossy(body).into_owned());
    }
    let said = headers.get("sl-violations").map(text)?;
    let listed = said.find('[').map(|start| &said[start..]).unwrap_or_default();
    let is_common = COMMON.contains(&code.as_u16()) || code.is_server_error();
    let is_known = |violation: &Value| {
        let message = violation["message"].as_str().unwrap_or_default();
        is_common && violation["severity"] == "Warning" && message.starts_with("Unable to match the returned status")
    };
    match serde_json::from_str::<Vec<Value>>(listed) {
        Ok(all) if all.iter().all(is_known) => None,
        _ => Some(said),
    }
}
