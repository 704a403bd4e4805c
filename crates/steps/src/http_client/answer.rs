//! The answer to a request, read no further than a step can use.

use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, SET_COOKIE},
};
use serde_json::{Map, Value, json};

use super::{headers::Redaction, unanswered};
use crate::text::cut;

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 1024 * 1024;

/// Characters of an answer that messages show.
const EXCERPT: usize = 200;

/// The answer to a request. It shows no secret that the request carried, also where the server sent it back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it came from, after redirects, as messages show it.
    pub(crate) at: String,
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Body,
    redaction: Redaction,
}

/// What was read of an answer's body.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// Its beginning; it has more than [`MAX_ANSWER`] bytes, this many where the server said so.
    TooLarge(Vec<u8>, Option<u64>),
    /// Why not all of it came.
    Broken(String),
}

impl Answer {
    pub(super) async fn read(response: Response, at: String, redaction: Redaction) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { at, status, headers, body: Body::read(response).await, redaction }
    }

    /// `status`, `json` (null when the body is no JSON) and `headers`, as expressions see them.
    pub(crate) fn to_value(&self) -> Value {
        json!({"status": self.status.as_u16(), "json": self.json().unwrap_or_default(), "headers": self.headers()})
    }

    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        let Body::Whole(body) = &self.body else { return None };
        serde_json::from_slice(body).ok().map(|value| self.redaction.value(value))
    }

    /// The headers, in lower case, repeated ones joined; without cookies, which are credentials.
    fn headers(&self) -> Map<String, Value> {
        let mut headers = Map::new();
        for name in self.headers.keys().filter(|name| **name != SET_COOKIE) {
            let values = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            let joined = values.collect::<Vec<_>>().join(", ");
            headers.insert(name.as_str().to_owned(), Value::String(self.redaction.text(&joined)));
        }
        headers
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `: ` and the beginning of the body on one line, for messages; nothing when there is none.
    pub(crate) fn excerpt(&self) -> String {
        // Of a broken body nothing is shown: it may end within a secret, which would not be recognised.
        let (Body::Whole(bytes) | Body::TooLarge(bytes, _)) = &self.body else { return String::new() };
        let text = self.redaction.text(&String::from_utf8_lossy(bytes));
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT * 4).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() { line } else { format!(": {}", cut(&line, EXCERPT)) }
    }
}

impl Body {
    async fn read(mut response: Response) -> Self {
        let announced = response.content_length();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > MAX_ANSWER => {
                    return Self::TooLarge(bytes, announced);
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Self::Whole(bytes),
                Err(error) if error.is_timeout() => return Self::Broken("no more of it came in time".to_owned()),
                Err(error) => return Self::Broken(unanswered::describe(&error.without_url())),
            }
        }
    }
}

/// Says that an answer is too large.
pub(crate) fn too_large(size: Option<u64>) -> String {
    let size = size.map_or_else(|| format!("more than {MAX_ANSWER}"), |size| size.to_string());
    format!("the answer has {size} bytes; at most {MAX_ANSWER} are read")
}
