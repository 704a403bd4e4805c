//! What the errors of a watch mean. Its connection is made again without an end; only what a person should know is told.

use jiff::{SignedDuration, Timestamp};
use kube_runtime::watcher;

/// An error that follows another one within this time is worth a word; a single one is over when it is noticed.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// Where the connection of a watch stands.
#[derive(Default)]
pub(super) struct Connection {
    /// When it failed last.
    failed_at: Option<Timestamp>,
    is_lost: bool,
}

/// What is worth a word.
pub(super) enum Trouble {
    /// There is none for a while; it is tried again.
    Lost(kube::Error),
    /// It may not be watched.
    Refused(kube::Error),
}

impl Connection {
    /// Something came; whether that is news, since it was lost before.
    pub(super) fn is_back(&mut self) -> bool {
        std::mem::take(&mut self.is_lost)
    }

    /// What an error means: nothing where it is the first one, which a new connection may mend.
    pub(super) fn failed(&mut self, error: watcher::Error, now: Timestamp) -> Option<Trouble> {
        use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
        let error = match error {
            InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => error,
            WatchError(status) => kube::Error::Api(status),
            NoResourceVersion => return None,
        };
        if matches!(&error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404)) {
            return Some(Trouble::Refused(error));
        }
        let is_second = self.failed_at.replace(now).is_some_and(|before| now.duration_since(before) < SOON);
        if self.is_lost || !is_second {
            return None;
        }
        self.is_lost = true;
        Some(Trouble::Lost(error))
    }
}
