//! The source `prometheus`: an instant query.
//!
//! A `value` is always a CEL double, so that arithmetic on it needs no conversion. It is null where Prometheus has no
//! number: no series at all, NaN (a rate over no traffic) and the infinities, which JSON cannot hold. A check that does not
//! expect null then fails with an error instead of passing: write `q.value != null && q.value < 0.01`.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sluice_api::step::PrometheusSource;
use sluice_engine::Failure;
use url::{Url, form_urlencoded};

use super::{NoValue, http::whole};
use crate::{
    StepContext,
    http_client::{self, Answer, Headers, Request, describe},
    text::cut,
};

/// Longer URLs are refused by some proxies: the query then goes into the body.
const MAX_URL: usize = 2000;

/// `value` of the first series, and `series`.
pub(super) async fn measure(source: &PrometheusSource, context: &StepContext<'_>) -> Result<Value, NoValue> {
    let PrometheusSource { url, query, headers } = source;
    let base = http_client::parse_url(url, "url")?;
    let headers = Headers::of(headers, context.world, &context.run.namespace).await?;
    let request = request(&base, query, headers)?;
    let answer = context.world.http().send(request).await?;
    read(&answer, &base, query)
}

/// A GET request, which needs the least rights of a proxy in front; a form where the query is too long for one.
fn request(base: &Url, query: &str, mut headers: Headers) -> Result<Request, NoValue> {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", "query"]);
    }
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
    let timeout = http_client::TIMEOUT;
    if url.as_str().len() + form.len() > MAX_URL {
        headers.set_default("content-type", "application/x-www-form-urlencoded")?;
        return Ok(Request { method: Method::POST, url, headers, body: Some(form.into_bytes()), timeout });
    }
    url.query_pairs_mut().append_pair("query", query);
    Ok(Request { method: Method::GET, url, headers, body: None, timeout })
}

/// What Prometheus answers, whatever the status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reply {
    status: String,
    data: Data,
    error_type: String,
    error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Series {
    metric: Map<String, Value>,
    /// The time and the number as text; absent in a series of histograms.
    value: Option<(f64, String)>,
}

fn read(answer: &Answer, base: &Url, query: &str) -> Result<Value, NoValue> {
    let at = format!("Prometheus at {}", describe(base));
    let failed = |message: String| Failure::transient("PrometheusError", message);
    whole(answer)?;
    let reply = answer.json().and_then(|json| serde_json::from_value::<Reply>(json).ok());
    let Some(reply) = reply.filter(|reply| !reply.status.is_empty()) else {
        let message = format!("{at} answered {}, and not as Prometheus does{}", answer.status, answer.excerpt());
        return Err(NoValue::Now(failed(message)));
    };
    let Reply { status, data, error_type, error } = reply;
    if status != "success" {
        let failure = failed(format!("{at}: {error_type}: {}; the query is {}", cut(&error, 300), cut(query, 200)));
        // A query that Prometheus cannot parse stays one.
        return Err(if error_type == "bad_data" {
            NoValue::Ever(Failure::definite(failure.reason, failure.message))
        } else {
            NoValue::Now(failure)
        });
    }
    value(data).map_err(|why| {
        let message = format!("{at}: {why}; the query is {}", cut(query, 200));
        NoValue::Ever(Failure::definite("PrometheusError", message))
    })
}

fn value(data: Data) -> Result<Value, String> {
    let Data { result_type, result } = data;
    let misshapen = |error: serde_json::Error| format!("a {result_type} of an unknown shape: {error}");
    let series: Vec<(Map<String, Value>, Value)> = match result_type.as_str() {
        "vector" => {
            let series: Vec<Series> = serde_json::from_value(result).map_err(misshapen)?;
            series.into_iter().map(|Series { metric, value }| (metric, value.map_or(Value::Null, number))).collect()
        }
        "scalar" => vec![(Map::new(), number(serde_json::from_value(result).map_err(misshapen)?))],
        other => {
            let remedy = "let it yield one number a series, for example with an aggregation over time";
            return Err(format!("the query yields a {other}, not a vector or a scalar; {remedy}"));
        }
    };
    let first = series.first().map_or(Value::Null, |(_, value)| value.clone());
    let series: Vec<Value> =
        series.into_iter().map(|(labels, value)| json!({"labels": labels, "value": value})).collect();
    Ok(json!({"value": first, "series": series}))
}

/// The number of a sample; null for NaN and the infinities.
fn number((_, text): (f64, String)) -> Value {
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map_or(Value::Null, Value::from)
}
