//! One HTTP request to a git host's API, and what its failure means.
//!
//! Shared by the hosts that speak JSON over HTTP. Bounded in time and bytes. Nothing is sent twice: a redirect is
//! followed for reads only, and only within the same origin.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::error::{Error, Outcome, QUOTE_LIMIT};
use crate::repository_url::without_credentials;

/// The longest a request may take unless the caller says.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes read of an answer.
pub(crate) const MAX_ANSWER: usize = 16 << 20;
/// The most redirects followed for one request.
pub(crate) const MAX_REDIRECTS: usize = 3;

/// An API of a host, as one account.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base: Url,
    token: SecretString,
    authorization: HeaderValue,
    host: String,
    timeout: Duration,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A request: the parts of its path, and what is said of it when it fails.
#[derive(Debug)]
pub(crate) struct Call<'c> {
    pub(crate) method: Method,
    segments: Vec<&'c str>,
    query: Vec<(&'c str, String)>,
    pub(crate) body: Option<Value>,
    /// Completes "failed to …".
    pub(crate) intent: String,
    /// What a 404 is about.
    pub(crate) object: String,
    /// A write that changes nothing anybody sees.
    harmless: bool,
}

impl<'c> Call<'c> {
    pub(crate) fn new(method: Method, segments: Vec<&'c str>, intent: String, object: String) -> Self {
        Self { method, segments, query: vec![], body: None, intent, object, harmless: false }
    }

    /// Says that this write changes nothing anybody sees, so that a lost answer leaves nothing unknown.
    pub(crate) fn harmless(self) -> Self {
        Self { harmless: true, ..self }
    }

    pub(crate) fn query(mut self, name: &'c str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn json(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(crate) fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// What is known of the outcome once the request may have reached the host.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.is_read() || self.harmless { Outcome::NotApplied } else { Outcome::Unknown }
    }

    /// Where it goes, below the base of an API.
    pub(crate) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

/// A refusal (4xx) that the caller may know better how to name.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// What the host said, short and without secrets.
    pub(crate) message: String,
    /// How it is named if the caller does not.
    pub(crate) error: Error,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Refusal(Box<Refusal>),
    Other(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refusal(refusal) => refusal.error,
            Failure::Other(error) => error,
        }
    }
}

impl Api {
    /// An API below `url`, whose token is sent as `Authorization: <scheme> <token>`.
    pub(crate) fn new(
        client: Client,
        url: &Url,
        api_path: &[&str],
        scheme: &str,
        token: SecretString,
        kind: &str,
    ) -> Result<Self, Error> {
        let host = host_at(kind, url)?;
        let mut base = url.clone();
        if let Ok(mut segments) = base.path_segments_mut() {
            segments.pop_if_empty().extend(api_path);
        }
        let text = format!("{scheme} {}", token.expose_secret().trim());
        let mut authorization = HeaderValue::from_str(&text)
            .map_err(|_| cannot_connect(&host, "the token has characters that no token has"))?;
        authorization.set_sensitive(true);
        Ok(Self { client, base, token, authorization, host, timeout: TIMEOUT })
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Sends a call and reads a JSON answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let (intent, outcome) = (call.intent.clone(), call.outcome());
        let answer = self.send(call).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            Failure::Other(self.unavailable(&intent, outcome, format!("its answer makes no sense: {error}")))
        })
    }

    /// Sends a call; the answer's body is the caller's to read.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        let mut url = call.url(&self.base);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&call, url.clone()).await.map_err(Failure::Other)?;
            if response.status().is_redirection() {
                url = self.redirect(&call, &url, &response).map_err(Failure::Other)?;
                continue;
            }
            return self.read(&call, response).await;
        }
        Err(Failure::Other(self.refused(&call, 310, "too many redirects".into())))
    }

    async fn send_once(&self, call: &Call<'_>, url: Url) -> Result<Response, Error> {
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .timeout(self.timeout)
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.transport(call, error))?;
        tracing::debug!(host = self.host, method = %call.method, path = response.url().path(), status = response.status().as_u16(), "git host");
        // A client that follows redirects by itself has perhaps taken the token elsewhere; its answer is worth nothing.
        if response.url().origin() != self.base.origin() {
            return Err(self.refused(call, response.status().as_u16(), "it redirected to another host".into()));
        }
        Ok(response)
    }

    fn redirect(&self, call: &Call<'_>, from: &Url, response: &Response) -> Result<Url, Error> {
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(to) = location.and_then(|location| from.join(location).ok()) else {
            return Err(self.refused(call, status, "it redirected to nowhere".into()));
        };
        if to.origin() != self.base.origin() {
            return Err(self.refused(call, status, "it redirected to another host; correct the provider's URL".into()));
        }
        if !call.is_read() {
            let shown = without_credentials(to.as_str());
            return Err(self.refused(call, status, format!("it has moved to {shown}; use the new name or URL")));
        }
        Ok(to)
    }

    async fn read(&self, call: &Call<'_>, mut response: Response) -> Result<Vec<u8>, Failure> {
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = match bounded(&mut response).await {
            Ok(body) => body,
            // The status of a refusal says enough.
            Err(Unread { body, .. }) if status.is_client_error() => body,
            Err(Unread { error: None, .. }) => {
                return Err(Failure::Other(self.unavailable(&call.intent, call.outcome(), too_long())));
            }
            Err(Unread { error: Some(error), .. }) => return Err(Failure::Other(self.transport(call, error))),
        };
        if status.is_success() {
            return Ok(body);
        }
        Err(self.failure(call, status, retry_after, &body))
    }

    fn failure(&self, call: &Call<'_>, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Failure {
        let host = self.host.clone();
        let message = self.quote(body);
        let limited = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::FORBIDDEN
                && (retry_after.is_some() || message.to_lowercase().contains("rate limit"));
        let error = match status {
            _ if limited => return Failure::Other(Error::RateLimited { host, retry_after }),
            StatusCode::UNAUTHORIZED => {
                return Failure::Other(Error::Unauthorized { host, credential: "token".into() });
            }
            _ if status.is_server_error() => {
                let message = format!("HTTP {}: {message}", status.as_u16());
                return Failure::Other(self.unavailable(&call.intent, call.outcome(), message));
            }
            StatusCode::FORBIDDEN => Error::Forbidden { host, what: call.intent.clone(), message: message.clone() },
            StatusCode::NOT_FOUND => Error::NotFound { host, what: call.object.clone() },
            _ => self.refused(call, status.as_u16(), message.clone()),
        };
        Failure::Refusal(Box::new(Refusal { status, message, error }))
    }

    /// What the host said: its JSON `message`, or else its text; one short line without the token.
    fn quote(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body.get(..body.len().min(64 << 10)).unwrap_or_default());
        let said = serde_json::from_str::<Value>(&text).ok().and_then(|json| {
            let message = json.get("message").or_else(|| json.get("error"))?.as_str()?.to_owned();
            let first = json.get("errors").and_then(|errors| errors.get(0)).and_then(Value::as_str);
            Some(first.map_or(message.clone(), |first| format!("{message}: {first}")))
        });
        let said = said.unwrap_or_else(|| text.into_owned());
        in_one_line(&said, self.token.expose_secret())
    }

    fn transport(&self, call: &Call<'_>, error: reqwest::Error) -> Error {
        let outcome = if error.is_connect() || error.is_builder() { Outcome::NotApplied } else { call.outcome() };
        let message = cause_of(error, self.timeout);
        self.unavailable(&call.intent, outcome, message)
    }

    pub(crate) fn unavailable(&self, intent: &str, outcome: Outcome, message: String) -> Error {
        Error::Unavailable { host: self.host.clone(), what: intent.to_owned(), outcome, message }
    }

    fn refused(&self, call: &Call<'_>, status: u16, message: String) -> Error {
        Error::Refused { host: self.host.clone(), what: call.intent.clone(), status, message }
    }
}

/// How a host is called in messages: its kind and address. Fails for what is no plain address of a server.
pub(crate) fn host_at(kind: &str, url: &Url) -> Result<String, Error> {
    let shown = without_credentials(url.as_str());
    let shown = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let host = format!("{kind} {shown}");
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(cannot_connect(&host, "give an http or https URL without credentials, query and fragment"));
    }
    Ok(host)
}

pub(crate) fn cannot_connect(host: &str, remedy: &str) -> Error {
    Error::Unsupported { host: host.to_owned(), what: "connect".into(), remedy: remedy.to_owned() }
}

/// A body that was not read to its end: what there is of it, and why; no error is one that is too long.
pub(crate) struct Unread {
    pub(crate) body: Vec<u8>,
    pub(crate) error: Option<reqwest::Error>,
}

/// A body of at most [`MAX_ANSWER`] bytes.
pub(crate) async fn bounded(response: &mut Response) -> Result<Vec<u8>, Unread> {
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

/// What is said of an answer that is longer than [`bounded`] reads.
pub(crate) fn too_long() -> String {
    format!("its answer has more than {MAX_ANSWER} bytes")
}

/// What a host said as one short line without a secret.
pub(crate) fn in_one_line(said: &str, secret: &str) -> String {
    let secret = secret.trim();
    let said = if secret.is_empty() { said.to_owned() } else { said.replace(secret, "…") };
    let words: Vec<&str> = said.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).take(QUOTE_LIMIT).collect();
    if line.is_empty() { "it gave no reason".into() } else { line }
}

/// Why a request got no answer, without its URL.
pub(crate) fn cause_of(error: reqwest::Error, timeout: Duration) -> String {
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

/// `Retry-After` in seconds; a date is not worth a clock here.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
