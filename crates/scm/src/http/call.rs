//! One request to a host: where below its API it goes, and what is said of it when it fails.

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::error::Outcome;

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
