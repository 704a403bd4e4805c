//! One connection of the process under test.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::forward::{self, Answer, Upstream};
use super::gate::{Entry, Fault};
use super::{Position, Shared, Write, write};

/// Serves a connection until it ends or its process is killed.
pub(super) async fn serve(shared: Arc<Shared>, upstream: Upstream, stream: TcpStream) {
    let mut deaths = shared.deaths.subscribe();
    let life = *deaths.borrow_and_update();
    let mut broken_off = shared.lost.times.subscribe();
    let kill_at_end = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let connection =
            Connection { shared: shared.clone(), upstream: upstream.clone(), life, kill_at_end: kill_at_end.clone() };
        async move { connection.answer(request).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // How a connection ends is its caller's business.
        _ = connection => {}
        // Dropped, not shut down: the answers that are still due are never given.
        _ = deaths.changed() => {}
        _ = broken_off.changed() => {}
    }
    if kill_at_end.load(Ordering::SeqCst) {
        shared.kill();
    }
}

struct Connection {
    shared: Arc<Shared>,
    upstream: Upstream,
    life: u64,
    /// The answer now under way is the last thing the process gets.
    kill_at_end: Arc<AtomicBool>,
}

impl Connection {
    async fn answer(self, request: Request<Incoming>) -> Result<Answer> {
        let path = request.uri().path().to_owned();
        let counts = (self.shared.gate().counts)(request.method(), &path);
        let (parts, body) = write::read(request).await?;
        if counts {
            // A task of its own: a write that was sent is carried out even when its sender dies.
            return match tokio::spawn(self.write(parts, body)).await?? {
                Some(answer) => Ok(answer),
                // Until the connection is dropped.
                None => match std::future::pending::<Infallible>().await {},
            };
        }
        if let Some(answer) = self.shared.lost.hold(&parts).await {
            return Ok(answer);
        }
        Ok(self.upstream.send(&parts, body).await.unwrap_or_else(bad_gateway))
    }

    /// Passes a write on, or does to it what was ordered; no answer for a sender that is dead or about to be.
    async fn write(self, parts: Parts, body: Bytes) -> Result<Option<Answer>> {
        let entry = self.shared.gate().enter(Write::new(&self.upstream.name, &parts, body.clone()), self.life);
        let (number, fault) = match entry {
            Entry::Pass(number, fault) => (number, fault),
            Entry::Refuse => return Ok(None),
        };
        if let Some((Position::Before, fault)) = fault {
            return self.strike(fault);
        }
        let answer = {
            let _passing = self.shared.passing.read().await;
            self.send_and_read(&parts, body).await
        };
        if let Ok(answer) = &answer {
            self.shared.gate().answered(number, answer.status());
        }
        match fault {
            None => Ok(Some(answer.unwrap_or_else(bad_gateway))),
            Some((Position::AfterAnswered, Fault::Kill(kill))) => {
                self.shared.condemn(kill);
                let mut answer = answer.unwrap_or_else(bad_gateway);
                // The connection ends when the answer is written, and the process with it.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                self.kill_at_end.store(true, Ordering::SeqCst);
                Ok(Some(answer))
            }
            Some((_, fault)) => self.strike(fault),
        }
    }

    /// All of the answer: only a complete one proves that the write was carried out.
    async fn send_and_read(&self, parts: &Parts, body: Bytes) -> Result<Answer> {
        forward::whole(self.upstream.send(parts, body).await?).await
    }

    /// The fault takes the place of the answer.
    fn strike(&self, fault: Fault) -> Result<Option<Answer>> {
        match fault {
            Fault::Kill(kill) => {
                self.shared.condemn(kill);
                self.shared.kill();
                Ok(None)
            }
            Fault::Answer(status) => Ok(Some(forward::own(status, kubernetes_status(status)))),
        }
    }
}

fn bad_gateway(error: anyhow::Error) -> Answer {
    forward::own(StatusCode::BAD_GATEWAY, format!("{error:#}"))
}

/// Kubernetes clients expect a Status; others do not mind.
fn kubernetes_status(status: StatusCode) -> String {
    let reason = match status {
        StatusCode::CONFLICT => "Conflict",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::GATEWAY_TIMEOUT => "Timeout",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalError",
    };
    let message = "a fault of the test";
    serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": status.as_u16(),
    })
    .to_string()
}
