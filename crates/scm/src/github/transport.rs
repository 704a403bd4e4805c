//! What octocrab sends, over the transport of all hosts.

use http::{Request, Response};
use octocrab::OctoBody;
use reqwest::header::{ACCEPT, HeaderValue, USER_AGENT};
use reqwest::{Body, Method};
use url::Url;

use crate::http::{Answered, Transport, Unanswered, UnansweredKind};

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
/// GitHub refuses requests without one.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("sluice/", env!("CARGO_PKG_VERSION")));

/// Sends a request, whose path is below the transport's base.
pub(super) async fn send(transport: Transport, request: Request<OctoBody>) -> Result<Response<Body>, Unanswered> {
    let Answered { status, headers, body } = transport.send(rebased(transport.base(), request)?).await?;
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// The request with the URL it goes to. Its path is complete but for the base.
fn rebased(base: &Url, request: Request<OctoBody>) -> Result<reqwest::Request, Unanswered> {
    let (mut parts, body) = request.into_parts();
    let tail = parts.uri.path_and_query().map_or("", |tail| tail.as_str());
    let url = format!("{}{tail}", base.as_str().trim_end_matches('/'));
    let unreached = |message: String| Unanswered { kind: UnansweredKind::Unreached, message };
    parts.uri = url.parse().map_err(|error: http::uri::InvalidUri| unreached(error.to_string()))?;
    parts.headers.insert(USER_AGENT, AGENT);
    parts.headers.entry(ACCEPT).or_insert(JSON);
    // What a read does not have, can be sent again.
    let body = match parts.method {
        Method::GET | Method::HEAD => Body::from(""),
        _ => Body::wrap(body),
    };
    reqwest::Request::try_from(Request::from_parts(parts, body))
        .map_err(|error| unreached(error.without_url().to_string()))
}
