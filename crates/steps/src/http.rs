//! `http`: one request, and what its answer or the lack of one means for the step.
//!
//! HTTP cannot be asked whether a request arrived. So a request that may have arrived without an answer has an *unknown end*,
//! and what follows is the step's `delivery`: it is sent again under the same `Idempotency-Key`, or never.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use sluice_api::step::{Delivery, Http, Method};
use sluice_engine::{End, Failure, Outcome};

use crate::{
    Perform, StepContext, explain,
    http_client::{self, Answer, Body, Headers, Request, Unanswered, describe, too_large},
    render,
};

/// How long a server may ask to be left alone.
const MAX_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

#[async_trait]
impl Perform for Http {
    const EXAMPLE: &'static str = r#"
http:
  method: POST
  delivery: Idempotent            # the collector honours Idempotency-Key
  url: https://collector.example/collections
  headers:
  - name: Authorization
    valueFrom: {prefix: "Bearer ", secretKeyRef: {name: collector, key: token}}
  json: {application: "${{ params.application }}", version: "${{ params.version }}"}
  successWhen: response.status == 202 && response.json.id != ""
"#;

    /// Sends the request, unless an earlier claim of an `AtMostOnce` one may have done so.
    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let sending = Sending { http: self, context };
        if context.claims > 1 && self.delivery() == Delivery::AtMostOnce {
            let why = "an earlier claim may have sent it, before it was stopped or lost its answer";
            return Outcome::Failed(sending.unknown_end("Unknown", why, None));
        }
        match sending.send().await {
            Ok(answer) => sending.judge(&answer),
            Err(Unanswered::Wrong(failure)) => Outcome::Failed(failure),
            Err(Unanswered::NotSent(failure)) => Outcome::Failed(sending.not_carried_out(failure)),
            Err(Unanswered::Lost(failure)) => {
                Outcome::Failed(sending.unknown_end(&failure.reason, &failure.message, None))
            }
        }
    }

    /// Reached only when the answer of a claimed request was not recorded: nothing can be looked for.
    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        let why = "it was sent, and its answer was not recorded";
        Outcome::Failed(Sending { http: self, context }.unknown_end("NoAnswer", why, None))
    }
}

/// One request of one step.
struct Sending<'s> {
    http: &'s Http,
    context: &'s StepContext<'s>,
}

impl Sending<'_> {
    async fn send(&self) -> Result<Answer, Unanswered> {
        let Http { method, url, headers, json, body, delivery: _, success_when: _, request_timeout: _ } = self.http;
        let url = http_client::parse_url(url, "url")?;
        let timeout = timeout(self.http)?;
        let StepContext { world, run, key, .. } = self.context;
        let mut headers = Headers::of(headers, *world, &run.namespace).await?;
        headers.set_default("idempotency-key", key)?;
        let body = match (json, body) {
            (Some(_), Some(_)) => return Err(wrong("set at most one of json and body")),
            (Some(json), None) => {
                headers.set_default("content-type", "application/json")?;
                Some(json.to_string().into_bytes())
            }
            (None, Some(body)) => {
                headers.set_default("content-type", "text/plain; charset=utf-8")?;
                Some(body.clone().into_bytes())
            }
            (None, None) => None,
        };
        let method = request_method(*method);
        world.http().send(Request { method, url, headers, body, timeout }).await
    }

    /// What the answer means for the step.
    fn judge(&self, answer: &Answer) -> Outcome {
        let Some(condition) = &self.http.success_when else {
            return if answer.status.is_success() {
                self.succeed(answer)
            } else {
                Outcome::Failed(self.refused(answer))
            };
        };
        // Of an answer that was not read to its end, a condition would see no JSON.
        if !matches!(answer.body, Body::Whole(_)) {
            return self.succeed(answer);
        }
        let scope = self.context.scope.clone().with_owned("response", answer.to_value());
        let answered = || format!("{}{}", self.answered(answer), answer.excerpt());
        match render::condition(condition, "successWhen", &scope) {
            Ok(true) => self.succeed(answer),
            // An answer that asks for another attempt keeps asking for it, whatever the condition says.
            Ok(false) if is_asked_to_wait(answer.status) => Outcome::Failed(self.refused(answer)),
            Ok(false) => {
                let read = explain::values_read(condition, &scope);
                let message = format!("{}; successWhen is false: {condition}{read}", answered());
                Outcome::Failed(Failure::definite("SuccessWhenFalse", message))
            }
            // The condition may well be about what a failing server does not send.
            Err(_) if answer.status.is_server_error() || is_asked_to_wait(answer.status) => {
                Outcome::Failed(self.refused(answer))
            }
            Err(failure) => {
                let message = format!("{}; {}", answered(), failure.message);
                Outcome::Failed(Failure { message, ..failure })
            }
        }
    }

    /// Succeeds with all of the answer, or fails for want of it.
    fn succeed(&self, answer: &Answer) -> Outcome {
        match &answer.body {
            Body::Whole(_) => match answer.to_value() {
                serde_json::Value::Object(outputs) => Outcome::Succeeded(outputs),
                _ => Outcome::Succeeded(serde_json::Map::new()),
            },
            // The reason is the engine's for outputs that do not fit: to people it is the same.
            Body::TooLarge(_, size) => {
                let message = format!("{}: {}", self.answered(answer), too_large(*size));
                Outcome::Failed(Failure::definite("OutputTooLarge", message))
            }
            Body::Broken(why) => {
                let why = format!("{}, and its body broke off: {why}", self.answered(answer));
                Outcome::Failed(self.unknown_end("NoAnswer", &why, None))
            }
        }
    }

    /// The failure of an answer that is no success by its status.
    fn refused(&self, answer: &Answer) -> Failure {
        let Answer { status, .. } = answer;
        let retry_after = answer.header("retry-after").and_then(|text| retry_after(text, self.context.now));
        let message = format!("{}{}{}", self.answered(answer), hint(answer), answer.excerpt());
        if is_asked_to_wait(*status) {
            let failure = self.not_carried_out(Failure::transient("HttpStatus", message));
            return Failure { retry_after, ..failure };
        }
        if status.is_server_error() {
            return self.unknown_end("HttpStatus", &message, retry_after);
        }
        Failure::definite("HttpStatus", message)
    }

    /// The failure of a request that this claim did not bring to effect. An earlier claim of the same key may have, and
    /// then the key has to stay: under another one the other side would not recognise the request.
    fn not_carried_out(&self, failure: Failure) -> Failure {
        failure.with_end(if self.context.claims > 1 { End::Unknown } else { End::Known })
    }

    /// The failure of a request of which nobody knows whether it was carried out.
    fn unknown_end(&self, reason: &str, why: &str, retry_after: Option<SignedDuration>) -> Failure {
        if self.http.delivery() != Delivery::AtMostOnce {
            return Failure { retry_after, ..Failure::transient(reason, why) };
        }
        let Http { method, url, .. } = self.http;
        let what = http_client::parse_url(url, "url").map(|url| describe(&url)).unwrap_or_default();
        let message = format!(
            "{why}. It is not known whether {} {what} was carried out, and `delivery: AtMostOnce` forbids sending it \
             again: look at the other side for Idempotency-Key {} before you start another run; with an endpoint that \
             honours that header, use `delivery: Idempotent`",
            request_method(*method),
            self.context.key,
        );
        Failure::definite("Unknown", message).with_end(End::Unresolved)
    }

    fn answered(&self, answer: &Answer) -> String {
        format!("{} {} answered {}", request_method(self.http.method), answer.at, answer.status)
    }
}

/// Statuses by which a server says that it has not carried out the request and may later: 408, 425 and 429.
fn is_asked_to_wait(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429)
}

/// What to do about a status that is not about the request's content.
fn hint(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        300..=399 => " (redirects are followed for GET and HEAD only; use the address itself)",
        401 => " (the credentials are missing or not accepted; see headers)",
        _ => "",
    }
}

fn request_method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn timeout(http: &Http) -> Result<Duration, Unanswered> {
    let usable = http
        .request_timeout()
        .and_then(|timeout| Duration::try_from(timeout.get()).map_err(|error| format!("is {timeout}: {error}")));
    usable.map_err(|why| wrong(&format!("requestTimeout {why}")))
}

fn wrong(message: &str) -> Unanswered {
    Unanswered::Wrong(Failure::definite("InvalidConfiguration", format!("http: {message}")))
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    let pause = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(i64::from(seconds)),
        Err(_) => {
            let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            until.duration_since(now)
        }
    };
    Some(pause.clamp(SignedDuration::ZERO, MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests;
