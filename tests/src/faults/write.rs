//! What counts as a write.

use std::fmt;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::Value;

/// A write that reached the proxy.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its number, from 1, over all upstreams.
    pub number: usize,
    /// The name of the upstream it was for.
    pub upstream: String,
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub path: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// Whom the caller impersonated.
    pub impersonated: Option<String>,
    /// The content type of the body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// What upstream answered; `None` while it has not, or when the write was not passed on.
    pub status: Option<u16>,
}

impl Write {
    pub(super) fn new(upstream: &str, parts: &Parts, body: Bytes) -> Self {
        let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
        Self {
            number: 0,
            upstream: upstream.to_owned(),
            method: parts.method.clone(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            idempotency_key: header("idempotency-key"),
            impersonated: header("impersonate-user"),
            content_type: header(CONTENT_TYPE.as_str()),
            body,
            status: None,
        }
    }

    /// The body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The object whose status this patches: its path, without `/status` and the query.
    pub fn patched_status_of(&self) -> Option<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        if self.method == Method::PATCH { path.strip_suffix("/status") } else { None }
    }
}

/// One line, for messages of failing tests.
impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, upstream, method, path, status, body, .. } = self;
        let status = status.map_or_else(|| "unanswered".to_owned(), |status| status.to_string());
        write!(f, "{number}: {upstream} {method} {path} ({} bytes) -> {status}", body.len())
    }
}

/// Is it an effect that a crash could lose or repeat? Events, Leases, tokens and the reviews that only ask are not; nor are the statuses of
/// Pipelines, which are written behind the runs, for several of them at once.
pub fn is_effect(method: &Method, path: &str) -> bool {
    let asks = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let groups = [
        "/apis/events.k8s.io/",
        "/apis/coordination.k8s.io/",
        "/apis/authorization.k8s.io/",
        "/apis/authentication.k8s.io/",
    ];
    let path = path.split('?').next().unwrap_or_default();
    let core = path.strip_prefix("/api/v1/namespaces/").unwrap_or_default();
    let mut segments = core.split('/').skip(1);
    let core_noise =
        matches!((segments.next(), segments.nth(1)), (Some("events"), _) | (Some("serviceaccounts"), Some("token")));
    let is_summary = path.starts_with("/apis/sluice.dev/") && path.contains("/pipelines/") && path.ends_with("/status");
    !asks && !core_noise && !is_summary && !groups.iter().any(|group| path.starts_with(group))
}

/// Takes a request apart and reads all of its body.
pub(super) async fn read(request: Request<Incoming>) -> Result<(Parts, Bytes), hyper::Error> {
    let (parts, body) = request.into_parts();
    Ok((parts, body.collect().await?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_told_from_noise() {
        let check =
            |method: Method, path: &str, expected: bool| assert_eq!(is_effect(&method, path), expected, "{path}");
        check(Method::PATCH, "/apis/sluice.dev/v1alpha1/namespaces/shop/pipelineruns/a/status?x=y", true);
        check(Method::PATCH, "/apis/sluice.dev/v1alpha1/namespaces/shop/pipelines/a/status?x=y", false);
        check(Method::POST, "/api/v1/namespaces/shop/configmaps", true);
        check(Method::POST, "/api/v1/repos/shop/gitops/pulls", true);
        check(Method::GET, "/api/v1/namespaces/shop/configmaps", false);
        check(Method::POST, "/api/v1/namespaces/shop/events", false);
        check(Method::PATCH, "/apis/events.k8s.io/v1/namespaces/shop/events/a", false);
        check(Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/shop/leases/a", false);
        check(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false);
        check(Method::POST, "/api/v1/namespaces/shop/serviceaccounts/deployer/token", false);
        check(Method::POST, "/api/v1/namespaces/shop/serviceaccounts", true);
    }
}
