//! Requests to a git host over HTTP, and what their failures mean.
//!
//! One transport, and one table from a status to an error, for all hosts. [`Api`] is for those that speak JSON and are
//! signed in to with a header.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::error::{Error, Outcome};

mod call;
mod failure;
mod transport;

pub(crate) use call::Call;
pub(crate) use failure::{
    Failure, Host, Refusal, cannot_connect, from_a_fork, host_at, in_one_line, senseless, senseless_after,
};
pub(crate) use transport::{Answered, Transport, Unanswered, UnansweredKind};

/// An API of a host, as one account.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    transport: Transport,
    token: SecretString,
    authorization: HeaderValue,
    host: Host,
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
        Ok(Self { transport: Transport::new(client, base), token, authorization, host: Host(host) })
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { transport: self.transport.with_timeout(timeout), ..self }
    }

    pub(crate) fn host(&self) -> &str {
        self.host.name()
    }

    /// Sends a call and reads a JSON answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let answer = self.answer(&call).await?;
        self.host.parse(&call, &answer).map_err(Failure::Other)
    }

    /// Sends a call; the answer's body is the caller's to read.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        self.answer(&call).await
    }

    async fn answer(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        let mut request = Request::new(call.method.clone(), call.url(self.transport.base()));
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = &call.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.to_string().into());
        }
        let answered = self.transport.send(request).await;
        let Answered { status, headers, body } =
            answered.map_err(|why| Failure::Other(self.host.unanswered(call, why)))?;
        if status.is_success() {
            return Ok(body);
        }
        let message = self.quote(&body);
        if let Some(retry_after) = limit(status, &headers, &message) {
            return Err(Failure::Other(Error::RateLimited { host: self.host().to_owned(), retry_after }));
        }
        Err(self.host.failure(call, status, message))
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

    pub(crate) fn unavailable(&self, intent: &str, outcome: Outcome, message: String) -> Error {
        self.host.unavailable(intent, outcome, message)
    }
}

/// Whether a refusal is by a limit, and how long it lasts if it says so: `Retry-After` in seconds; a date is not worth a
/// clock here.
fn limit(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Option<Duration>> {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let is_limit = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => seconds.is_some() || message.to_lowercase().contains("rate limit"),
        _ => false,
    };
    is_limit.then(|| seconds.map(Duration::from_secs))
}
