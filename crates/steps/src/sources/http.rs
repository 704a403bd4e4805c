//! The source `http`: a GET request.

use reqwest::Method;
use serde_json::Value;
use sluice_api::step::HttpSource;
use sluice_engine::Failure;

use super::NoValue;
use crate::{
    StepContext,
    http_client::{self, Answer, Body, Headers, Request, too_large},
};

/// `status`, `json` and `headers` of the answer; an error unless its status is 2xx.
pub(super) async fn measure(source: &HttpSource, context: &StepContext<'_>) -> Result<Value, NoValue> {
    let HttpSource { url, headers } = source;
    let url = http_client::parse_url(url, "url")?;
    let headers = Headers::of(headers, context.world, &context.run.namespace).await?;
    let request = Request { method: Method::GET, url, headers, body: None, timeout: http_client::TIMEOUT };
    let answer = context.world.http().send(request).await?;
    if !answer.status.is_success() {
        let message = format!("GET {} answered {}{}", answer.at, answer.status, answer.excerpt());
        return Err(NoValue::Now(Failure::transient("HttpStatus", message)));
    }
    whole(&answer)?;
    Ok(answer.to_value())
}

/// An error unless all of the answer's body was read.
pub(super) fn whole(answer: &Answer) -> Result<(), NoValue> {
    let at = &answer.at;
    match &answer.body {
        Body::Whole(_) => Ok(()),
        Body::TooLarge(_, size) => {
            let message = format!("{at}: {}", too_large(*size));
            Err(NoValue::Ever(Failure::definite("ResponseTooLarge", message)))
        }
        Body::Broken(why) => {
            Err(NoValue::Now(Failure::transient("NoAnswer", format!("{at}: the answer broke off: {why}"))))
        }
    }
}
