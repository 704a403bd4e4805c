//! HTTP for steps: what may be dialled, how much is read, for how long, and what is followed.
//!
//! Steps are written by the people whom the operator serves and run in its network. So a request reaches no closed address
//! (see [`addresses`]), its answer is bounded in bytes and time, and what came from a Secret goes to the origin it was
//! written for and nowhere else: not to where that redirects, not into messages, not into outputs.

mod addresses;
mod answer;
mod headers;
mod unanswered;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use reqwest::{
    Method, Response, StatusCode,
    dns::Resolve,
    header::{HeaderMap, LOCATION},
    redirect::Policy,
};
use sluice_engine::Failure;
use tokio::time::Instant;
use url::Url;

use crate::text::cut;

use addresses::{Addresses, OpenAddressResolver, SystemResolver};

pub(crate) use answer::{Answer, Body, too_large};
pub(crate) use headers::Headers;
pub(crate) use unanswered::Unanswered;

/// How long a request may take unless it says.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
const USER_AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

/// An HTTP client that reaches neither loopback nor link-local addresses unless it was told to.
///
/// Proxies of the environment are not used: a proxy would dial for the client, and the check of addresses would judge
/// the proxy's address instead of the one that is reached.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    addresses: Addresses,
}

/// One request of a step.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
}

impl HttpClient {
    /// A client that may also dial these otherwise closed networks.
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, reqwest::Error> {
        Self::with_resolver(allowed, Arc::new(SystemResolver))
    }

    fn with_resolver(allowed: Vec<IpNet>, resolver: Arc<dyn Resolve>) -> Result<Self, reqwest::Error> {
        let addresses = Addresses::new(allowed);
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            // Shorter than servers keep a connection: one that closes under a request leaves its end unknown.
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(OpenAddressResolver { addresses: addresses.clone(), resolver }))
            .build()?;
        Ok(Self { client, addresses })
    }

    /// The client itself, for requests to the server at this URL, as git hosts make them. It follows no redirects and
    /// resolves no name to a closed address; a URL whose host is itself one is a definite failure.
    pub fn client_for(&self, url: &Url) -> Result<&reqwest::Client, Failure> {
        self.addresses.check(url).map_err(|closed| Failure::definite("AddressForbidden", closed.to_string()))?;
        Ok(&self.client)
    }

    /// Sends a request and reads its answer. GET and HEAD follow redirects, each judged like the first address; for other
    /// methods a redirect is an answer like any other, for it would be sent twice.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Unanswered> {
        let deadline = Instant::now() + request.timeout;
        let mut at = describe(&request.url);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&request, &format!("{} {at}", request.method), deadline).await?;
            let Some(target) = redirect(&request, &at, response.status(), response.headers())? else {
                return Ok(Answer::read(response, at, request.headers.into_redaction()).await);
            };
            if target.origin() != request.url.origin() {
                request.headers.leave_origin();
            }
            at = describe_target(&target);
            request.url = target;
        }
        let message = format!("{at}: more than {MAX_REDIRECTS} redirects");
        Err(Unanswered::Wrong(Failure::definite("TooManyRedirects", message)))
    }

    async fn send_once(&self, request: &Request, what: &str, deadline: Instant) -> Result<Response, Unanswered> {
        let Request { method, url, headers, body, timeout: _ } = request;
        self.addresses.check(url).map_err(|closed| Unanswered::closed(what, &closed))?;
        let mut builder = self.client.request(method.clone(), url.clone()).headers(headers.map().clone());
        if let Some(body) = body {
            builder = builder.body(body.clone());
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        builder.timeout(remaining).send().await.map_err(|error| Unanswered::of(what, error))
    }
}

/// Where a followed redirect leads; `None` when the answer, which came from `at`, is no redirect to follow.
fn redirect(request: &Request, at: &str, status: StatusCode, headers: &HeaderMap) -> Result<Option<Url>, Unanswered> {
    let follows = matches!(request.method, Method::GET | Method::HEAD);
    if !follows || !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let refused = |why: &str| {
        let message = format!("{at}: the redirect is not followed: {why}");
        Unanswered::Wrong(Failure::definite("RedirectRefused", message))
    };
    let location = location.to_str().map_err(|_| refused("its Location is no text"))?;
    let target = request.url.join(location).map_err(|error| refused(&format!("its Location is no URL: {error}")))?;
    match (request.url.scheme(), target.scheme()) {
        ("https", "http") => Err(refused("it leads from https to http")),
        (_, "http" | "https") => Ok(Some(target)),
        (_, scheme) => Err(refused(&format!("it leads to {scheme}, neither http nor https"))),
    }
}

/// Reads a URL of a configuration; a definite failure when it is none to send requests to.
pub(crate) fn parse_url(text: &str, field: &str) -> Result<Url, Unanswered> {
    let invalid = |why: String| {
        let shown = cut(&without_credentials(text), 200);
        Unanswered::Wrong(Failure::definite("InvalidUrl", format!("{field}: {shown:?} is no URL to send to: {why}")))
    };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it has to start with http:// or https://".to_owned()));
    }
    Ok(url)
}

/// A URL for messages: without user name, password and fragment, and cut.
pub(crate) fn describe(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither can fail: both fail only on URLs without a host, and http has one.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    cut(shown.as_str(), 300)
}

/// The same of a URL that a server named: also without its query, which may be a signature.
fn describe_target(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    describe(&shown)
}

/// A text that should have been a URL, without what looks like user name and password.
fn without_credentials(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
