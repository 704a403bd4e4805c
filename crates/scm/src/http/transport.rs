//! Requests to one origin, bounded in time and bytes. Nothing is sent twice: a redirect is followed for reads only, and only
//! within the origin.

use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, Request, Response, StatusCode};
use url::Url;

use crate::error::QUOTE_LIMIT;
use crate::repository_url::without_credentials;

/// The longest a request may take unless the caller says.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes read of an answer.
const MAX_ANSWER: usize = 16 << 20;
/// The most redirects followed for one request.
const MAX_REDIRECTS: usize = 3;

/// Sends requests to the origin of `base`.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
    base: Url,
    timeout: Duration,
}

/// An answer with its whole body; that of a refusal may be cut off.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Unanswered {
    pub(crate) kind: UnansweredKind,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnansweredKind {
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
    pub(crate) fn new(client: Client, base: Url) -> Self {
        Self { client, base, timeout: TIMEOUT }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request; reads are followed where they are redirected to within the origin.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answered, Unanswered> {
        *request.timeout_mut() = Some(self.timeout);
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

    async fn send_once(&self, request: Request) -> Result<Response, Unanswered> {
        let method = request.method().clone();
        let answer = self.client.execute(request).await.map_err(|error| self.unanswered(error))?;
        tracing::debug!(host = self.base.host_str(), %method, path = answer.url().path(), status = answer.status().as_u16(), "git host");
        // A client that follows redirects by itself has perhaps taken the token elsewhere; its answer is worth nothing.
        if answer.url().origin() != self.base.origin() {
            return Err(redirected(answer.status().as_u16(), "it redirected to another host"));
        }
        Ok(answer)
    }

    fn target(&self, answer: &Response) -> Result<Url, Unanswered> {
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

    async fn read(&self, mut answer: Response) -> Result<Answered, Unanswered> {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match bounded(&mut answer).await {
            Ok(body) => body,
            // The status of a refusal says enough.
            Err(Unread { body, .. }) if status.is_client_error() => body,
            Err(Unread { error: None, .. }) => {
                let message = format!("its answer has more than {MAX_ANSWER} bytes");
                return Err(Unanswered { kind: UnansweredKind::Lost, message });
            }
            Err(Unread { error: Some(error), .. }) => return Err(self.unanswered(error)),
        };
        Ok(Answered { status, headers, body })
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

/// A body that was not read to its end: what there is of it, and why; no error is one that is too long.
struct Unread {
    body: Vec<u8>,
    error: Option<reqwest::Error>,
}

/// A body of at most [`MAX_ANSWER`] bytes.
async fn bounded(response: &mut Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Unread { body, error: None }),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Unread { body, error: Some(error) }),
        }
    }
}

/// Why a request got no answer, without its URL.
fn cause_of(error: reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() && !error.is_connect() {
        return format!("no answer within {} s", timeout.as_secs());
    }
    // The innermost cause says why; the outer ones repeat the URL.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().take(QUOTE_LIMIT).collect()
}
