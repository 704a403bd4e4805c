//! What happens to a request: the checks in their order, from what costs nothing to what is written.

mod answer;
mod body;
pub(crate) mod component;
mod host;
mod limit;
mod recent;
mod room;
mod secret;
pub(crate) mod signature;
mod status;
#[cfg(test)]
mod tests;
mod troubles;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use kube::{Client, ResourceExt};
use kube_runtime::reflector::{ObjectRef, Store};
use sluice_api::{ComponentReports, Receiver, names};
use sluice_client::guarded::Guarded;

use answer::{Answer, Trouble};
pub use body::MAX_BODY;
use body::{Bodies, PIECE, Whole, check_announced};
use host::About;
use limit::{Counted, Limits};
use recent::Recent;
pub(crate) use secret::Secrets;
use secret::{Closed, FRESH, KEPT};
use signature::{Scheme, Signature};
pub(crate) use status::{Error, reconcile};
use troubles::Troubles;

/// All paths begin with this.
const PREFIX: &str = "/receivers/";

/// When the API server does not answer, a sender comes again after this time.
const LATER: Duration = Duration::from_secs(5);

/// The path at which a Receiver is served.
pub fn address_of(namespace: &str, name: &str) -> String {
    format!("{PREFIX}{namespace}/{name}")
}

/// The Receivers, and what it takes to serve them.
pub(crate) struct Receivers {
    known: Store<Guarded<Receiver>>,
    /// Whether all Receivers are known.
    ready: Arc<AtomicBool>,
    client: Client,
    secrets: Secrets,
    limits: Limits,
    bodies: Bodies,
    recent: Arc<Recent>,
    troubles: Troubles,
}

/// Who reports.
enum Kind<'a> {
    Host(Scheme),
    Component(&'a ComponentReports),
}

impl Receivers {
    pub(crate) fn new(
        known: Store<Guarded<Receiver>>,
        ready: Arc<AtomicBool>,
        client: Client,
        secrets: Secrets,
    ) -> Self {
        let recent = Recent::new(client.clone());
        let (limits, bodies, troubles) = Default::default();
        Self { known, ready, client, secrets, limits, bodies, recent, troubles }
    }

    /// Answers one request.
    pub(crate) fn answer<B>(self: Arc<Self>, request: Request<B>) -> BoxFuture<'static, Response<Full<Bytes>>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let answer = self.take(request).await.unwrap_or_else(|refused| refused);
            tracing::debug!(%path, status = answer.status.as_u16(), body = ?answer.body, "answered");
            answer.into_response()
        })
    }

    /// The order of the checks is the order of their cost to us: nothing of a stranger is read, kept or parsed before it has to be.
    /// Requests are counted once they are proved, as only then it is known whose they are; of those that are not, what costs
    /// something is counted before: long bodies.
    async fn take<B>(&self, request: Request<B>) -> Result<Answer, Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        let (namespace, name) = place_of(head.uri.path()).ok_or_else(|| not_found(head.uri.path()))?;
        if head.method != Method::POST {
            let message = format!("{} is not for receivers: send it with POST", head.method);
            return Err(Answer::refused(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
        if !self.ready.load(Ordering::Relaxed) {
            // A 404 would be final.
            let message = "the server does not know the Receivers yet: send it again later";
            return Err(Answer::later(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", message, LATER));
        }
        let receiver = self.receiver(namespace, name).ok_or_else(|| not_found(head.uri.path()))?;
        let answer = self.serve(&receiver, &head.headers, body).await;
        self.troubles.note(kube::Resource::meta(receiver.as_ref()), &answer);
        answer
    }

    /// The checks for which there has to be a Receiver.
    async fn serve<B>(&self, receiver: &Guarded<Receiver>, headers: &HeaderMap, body: B) -> Result<Answer, Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (receiver, kind, body) = self.signed(receiver, headers, body).await?;
        self.count(receiver, Counted::Signed).map_err(too_many)?;
        match kind {
            Kind::Component(reports) => {
                let report = component::read(&body.bytes)?;
                drop(body);
                component::take(&self.client, receiver, reports, report).await
            }
            Kind::Host(_) => {
                let about = host::read(kind.scheme(), headers, &body.bytes)?;
                drop(body);
                self.hint(receiver, about).await
            }
        }
    }

    /// The body, once it is proved that it is signed.
    async fn signed<'a, B>(
        &self,
        receiver: &'a Guarded<Receiver>,
        headers: &HeaderMap,
        body: B,
    ) -> Result<(&'a Receiver, Kind<'a>, Whole), Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let Ok(receiver) = &receiver.0 else {
            return Err(unavailable("the Receiver cannot be read: its condition Ready says why", "it is malformed"));
        };
        check_announced(headers)?;
        let kind = kind_of(receiver).ok_or_else(|| {
            unavailable("the Receiver is of no kind that is known", "it sets none of them, or several")
        })?;
        let scheme = kind.scheme();
        let signature = scheme.signature(headers).ok_or_else(|| unsigned(scheme))?;
        // While there is none, nothing is read.
        self.secrets.get(receiver, KEPT).await.map_err(|closed| closed_answer(scheme, closed))?;
        let may_be_long = || self.count(receiver, Counted::Long).map_err(too_many_long);
        let body = self.bodies.read(&receiver.uid().unwrap_or_default(), body, may_be_long).await?;
        self.prove(receiver, scheme, &signature, &body.bytes).await?;
        Ok((receiver, kind, body))
    }

    /// Counts one more: `Err` says when there is room again.
    fn count(&self, receiver: &Receiver, what: Counted) -> Result<(), Duration> {
        self.limits.take(&receiver.uid().unwrap_or_default(), receiver.spec.requests_per_minute(), what)
    }

    fn receiver(&self, namespace: &str, name: &str) -> Option<Arc<Guarded<Receiver>>> {
        let found = self.known.get(&ObjectRef::new(name).within(namespace))?;
        let metadata = kube::Resource::meta(found.as_ref());
        metadata.deletion_timestamp.is_none().then_some(found)
    }

    /// Whether the body is signed with the Receiver's secret. Where it is not, the Secret is read again, since it may have been
    /// changed a moment ago: at most every other second, whoever asks.
    async fn prove(
        &self,
        receiver: &Receiver,
        scheme: Scheme,
        signature: &Signature,
        body: &[u8],
    ) -> Result<(), Answer> {
        let closed = |closed| closed_answer(scheme, closed);
        let secret = self.secrets.get(receiver, KEPT).await.map_err(closed)?;
        if signature.is_of(body, &secret) {
            return Ok(());
        }
        let again = self.secrets.get(receiver, FRESH).await.map_err(closed)?;
        if !again.is(&secret) && signature.is_of(body, &again) { Ok(()) } else { Err(unsigned(scheme)) }
    }

    /// Takes a webhook: it is answered with 202 only once the controller can see the hint.
    async fn hint(&self, receiver: &Receiver, about: About) -> Result<Answer, Answer> {
        let keys = match about {
            About::Hints(keys) => keys,
            About::Ping => return Ok(Answer::taken(StatusCode::OK, "pong", None, "the secrets match")),
            About::Nothing => {
                let message = "nothing that a run could wait for has changed";
                return Ok(Answer::taken(StatusCode::OK, "ignored", None, message));
            }
        };
        let message = format!("whoever waits for {} is woken", keys.join(", "));
        let noted = self.recent.note(receiver, keys).await;
        noted.map_err(|error| unavailable("the webhook cannot be passed on", &error.0))?;
        Ok(Answer::taken(StatusCode::ACCEPTED, "accepted", None, &message))
    }

    /// Forgets what is remembered of Receivers that are gone.
    pub(crate) fn forget_others(&self) {
        let there = self.known.state();
        let metadata = || there.iter().map(|receiver| kube::Resource::meta(receiver.as_ref()));
        let uids = metadata().filter_map(|it| it.uid.clone()).collect();
        self.limits.keep_only(&uids);
        self.troubles.keep_only(&uids);
        let specs = metadata().map(|it| (it.uid.clone().unwrap_or_default(), it.generation.unwrap_or_default()));
        self.secrets.keep_only(&specs.collect());
    }
}

impl Kind<'_> {
    fn scheme(&self) -> Scheme {
        match self {
            Self::Host(scheme) => *scheme,
            Self::Component(_) => Scheme::GitHub,
        }
    }
}

/// The schema takes exactly one; of a Receiver that got past it, nothing is guessed.
fn kind_of(receiver: &Receiver) -> Option<Kind<'_>> {
    match (&receiver.spec.github, &receiver.spec.gitea, &receiver.spec.component) {
        (Some(_), None, None) => Some(Kind::Host(Scheme::GitHub)),
        (None, Some(_), None) => Some(Kind::Host(Scheme::Gitea)),
        (None, None, Some(reports)) => Some(Kind::Component(reports)),
        _ => None,
    }
}

/// Namespace and name in a path.
fn place_of(path: &str) -> Option<(&str, &str)> {
    let (namespace, name) = path.strip_prefix(PREFIX)?.split_once('/')?;
    (names::is_object_name(namespace) && names::is_object_name(name)).then_some((namespace, name))
}

fn not_found(path: &str) -> Answer {
    let message = format!("there is no Receiver at {path}: kubectl get receivers shows their paths");
    Answer::refused(StatusCode::NOT_FOUND, "NotFound", message)
}

fn too_many(wait: Duration) -> Answer {
    let message = "the Receiver takes no more requests now: send it again later, or raise spec.maxRequestsPerMinute";
    Answer::later(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message, wait)
}

fn too_many_long(wait: Duration) -> Answer {
    let message = format!(
        "the Receiver takes no more bodies over {} KiB now: send it again later, or raise spec.maxRequestsPerMinute",
        PIECE / 1024
    );
    Answer::later(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message, wait)
}

/// The same for every reason, so that nobody learns which it is.
fn unsigned(scheme: Scheme) -> Answer {
    let message = format!(
        "the body is not signed with the Receiver's secret ({}), or the Receiver has none: its condition Ready says so",
        scheme.help()
    );
    Answer::refused(StatusCode::UNAUTHORIZED, "Unauthorized", message)
}

fn closed_answer(scheme: Scheme, closed: Closed) -> Answer {
    match closed {
        Closed::Because(..) => unsigned(scheme),
        Closed::Unknown(why) => unavailable("the Receiver's secret cannot be read", &why),
    }
}

/// What went wrong is for the log; a stranger is told what there is to do.
fn unavailable(what: &'static str, why: &str) -> Answer {
    let message = format!("{what}: send it again later; the log of the server says more");
    let trouble = Some(Box::new(Trouble { what, why: why.to_owned() }));
    Answer { trouble, ..Answer::later(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", message, LATER) }
}
