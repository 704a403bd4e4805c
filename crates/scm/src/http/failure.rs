//! What it means that a host gives no answer, or refuses.

use std::fmt::Display;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::Call;
use super::transport::{Unanswered, UnansweredKind};
use crate::error::{Error, Outcome, QUOTE_LIMIT};
use crate::names::{PullRequestNumber, RepoName};
use crate::repository_url::without_credentials;

/// A host, as messages call it.
#[derive(Debug, Clone)]
pub(crate) struct Host(pub(crate) String);

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

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// What a status that is no success means; limits are known before.
    pub(crate) fn failure(&self, call: &Call<'_>, status: StatusCode, message: String) -> Failure {
        let host = self.0.clone();
        let error = match status {
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

    /// What it means that there is no answer.
    pub(crate) fn unanswered(&self, call: &Call<'_>, Unanswered { kind, message }: Unanswered) -> Error {
        match kind {
            UnansweredKind::Unreached => self.unavailable(&call.intent, Outcome::NotApplied, message),
            UnansweredKind::Lost => self.unavailable(&call.intent, call.outcome(), message),
            UnansweredKind::Redirected(status) => self.refused(call, status, message),
            UnansweredKind::Moved(status) => self.refused(call, status, format!("{message}; use the new name or URL")),
        }
    }

    /// An answer as JSON.
    pub(crate) fn parse<T: DeserializeOwned>(&self, call: &Call<'_>, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body).map_err(|error| senseless_after(call.outcome(), &self.0, &call.intent, error))
    }

    pub(crate) fn unavailable(&self, intent: &str, outcome: Outcome, message: String) -> Error {
        Error::Unavailable { host: self.0.clone(), what: intent.to_owned(), outcome, message }
    }

    pub(crate) fn refused(&self, call: &Call<'_>, status: u16, message: String) -> Error {
        Error::Refused { host: self.0.clone(), what: call.intent.clone(), status, message }
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

/// A read's answer that is JSON of the right shape and makes no sense all the same.
pub(crate) fn senseless(host: &str, what: &str, why: impl Display) -> Error {
    senseless_after(Outcome::NotApplied, host, what, why)
}

/// The same of any call, with what is known of its outcome.
pub(crate) fn senseless_after(outcome: Outcome, host: &str, what: &str, why: impl Display) -> Error {
    Error::Unavailable {
        host: host.to_owned(),
        what: what.to_owned(),
        outcome,
        message: format!("its answer makes no sense: {why}"),
    }
}

/// A pull request that is none of ours, whatever its branch is called.
pub(crate) fn from_a_fork(host: &str, repo: &RepoName, number: PullRequestNumber) -> Error {
    Error::NotOurs {
        host: host.to_owned(),
        what: format!("pull request {repo}#{number}"),
        message: "its head is in a fork; only branches of the same repository count".into(),
    }
}

pub(crate) fn cannot_connect(host: &str, remedy: &str) -> Error {
    Error::Unsupported { host: host.to_owned(), what: "connect".into(), remedy: remedy.to_owned() }
}

/// What a host said as one short line without a secret.
pub(crate) fn in_one_line(said: &str, secret: &str) -> String {
    let secret = secret.trim();
    let said = if secret.is_empty() { said.to_owned() } else { said.replace(secret, "…") };
    let words: Vec<&str> = said.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).take(QUOTE_LIMIT).collect();
    if line.is_empty() { "it gave no reason".into() } else { line }
}
