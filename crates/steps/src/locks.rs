//! [`Locks`]: one run of a group at a time.

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_api::RunIdentity;
use sluice_engine::Failure;

/// The locks of a namespace.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Takes the lock of the group for this run, if it is its turn; `since` is when it began to wait, if it did. To take a
    /// lock twice is to take it once.
    async fn take(&self, group: &str, run: &RunIdentity, since: Option<Timestamp>) -> Result<Turn, Failure>;
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The run's own: it has the lock.
    Own,
    /// Another one's.
    Other {
        /// The name of the run that has the lock.
        holder: String,
        /// How many are before this run, with the one that has the lock.
        position: i32,
    },
}
