//! `status.recent`: what git hosts spoke of, for the controller to see. It is written before the host is answered; what comes
//! within a moment is one write.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::{Api, Client, ResourceExt};
use sluice_api::{Hint, Receiver, ReceiverStatus, names};
use sluice_client::{
    causes::in_one_line,
    patch::{self, Place, Version},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

/// How many hints a Receiver's status holds, as its schema has it.
const LIMIT: usize = 64;

/// What comes within this time goes into one write. Nobody notices that a run is woken so much later.
const COLLECT: Duration = Duration::from_millis(50);

/// How often a write is made again that others came before.
const ATTEMPTS: u32 = 10;

/// How long an API server that is away is left alone.
const AWAY: Duration = Duration::from_millis(500);

/// How long it is tried in all: GitHub waits ten seconds for an answer.
const WITHIN: Duration = Duration::from_secs(9);

/// Where in a Receiver its status is.
pub(super) const STATUS: Place<'static> = Place { subresource: "/status", pointer: "/status" };

/// Why a hint is not there.
#[derive(Clone, Debug)]
pub(crate) struct NotNoted(pub(crate) String);

/// Hints of one Receiver that are to be written.
#[derive(Default)]
struct Batch {
    keys: Vec<String>,
    told: Vec<oneshot::Sender<Result<(), NotNoted>>>,
}

/// Namespace, name and UID of a Receiver.
type ReceiverId = (String, String, String);

/// Writes hints. There is one writer for each Receiver that has any.
pub(crate) struct Recent {
    client: Client,
    waiting: Mutex<HashMap<ReceiverId, Batch>>,
}

impl Recent {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client, waiting: Mutex::default() })
    }

    /// Writes hints, and returns once they are there.
    pub(crate) async fn note(self: &Arc<Self>, receiver: &Receiver, keys: Vec<String>) -> Result<(), NotNoted> {
        let id = (receiver.namespace().unwrap_or_default(), receiver.name_any(), receiver.uid().unwrap_or_default());
        let (tell, told) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = !waiting.contains_key(&id);
            let batch = waiting.entry(id.clone()).or_default();
            batch.told.push(tell);
            batch.keys.extend(keys);
            is_first
        };
        if is_first {
            tokio::spawn(self.clone().write(id));
        }
        told.await.unwrap_or_else(|_| Err(NotNoted("the server is stopping".to_owned())))
    }

    /// Writes the hints of one Receiver until there are no more.
    async fn write(self: Arc<Self>, id: ReceiverId) {
        loop {
            sleep(COLLECT).await;
            let Some(Batch { keys, told }) = self.take(&id) else { return };
            let mut outcome = Ok(());
            // More at once would push each other out before anybody sees them.
            for keys in keys.chunks(LIMIT) {
                let put = timeout(WITHIN, self.put(&id, keys)).await;
                let away = || Err(NotNoted("the API server does not answer".to_owned()));
                outcome = outcome.and(put.unwrap_or_else(|_| away()));
            }
            for tell in told {
                // Who does not wait any more need not know.
                let _ = tell.send(outcome.clone());
            }
        }
    }

    /// What waits by now. With nothing, the writer ends: the next hint starts another one.
    fn take(&self, id: &ReceiverId) -> Option<Batch> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.get_mut(id).map(std::mem::take).filter(|batch| !batch.told.is_empty());
        if batch.is_none() {
            waiting.remove(id);
        }
        batch
    }

    /// Writes these hints, also where others write at the same time, or the API server is away for a moment: a git host does not
    /// send again what was not taken.
    async fn put(&self, id: &ReceiverId, keys: &[String]) -> Result<(), NotNoted> {
        let mut last = None;
        for attempt in 1..=ATTEMPTS {
            match self.put_once(id, keys).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(NotNoted("the Receiver is gone".to_owned())),
                Err(kube::Error::Api(refusal)) if refusal.code == 409 => sleep(COLLECT * attempt / 4).await,
                Err(error) if may_pass(&error) => {
                    last = Some(error);
                    sleep(AWAY).await;
                }
                Err(error) => return Err(NotNoted(in_one_line(&error))),
            }
        }
        let contended = "others write the Receiver's status all the time".to_owned();
        Err(NotNoted(last.map_or(contended, |error| in_one_line(&error))))
    }

    /// Whether there is still such a Receiver.
    async fn put_once(&self, (namespace, name, uid): &ReceiverId, keys: &[String]) -> Result<bool, kube::Error> {
        let receivers: Api<Receiver> = Api::namespaced(self.client.clone(), namespace);
        let found = receivers.get_opt(name).await?;
        let Some(found) = found.filter(|found| found.metadata.uid.as_ref() == Some(uid)) else { return Ok(false) };
        let resource_version = found.resource_version().unwrap_or_default();
        let version = Version { namespace, name, resource_version: &resource_version };
        let status = with(found.status.unwrap_or_default(), keys, Timestamp::now());
        patch::set::<Receiver>(&self.client, names::SERVER_FIELD_MANAGER, version, STATUS, &status).await?;
        Ok(true)
    }
}

/// Whether the same may go well a moment later.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(refusal) => refusal.code == 429 || refusal.code >= 500,
        kube::Error::SerdeError(_) => false,
        _ => true,
    }
}

/// The status with these hints at the front, the newest first.
fn with(mut status: ReceiverStatus, keys: &[String], at: Timestamp) -> ReceiverStatus {
    let mut recent: Vec<Hint> = Vec::new();
    let new = keys.iter().rev().map(|key| Hint { key: key.clone(), at });
    for hint in new.chain(status.recent) {
        if recent.len() < LIMIT && !recent.iter().any(|known| known.key == hint.key) {
            recent.push(hint);
        }
    }
    status.recent = recent;
    status
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use serde_json::json;

    use super::*;

    /// A stand-in for the API server that is away for the first requests.
    fn away_for(requests: usize) -> (Client, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let answer = move |_: Request<kube::client::Body>| {
            let is_away = count.fetch_add(1, Ordering::Relaxed) < requests;
            let receiver = json!({
                "apiVersion": "sluice.dev/v1alpha1", "kind": "Receiver",
                "metadata": {"namespace": "shop", "name": "host", "uid": "u", "resourceVersion": "1"},
                "spec": {"gitea": {}, "serviceAccountName": "receiver", "secretRef": {"name": "host"}},
            });
            let refusal = json!({"kind": "Status", "status": "Failure", "code": 503, "message": "away", "reason": ""});
            let (code, body) = if is_away { (503, refusal) } else { (200, receiver) };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            std::future::ready(Response::builder().status(code).body(body))
        };
        (Client::new(tower::service_fn(answer), "shop"), asked)
    }

    fn host(uid: &str) -> Receiver {
        let mut receiver = Receiver::new("host", sluice_api::ReceiverSpec::default());
        (receiver.metadata.namespace, receiver.metadata.uid) = (Some("shop".to_owned()), Some(uid.to_owned()));
        receiver
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_outlasts_an_api_server_that_is_away_for_a_moment() {
        let (client, asked) = away_for(3);
        Recent::new(client).note(&host("u"), vec!["a".to_owned()]).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 5, "three in vain, one read, one write");
        let (client, _) = away_for(100);
        assert!(Recent::new(client).note(&host("u"), vec!["a".to_owned()]).await.unwrap_err().0.contains("away"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_for_a_receiver_that_was_made_anew_is_not_written() {
        let (client, asked) = away_for(0);
        assert!(Recent::new(client).note(&host("before"), vec!["a".to_owned()]).await.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn keys(status: &ReceiverStatus) -> Vec<(&str, i64)> {
        status.recent.iter().map(|hint| (&*hint.key, hint.at.as_second())).collect()
    }

    #[test]
    fn the_newest_hint_is_the_first_and_each_is_there_once() {
        let text = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        let status = with(ReceiverStatus::default(), &text(&["a", "b", "a"]), at(1));
        assert_eq!(keys(&status), [("a", 1), ("b", 1)]);
        let status = with(status, &text(&["b", "c"]), at(2));
        assert_eq!(keys(&status), [("c", 2), ("b", 2), ("a", 1)]);
    }

    #[test]
    fn there_are_never_more_than_the_schema_allows() {
        let many: Vec<String> = (0..100).map(|key| key.to_string()).collect();
        let status = with(ReceiverStatus::default(), &many, at(1));
        assert_eq!((status.recent.len(), &*status.recent[0].key), (LIMIT, "99"));
    }
}
