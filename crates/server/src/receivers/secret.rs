//! The Secrets that requests are signed with, read as the service accounts of the Receivers, and kept for a while.
//!
//! Nothing of a Secret is ever logged or written: it goes into the HMAC, and nowhere else.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::channel::mpsc;
use k8s_openapi::api::core::v1 as core;
use kube::{Api, ResourceExt};
use kube_runtime::reflector::ObjectRef;
use secrecy::{ExposeSecret, SecretSlice};
use sluice_api::Receiver;
use sluice_client::{
    accounts::{self, Accounts},
    causes::in_one_line,
    guarded::Guarded,
};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

/// So long a Secret that was read is used.
pub(crate) const KEPT: Duration = Duration::from_secs(30);

/// Younger than this, it is not read again, whatever comes: also not because a signature does not fit, or there is none.
pub(crate) const FRESH: Duration = Duration::from_secs(2);

/// A secret that bodies are signed with.
pub(crate) struct Secret(SecretSlice<u8>);

/// Why a Receiver takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// As long as it stays like this: the reason of the condition `Ready`, and its message.
    Because(&'static str, String),
    /// It is not known: the API server does not answer.
    Unknown(String),
}

impl Secret {
    /// A line break at its end does not count: files have one, and what people paste has none. `None` when nothing is left.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let bytes = Self::without_line_break(bytes);
        (!bytes.is_empty()).then(|| Self(bytes.to_vec().into()))
    }

    /// The secret itself.
    pub(crate) fn without_line_break(bytes: &[u8]) -> &[u8] {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// Uses it.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&[u8]) -> T) -> T {
        use_it(self.0.expose_secret())
    }

    /// Whether they are the same. Both are ours, so the time it takes tells nobody anything.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// What a reading brought.
pub(crate) type Outcome = Result<Arc<Secret>, Closed>;

/// Who holds it reads; the others wait for what comes of it.
type Slot = Arc<AsyncMutex<Option<(Instant, Outcome)>>>;

/// The Secrets by Receiver: UID and generation, since another spec may name another one.
pub(crate) struct Secrets {
    accounts: Accounts,
    /// Is told of Receivers that began to take requests, or ended.
    turned: mpsc::UnboundedSender<ObjectRef<Guarded<Receiver>>>,
    known: Mutex<HashMap<(String, i64), Slot>>,
}

impl Secrets {
    pub(crate) fn new(accounts: Accounts, turned: mpsc::UnboundedSender<ObjectRef<Guarded<Receiver>>>) -> Self {
        Self { accounts, turned, known: Mutex::default() }
    }

    /// The Receiver's secret, as it was at most `age` ago.
    pub(crate) async fn get(&self, receiver: &Receiver, age: Duration) -> Outcome {
        let key = (receiver.uid().unwrap_or_default(), receiver.metadata.generation.unwrap_or_default());
        let slot = self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        let mut known = slot.lock().await;
        if let Some((at, outcome)) = &*known {
            // What was missing may be there in a moment.
            let age = if outcome.is_ok() { age } else { age.min(FRESH) };
            if at.elapsed() < age {
                return outcome.clone();
            }
        }
        let outcome = self.read(receiver).await;
        if known.as_ref().is_some_and(|(_, before)| before.is_ok() != outcome.is_ok()) {
            let this = ObjectRef::new(&receiver.name_any()).within(&receiver.namespace().unwrap_or_default());
            // Fails only when the server ends.
            let _ = self.turned.unbounded_send(this);
        }
        *known = Some((Instant::now(), outcome.clone()));
        outcome
    }

    async fn read(&self, receiver: &Receiver) -> Outcome {
        let namespace = receiver.namespace().unwrap_or_default();
        let (account, wanted) = (&receiver.spec.service_account_name, &receiver.spec.secret_ref);
        let of = format!("Receiver {:?}", receiver.name_any());
        let client = self.accounts.client(&namespace, account, &of).await.map_err(|error| no_account(&error))?;
        let secrets: Api<core::Secret> = Api::namespaced(client, &namespace);
        let found = secrets.get_opt(&wanted.name).await.map_err(|error| not_read(&error, account, &wanted.name))?;
        let (name, key) = (&wanted.name, &wanted.key);
        let Some(secret) = found else {
            let message = format!("there is no Secret {name:?}: create it, or correct spec.secretRef.name");
            return Err(Closed::Because("SecretNotFound", message));
        };
        let Some(value) = secret.data.unwrap_or_default().remove(key) else {
            let message = format!("the Secret {name:?} has no key {key:?}: add it, or correct spec.secretRef.key");
            return Err(Closed::Because("SecretNotFound", message));
        };
        let empty =
            || Closed::Because("SecretEmpty", format!("the key {key:?} of the Secret {name:?} is empty: fill it"));
        Secret::new(&value.0).map(Arc::new).ok_or_else(empty)
    }

    /// Forgets the Receivers that are gone, and specs that are no more.
    pub(crate) fn keep_only(&self, receivers: &HashSet<(String, i64)>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| receivers.contains(key));
    }
}

fn no_account(error: &accounts::Error) -> Closed {
    match error {
        accounts::Error::NotFound { .. } => Closed::Because("ServiceAccountNotFound", error.to_string()),
        accounts::Error::Read { .. } | accounts::Error::Client { .. } => Closed::Unknown(in_one_line(error)),
    }
}

fn not_read(error: &kube::Error, account: &str, secret: &str) -> Closed {
    match error {
        kube::Error::Api(status) if status.code == 403 && status.message.contains("impersonate") => {
            let message = format!(
                "the server may not act as the service account {account:?}: {}; a Role with the verb impersonate on it gives the right",
                status.message
            );
            Closed::Because("NotAllowed", message)
        }
        kube::Error::Api(status) if status.code == 403 => {
            let message = format!(
                "the service account {account:?} may not read the Secret {secret:?}: {}; a Role with the verb get on it gives the right",
                status.message
            );
            Closed::Because("NotAllowed", message)
        }
        error => Closed::Unknown(in_one_line(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_at_the_end_is_no_part_of_a_secret() {
        let secret = |bytes: &[u8]| Secret::new(bytes).map(|secret| secret.with(<[u8]>::to_vec));
        for bytes in [&b"a b"[..], b"a b\n", b"a b\r\n"] {
            assert_eq!(secret(bytes).unwrap(), b"a b");
        }
        assert_eq!(secret(b"\na\n\n").unwrap(), b"\na\n");
        assert!([&b""[..], b"\n", b"\r\n"].into_iter().all(|bytes| secret(bytes).is_none()));
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new(b"hush")), "Some(Secret(..))");
    }
}
