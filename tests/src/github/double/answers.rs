//! Answers: successes begin as the description's example, refusals have GitHub's form.

use axum::http::StatusCode;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status: super::status_of(status), headers: vec![], body }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn created(body: Value) -> Self {
        Self::new(201, body)
    }

    pub(crate) fn refusal(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
        });
        Self::new(status, body)
    }

    pub(crate) fn missing() -> Self {
        Self::refusal(404, "Not Found")
    }

    /// A 422 with one error.
    pub(crate) fn invalid(error: Value) -> Self {
        let mut reply = Self::refusal(422, "Validation Failed");
        reply.body["errors"] = json!([error]);
        reply
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Puts values into an example, member by member.
pub(crate) fn overlay(example: &mut Value, values: Value) {
    match (example, values) {
        (Value::Object(members), Value::Object(values)) => {
            for (name, value) in values {
                overlay(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (example, value) => *example = value,
    }
}
