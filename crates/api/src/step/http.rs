//! `http`: one request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::{
    Duration, HttpHeader,
    step::{BareExpression, ConfigMistake, StepType, any_value, output::http_answer},
};

/// Sends one request. An answer of up to 1 MiB is read; up to 5 redirects are followed.
///
/// Outputs: `status`, `json` (null when the answer is no JSON) and `headers` (names in lower case).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Http {
    /// The method; `GET` unless set.
    #[serde(default)]
    pub method: Method,
    /// The address, with `http` or `https`; may contain `${{ }}`. Loopback and link-local addresses are reached only
    /// where the controller was told so.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Headers to send: at most 32. `Idempotency-Key` is always sent with the step's key, unless set here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub headers: Vec<HttpHeader>,
    /// A JSON body: any value, whose strings may contain `${{ }}`. `Content-Type: application/json` goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = any_value)]
    pub json: Option<Value>,
    /// A text body, instead of `json`; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body: Option<String>,
    /// What may happen when it is not known whether the request arrived, after a crash, a lost answer or a 5xx. Unless
    /// set: `AtLeastOnce` for GET, HEAD, PUT and DELETE, `AtMostOnce` for POST and PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// A CEL expression that says whether the answer is a success, such as `response.status == 200 &&
    /// response.json.ok`. It sees `response` (`status`, `json`, `headers`) and everything else a step sees. Unless set,
    /// a status of 200 to 299 is a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub success_when: Option<String>,
    /// How long to wait for the answer, such as `10s`; `30s` unless set, `2m` at most. For what takes longer there is
    /// `waitFor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_timeout: Option<Duration>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the headers alone.
    Head,
    /// Makes something.
    Post,
    /// Makes or replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

/// What may happen when it is not known whether a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Delivery {
    /// The request is sent again with the same `Idempotency-Key`, by which the other side recognises it.
    Idempotent,
    /// The request is sent again: the other side may see it twice.
    AtLeastOnce,
    /// The request is never sent again: the step ends as `Unknown`, a failure, and a person has to look.
    AtMostOnce,
}

/// How long the answer is waited for unless a step says.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that takes longer belongs into a `waitFor`, which holds no worker.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

impl Http {
    /// What may happen when it is not known whether the request arrived.
    pub fn delivery(&self) -> Delivery {
        self.delivery.unwrap_or(match self.method {
            Method::Get | Method::Head | Method::Put | Method::Delete => Delivery::AtLeastOnce,
            Method::Post | Method::Patch => Delivery::AtMostOnce,
        })
    }

    /// How long the answer is waited for; an error when that is not allowed.
    pub fn request_timeout(&self) -> Result<Duration, String> {
        let timeout = self.request_timeout.unwrap_or(REQUEST_TIMEOUT);
        if timeout == Duration::from_secs(0) || timeout > MAX_REQUEST_TIMEOUT {
            return Err(format!("must be more than 0s and at most {MAX_REQUEST_TIMEOUT}, not {timeout}"));
        }
        Ok(timeout)
    }
}

impl StepType for Http {
    fn nature(&self) -> Nature {
        Nature::Acts
    }

    fn outputs(&self) -> Type {
        http_answer()
    }

    fn expressions(&self) -> Vec<BareExpression<'_>> {
        let Some(source) = &self.success_when else { return Vec::new() };
        let extra = vec![("response".to_owned(), http_answer())];
        vec![BareExpression { path: "successWhen".to_owned(), source, extra, expected: Type::Bool }]
    }

    fn mistakes(&self) -> Vec<ConfigMistake> {
        let mut mistakes = Vec::new();
        // Not a rule of the schema: open JSON is invisible to its expressions.
        if self.json.is_some() && self.body.is_some() {
            let message = "the request has two bodies, json and body".to_owned();
            let help = Some("set at most one of them".to_owned());
            mistakes.push(ConfigMistake { field: "body".to_owned(), message, help });
        }
        let wrong_timeout = self.request_timeout().err();
        mistakes.extend(wrong_timeout.map(|message| {
            let help = Some("for longer waits, poll with the step type waitFor".to_owned());
            ConfigMistake { field: "requestTimeout".to_owned(), message, help }
        }));
        mistakes
    }
}
