//! What a sender is told: a status, and a small JSON object that names the field and the remedy.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Full;
use serde::Serialize;

/// More of a message would only repeat what was sent.
const MESSAGE_LIMIT: usize = 500;

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Body,
    /// When to come again, in whole seconds.
    pub(crate) retry_after: Option<u64>,
    /// What is not for the sender, but for the log.
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// What keeps us from answering.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) what: &'static str,
    pub(crate) why: String,
}

/// What is sent back.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Body {
    /// It was taken.
    Taken {
        /// What became of it, in one word.
        status: &'static str,
        /// The ComponentUpdate.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        message: String,
    },
    /// It was not.
    Refused {
        /// Why, in one CamelCase word.
        error: &'static str,
        message: String,
    },
}

impl Answer {
    /// It was taken.
    pub(crate) fn taken(status: StatusCode, word: &'static str, name: Option<String>, message: &str) -> Self {
        Self {
            status,
            body: Body::Taken { status: word, name, message: message.to_owned() },
            retry_after: None,
            trouble: None,
        }
    }

    /// It was not taken, and never will be as it is.
    pub(crate) fn refused(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let cut = message.char_indices().nth(MESSAGE_LIMIT).map_or(message.len(), |(at, _)| at);
        let message = message.get(..cut).unwrap_or_default().to_owned();
        Self { status, body: Body::Refused { error, message }, retry_after: None, trouble: None }
    }

    /// It was not taken, and may be a little later.
    pub(crate) fn later(status: StatusCode, error: &'static str, message: impl Into<String>, after: Duration) -> Self {
        // Rounded up: who comes too early would be sent away once more.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        Self { retry_after: Some(seconds.max(1)), ..Self::refused(status, error, message) }
    }

    /// As HTTP has it.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let text = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_short_whatever_was_sent() {
        let answer = Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "ü".repeat(100_000));
        let Body::Refused { message, .. } = answer.body else { panic!("taken") };
        assert_eq!(message.chars().count(), MESSAGE_LIMIT);
    }

    #[test]
    fn who_is_to_come_later_is_told_when_in_whole_seconds() {
        for (after, seconds) in [(0, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            let answer = Answer::later(StatusCode::SERVICE_UNAVAILABLE, "Busy", "", Duration::from_millis(after));
            assert_eq!(answer.into_response().headers()[RETRY_AFTER], seconds);
        }
    }
}
