//! The HTTP below octocrab: the caller's client, bounded, that repeats nothing and leaves its origin never.

use std::fmt;
use std::time::Duration;

use http::{Request, Response};
use octocrab::OctoBody;
use reqwest::header::{ACCEPT, HeaderValue, LOCATION, USER_AGENT};
use reqwest::{Body, Client, Method};
use url::Url;

use crate::http::{MAX_REDIRECTS, TIMEOUT, Unread, bounded, cause_of, too_long};
use crate::repository_url::without_credentials;

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
/// GitHub refuses requests without one.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("sluice/", env!("CARGO_PKG_VERSION")));

/// Sends requests, whose paths are below `base`, with a client.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client,
    base: Url,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Unanswered {
    pub(super) kind: UnansweredKind,
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnansweredKind {
    /// It never reached the host.
    Unreached,
    /// It may have reached the host.
    Lost,
    /// The host redirected it, with this status, to where it is not followed; it did nothing.
    Redirected(u16),
    /// The host redirected a write within itself: what it is about has another name now.
    Moved(u16),
}

impl Transport {
    pub(super) fn new(client: Client, base: Url) -> Self {
        Self { client, base, timeout: TIMEOUT }
    }

    pub(super) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request; reads are followed where they are redirected to within the origin.
    pub(super) async fn send(self, request: Request<OctoBody>) -> Result<Response<Body>, Unanswered> {
        let mut request = self.rebased(request)?;
        for _ in 0..=MAX_REDIRECTS {
            let again = request.try_clone();
            let answer = self.send_once(request).await?;
            if !answer.status().is_redirection() {
                return self.read(answer).await;
            }
            let to = self.target(&answer)?;
            request = match again {
                Some(mut again) if matches!(*again.method(), Method::GET | Method::HEAD) => {
                    *again.url_mut() = to;
                    again
                }
                _ => {
                    let message = format!("it has moved to {}", without_credentials(to.as_str()));
                    return Err(Unanswered { kind: UnansweredKind::Moved(answer.status().as_u16()), message });
                }
            };
        }
        Err(redirected(310, "too many redirects"))
    }

    /// The request with the URL it goes to. Its path is complete but for the base.
    fn rebased(&self, request: Request<OctoBody>) -> Result<reqwest::Request, Unanswered> {
        let (mut parts, body) = request.into_parts();
        let tail = parts.uri.path_and_query().map_or("", |tail| tail.as_str());
        let url = format!("{}{tail}", self.base.as_str().trim_end_matches('/'));
        let unreached = |error: String| Unanswered { kind: UnansweredKind::Unreached, message: error };
        parts.uri = url.parse().map_err(|error: http::uri::InvalidUri| unreached(error.to_string()))?;
        parts.headers.insert(USER_AGENT, AGENT);
        parts.headers.entry(ACCEPT).or_insert(JSON);
        // What a read does not have, can be sent again.
        let body = match parts.method {
            Method::GET | Method::HEAD => Body::from(""),
            _ => Body::wrap(body),
        };
        let mut request = reqwest::Request::try_from(Request::from_parts(parts, body))
            .map_err(|error| unreached(error.without_url().to_string()))?;
        *request.timeout_mut() = Some(self.timeout);
        Ok(request)
    }

    async fn send_once(&self, request: reqwest::Request) -> Result<reqwest::Response, Unanswered> {
        let method = request.method().clone();
        let answer = self.client.execute(request).await.map_err(|error| self.unanswered(error))?;
        tracing::debug!(host = self.base.host_str(), %method, path = answer.url().path(), status = answer.status().as_u16(), "git host");
        // A client that follows redirects by itself has perhaps taken the token elsewhere; its answer is worth nothing.
        if answer.url().origin() != self.base.origin() {
            return Err(redirected(answer.status().as_u16(), "it redirected to another host"));
        }
        Ok(answer)
    }

    fn target(&self, answer: &reqwest::Response) -> Result<Url, Unanswered> {
        let status = answer.status().as_u16();
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(to) = location.and_then(|location| answer.url().join(location).ok()) else {
            return Err(redirected(status, "it redirected to nowhere"));
        };
        if to.origin() != self.base.origin() {
            return Err(redirected(status, "it redirected to another host; correct the provider's URL"));
        }
        Ok(to)
    }

    /// The answer with its whole body.
    async fn read(&self, mut answer: reqwest::Response) -> Result<Response<Body>, Unanswered> {
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = match bounded(&mut answer).await {
            Ok(body) => body,
            // The status of a refusal says enough.
            Err(Unread { body, .. }) if status.is_client_error() => body,
            Err(Unread { error: None, .. }) => {
                return Err(Unanswered { kind: UnansweredKind::Lost, message: too_long() });
            }
            Err(Unread { error: Some(error), .. }) => return Err(self.unanswered(error)),
        };
        let mut whole = Response::new(Body::from(body));
        *whole.status_mut() = status;
        *whole.headers_mut() = headers;
        Ok(whole)
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        let unreached = error.is_connect() || error.is_builder();
        let kind = if unreached { UnansweredKind::Unreached } else { UnansweredKind::Lost };
        Unanswered { kind, message: cause_of(error, self.timeout) }
    }
}

fn redirected(status: u16, message: &str) -> Unanswered {
    Unanswered { kind: UnansweredKind::Redirected(status), message: message.to_owned() }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
