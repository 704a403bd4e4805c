//! Measures sources: what `validate` and `waitFor` look at.

mod file;
mod http;
mod prometheus;

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sluice_api::step::{Source, Sources};
use sluice_engine::Failure;
use sluice_expr::Scope;

use crate::{StepContext, http_client::Unanswered, resource};

/// Why a source has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// It may have one later.
    Now(Failure),
    /// The configuration is wrong: asking again gives the same.
    Ever(Failure),
}

impl NoValue {
    /// The failure itself.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Now(failure) | Self::Ever(failure) => failure,
        }
    }

    /// The same, said of the source of this name.
    fn of_source(self, name: &str) -> Self {
        let named = |failure: Failure| Failure { message: format!("source {name}: {}", failure.message), ..failure };
        match self {
            Self::Now(failure) => Self::Now(named(failure)),
            Self::Ever(failure) => Self::Ever(named(failure)),
        }
    }
}

impl From<Failure> for NoValue {
    fn from(failure: Failure) -> Self {
        if failure.transient { Self::Now(failure) } else { Self::Ever(failure) }
    }
}

impl From<Unanswered> for NoValue {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Wrong(failure) => Self::Ever(failure),
            Unanswered::NotSent(failure) | Unanswered::Lost(failure) => Self::Now(failure),
        }
    }
}

/// The values of all sources, measured at the same time; the first failure when one has no value, a final one before any
/// other.
pub(crate) async fn measure(sources: &Sources, context: &StepContext<'_>) -> Result<Map<String, Value>, NoValue> {
    let measured =
        join_all(sources.iter().map(async |(name, source)| (name, measure_one(source, context).await))).await;
    let mut values = Map::new();
    let mut failed = None;
    for (name, result) in measured {
        match result.map_err(|error| error.of_source(name)) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(error @ NoValue::Ever(_)) => return Err(error),
            Err(error @ NoValue::Now(_)) => {
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(values), Err)
}

async fn measure_one(source: &Source, context: &StepContext<'_>) -> Result<Value, NoValue> {
    match source {
        Source { http: Some(source), prometheus: None, resource: None, file: None } => {
            http::measure(source, context).await
        }
        Source { http: None, prometheus: Some(source), resource: None, file: None } => {
            prometheus::measure(source, context).await
        }
        Source { http: None, prometheus: None, resource: Some(source), file: None } => {
            resource::read(source, context).await.map(Value::Object)
        }
        Source { http: None, prometheus: None, resource: None, file: Some(source) } => {
            file::measure(source, context).await
        }
        _ => {
            let message = "set exactly one source: http, prometheus, resource, file";
            Err(NoValue::Ever(Failure::definite("InvalidConfiguration", message)))
        }
    }
}

/// What expressions over sources see.
pub(crate) fn scope<'a>(context: &StepContext<'a>, values: &Map<String, Value>) -> Scope<'a> {
    let scope = context.scope.clone();
    values.iter().fold(scope, |scope, (name, value)| scope.with_owned(name.clone(), value.clone()))
}

/// When the next measurement is due after one that started at `now` and took this long: the interval is the pause between
/// the end of one and the start of the next.
pub(crate) fn next(now: Timestamp, took: Duration, interval: sluice_api::Duration) -> Timestamp {
    let took = SignedDuration::try_from(took).unwrap_or(SignedDuration::ZERO);
    now.checked_add(took.saturating_add(interval.get())).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
