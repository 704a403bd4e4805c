//! Passing a request on, and the answer back.

use anyhow::{Context, Result};
use futures::TryStreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONNECTION, HOST, HeaderMap, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

/// The answer to a caller.
pub(super) type Answer = Response<BoxBody<Bytes, reqwest::Error>>;

/// Where requests go.
#[derive(Clone)]
pub(super) struct Upstream {
    pub(super) name: String,
    url: String,
    client: reqwest::Client,
}

impl Upstream {
    pub(super) fn new(name: &str, url: &str, ca: Option<&str>) -> Result<Self> {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        // A connection a request: what happens to one has no effect on another. And nothing is ever sent twice.
        let mut client = reqwest::Client::builder().http1_only().no_proxy().redirect(reqwest::redirect::Policy::none());
        client = client.retry(reqwest::retry::never());
        if let Some(ca) = ca {
            client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(ca.as_bytes())?);
        }
        Ok(Self { name: name.to_owned(), url: url.trim_end_matches('/').to_owned(), client: client.build()? })
    }

    /// Sends the request and returns the answer, its body still streaming.
    pub(super) async fn send(&self, parts: &Parts, body: Bytes) -> Result<Answer> {
        let path = parts.uri.path_and_query().context("a request without a path")?;
        let mut headers = end_to_end(&parts.headers);
        headers.remove(HOST);
        let request = self.client.request(parts.method.clone(), format!("{}{path}", self.url)).headers(headers);
        let answer = request.body(body).send().await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = end_to_end(answer.headers());
        }
        let stream = StreamBody::new(answer.bytes_stream().map_ok(Frame::data));
        Ok(response.body(BodyExt::boxed(stream))?)
    }
}

/// Reads the rest of an answer, so that it can be returned at one go.
pub(super) async fn whole(answer: Answer) -> Result<Answer> {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, full(body)))
}

/// An answer of our own.
pub(super) fn own(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(full(text.into()));
    *answer.status_mut() = status;
    answer
}

fn full(body: Bytes) -> BoxBody<Bytes, reqwest::Error> {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// The headers that are meant for the other end (RFC 9110, 7.6.1).
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers
}
