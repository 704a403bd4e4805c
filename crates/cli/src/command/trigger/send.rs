//! Sends a report until somebody has stored it, or refuses it for good.

use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::command::verb::Failed;

/// How long one request may take. A server that is killed in the middle of one is asked again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The first pause before the report is sent again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Nobody waits longer, whatever `--timeout` says: more may be more than a clock holds.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One report, ready to be sent.
pub(super) struct Sender {
    http: Client,
    url: Url,
    body: Vec<u8>,
    signature: String,
}

/// A report that is stored.
pub(super) struct Stored {
    /// The ComponentUpdate.
    pub(super) name: String,
    pub(super) was_known: bool,
    /// All that the server said.
    pub(super) answer: Value,
}

/// Why a request brought nothing.
enum Refused {
    /// The same would be refused again.
    Final(String),
    /// It may be taken later, and when that is, if the server says so.
    ForNow(String, Option<Duration>),
}

impl Sender {
    pub(super) fn new(url: Url, body: Vec<u8>, signature: String) -> Result<Self, Failed> {
        let http = Client::builder().timeout(REQUEST_TIMEOUT).redirect(Policy::none()).build();
        let http = http.context("failed to make an HTTP client").map_err(Failed::Print)?;
        Ok(Self { http, url, body, signature })
    }

    /// Sends it again and again, with the same id, until it is stored, refused for good, or the time is over.
    pub(super) async fn send(&self, within: SignedDuration) -> Result<Stored, String> {
        let until = Instant::now() + within.unsigned_abs().min(LONGEST);
        let mut pause = PAUSES.0;
        let mut last = "the server has not answered".to_owned();
        loop {
            match timeout_at(until, self.once()).await {
                Ok(Ok(stored)) => return Ok(stored),
                Ok(Err(Refused::Final(why))) => return Err(why),
                Ok(Err(Refused::ForNow(why, after))) => {
                    last = why;
                    let pause_now = after.unwrap_or(pause);
                    pause = (pause * 2).min(PAUSES.1);
                    if is_over_before(pause_now, until) {
                        sleep(pause_now).await;
                        continue;
                    }
                }
                Err(_) => {}
            }
            return Err(format!(
                "the report is not stored, as far as is known: {last}; give the same command again, which reports nothing twice, or a longer --timeout"
            ));
        }
    }

    async fn once(&self) -> Result<Stored, Refused> {
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header(sluice_server::COMPONENT_HEADER, &self.signature).body(self.body.clone());
        let answer = request.send().await.map_err(|error| match is_plain(&error) {
            true => Refused::Final(format!("what answers at {} speaks no TLS: is it http://?", self.url)),
            false => Refused::ForNow(unanswered(&error), None),
        })?;
        let status = answer.status();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (location, after) = (header(LOCATION), header(RETRY_AFTER).and_then(|text| text.parse().ok()));
        let text = answer.text().await.map_err(|error| Refused::ForNow(unanswered(&error), None))?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let name = answer["name"].as_str().unwrap_or_default().to_owned();
        if status == StatusCode::ACCEPTED && !name.is_empty() {
            return Ok(Stored { name, was_known: answer["status"] == "known", answer });
        }
        let said = match answer["message"].as_str() {
            Some(message) => format!("{status}: {message}"),
            None => format!("{status}, which is no answer of sluice server: is {} a Receiver's URL?", self.url),
        };
        Err(match location {
            Some(location) if status.is_redirection() => {
                Refused::Final(format!("the server sends it on to {location}: use the URL that answers itself"))
            }
            _ if may_pass(status) => Refused::ForNow(said, after.map(Duration::from_secs)),
            _ => Refused::Final(said),
        })
    }
}

/// A server may ask for any pause.
fn is_over_before(pause: Duration, until: Instant) -> bool {
    Instant::now().checked_add(pause).is_some_and(|over| over < until)
}

fn may_pass(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) || status.is_server_error()
}

/// Whether the answer to TLS is something else, such as plain HTTP.
fn is_plain(error: &reqwest::Error) -> bool {
    let mut causes = std::iter::successors(std::error::Error::source(error), |&cause| cause_of(cause));
    causes.any(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidMessage(_))))
}

/// The cause of an error. What an I/O error wraps is not its source.
fn cause_of<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e (dyn std::error::Error + 'static)> {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
}

/// Why there was no answer, without what would only repeat it.
fn unanswered(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |&cause| cause.source());
    let cause = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    format!("the server does not answer: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tls_where_none_is_spoken_is_no_reason_to_wait() {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            connection
        };
        let url: Url = format!("https://{address}/receivers/shop/ci").parse().unwrap();
        let sender = Sender::new(url.clone(), Vec::new(), String::new()).ok().unwrap();
        let (refused, _connection) = tokio::join!(sender.send(SignedDuration::from_secs(5)), answer);
        assert_eq!(refused.err().unwrap(), format!("what answers at {url} speaks no TLS: is it http://?"));
    }

    #[test]
    fn a_pause_may_be_of_any_length() {
        let until = Instant::now() + LONGEST;
        assert!(is_over_before(Duration::from_secs(60), until));
        for pause in [LONGEST * 2, Duration::from_secs(u64::MAX), Duration::MAX] {
            assert!(!is_over_before(pause, until));
        }
    }
}
