//! The headers of a request, and the secrets among them.

use std::collections::BTreeSet;

use reqwest::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sluice_api::HttpHeader;
use sluice_engine::Failure;

use super::Unanswered;
use crate::World;

/// What is written where a secret stood.
const REDACTED: &str = "***";

/// Secrets shorter than this are not looked for in answers: they would be found everywhere.
const MIN_SECRET: usize = 4;

/// What a connection is made of; the client writes these itself.
const OWN: [&str; 8] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// The headers of a request. Values from Secrets are marked, so that neither they nor their echo show anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    map: HeaderMap,
    from_secrets: BTreeSet<String>,
    redaction: Redaction,
}

impl Headers {
    /// The configured headers; those from Secrets are read as the run's account, in the run's namespace.
    pub(crate) async fn of(configured: &[HttpHeader], world: &dyn World, namespace: &str) -> Result<Self, Unanswered> {
        let mut headers = Self::default();
        for header in configured {
            let HttpHeader { name, value, value_from } = header;
            let header_name = header_name(name)?;
            let mut written = value.clone().unwrap_or_default();
            if let Some(source) = value_from {
                let secret = world.secret(namespace, &source.secret_key_ref).await.map_err(Unanswered::NotSent)?;
                written = format!("{}{}", source.prefix.as_deref().unwrap_or_default(), secret.expose_secret());
                headers.from_secrets.insert(header_name.as_str().to_owned());
                headers.redaction.secrets.push(secret);
            }
            // The error does not say the value.
            let mut written = HeaderValue::from_str(&written)
                .map_err(|_| wrong(name, "its value has characters that a header cannot have, such as a line break"))?;
            written.set_sensitive(value_from.is_some());
            headers.map.append(header_name, written);
        }
        Ok(headers)
    }

    /// Adds a header unless it is set.
    pub(crate) fn set_default(&mut self, name: &'static str, value: &str) -> Result<(), Unanswered> {
        if !self.map.contains_key(name) {
            let value = HeaderValue::from_str(value).map_err(|_| wrong(name, "its value cannot be sent"))?;
            self.map.insert(HeaderName::from_static(name), value);
        }
        Ok(())
    }

    pub(super) fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// Drops what was meant for one origin alone.
    pub(super) fn leave_origin(&mut self) {
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
            self.map.remove(name);
        }
        for name in &self.from_secrets {
            self.map.remove(name);
        }
    }

    pub(super) fn into_redaction(self) -> Redaction {
        self.redaction
    }
}

fn header_name(name: &str) -> Result<HeaderName, Unanswered> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name, "it is no name of a header"))?;
    if OWN.contains(&parsed.as_str()) {
        return Err(wrong(name, "it describes the connection, and the client sets it itself; leave it out"));
    }
    Ok(parsed)
}

fn wrong(name: &str, why: &str) -> Unanswered {
    Unanswered::Wrong(Failure::definite("InvalidHeader", format!("header {name:?} cannot be sent: {why}")))
}

/// The secrets of a request, to be taken out of whatever comes back: some servers echo what they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    secrets: Vec<SecretString>,
}

impl Redaction {
    /// The text without any of the secrets, also where JSON escapes them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= MIN_SECRET) {
            let escaped = Value::from(secret).to_string();
            text = text.replace(secret, REDACTED).replace(escaped.trim_matches('"'), REDACTED);
        }
        text
    }

    /// The value without any of the secrets, in its texts and names.
    pub(super) fn value(&self, value: Value) -> Value {
        if self.secrets.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, member)| (self.text(&name), self.value(member))).collect()
            }
            Value::Number(number) => {
                let text = number.to_string();
                let redacted = self.text(&text);
                if redacted == text { Value::Number(number) } else { Value::String(redacted) }
            }
            Value::Null | Value::Bool(_) => value,
        }
    }
}
