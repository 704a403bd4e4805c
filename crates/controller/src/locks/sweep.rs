//! Deletes the Leases that nobody holds any more.
//!
//! A run lets its lock go by its end alone; its Lease stays for whoever is next. Where nobody is, it is deleted: by the process
//! that took it, once the run's end is seen; and here, for what that process did not do: at the start, every few minutes, and for
//! one lock whenever its holder, or the last of its queue, is seen to be gone.
//!
//! # Guarantees
//! - Only a Lease whose holder is gone, or has let go, is deleted, and only at the version at which that was read: whoever took it
//!   in between keeps it.
//! - It is not deleted while somebody is known to wait for it, by a watch that has come as far as the holder's end: a lock that is
//!   waited for is never free for those who come later.

use std::time::Duration;

use futures::{StreamExt, channel::mpsc};
use kube::Client;
use kube_runtime::reflector::Store;
use sluice_api::{PipelineRun, names};

use super::{
    LockBook,
    holder::{Holder, holder},
    lease::{Held, Leases},
    queue::Group,
};
use crate::{causes::in_one_line, guarded::Guarded};

/// How often all Leases are looked at: for what no event told.
const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);

/// When a sweep that failed is made again.
const AGAIN: Duration = Duration::from_secs(30);

/// How often one Lease that changes under our hands is judged anew.
const TRIES: usize = 5;

/// Sweeps until it is dropped. `idle` names locks that may be left over.
pub(crate) async fn keep(
    client: &Client,
    namespace: Option<&str>,
    runs: &Store<Guarded<PipelineRun>>,
    book: &LockBook,
    mut idle: mpsc::UnboundedReceiver<Group>,
) {
    if runs.wait_until_ready().await.is_err() {
        return;
    }
    let mut next = tokio::time::Instant::now();
    loop {
        tokio::select! {
            group = idle.next() => match group {
                Some(group) => one(client, book, &group).await,
                None => return,
            },
            () = tokio::time::sleep_until(next) => {
                next = tokio::time::Instant::now() + all(client, namespace, book).await;
            }
        }
    }
}

/// Looks at all Leases, and returns when to look again.
async fn all(client: &Client, namespace: Option<&str>, book: &LockBook) -> Duration {
    let leases = match Leases::within(client, namespace).list().await {
        Ok(leases) => leases,
        Err(error) => {
            tracing::warn!(error = %in_one_line(&error), "failed to list the Leases of locks; those that are left over stay for now");
            return AGAIN;
        }
    };
    let mut pause = SWEEP_EVERY;
    for lease in leases {
        let group = lease.group.clone().unwrap_or_default();
        let group = Group { namespace: lease.namespace.clone(), name: group };
        if let Err(error) = free(client, book, &group, Some(lease)).await {
            tracing::warn!(namespace = %group.namespace, group = %group.name, error = %in_one_line(&error), "failed to look after a lock");
            pause = AGAIN;
        }
    }
    pause
}

async fn one(client: &Client, book: &LockBook, group: &Group) {
    if let Err(error) = free(client, book, group, None).await {
        // The next sweep finds it.
        tracing::warn!(namespace = %group.namespace, group = %group.name, error = %in_one_line(&error), "failed to look after a lock");
    }
}

/// Deletes the Lease of this lock, read before or not, if it is left over.
pub(super) async fn free(
    client: &Client,
    book: &LockBook,
    group: &Group,
    read: Option<Held>,
) -> Result<(), kube::Error> {
    let leases = Leases::within(client, Some(&group.namespace));
    let name = read.as_ref().map_or_else(|| names::lease_of_group(&group.name), |lease| lease.name.clone());
    let mut read = read;
    for _ in 0..TRIES {
        let Some(lease) = (match read.take() {
            Some(lease) => Some(lease),
            None => leases.get(&name).await?,
        }) else {
            return Ok(());
        };
        // Known first, looked at then: its end in between would else wake nobody.
        book.holds(&lease.uid, group);
        if book.is_alive(&lease.uid) {
            return Ok(());
        }
        if let Holder::Holds = holder(client, &lease, false).await? {
            return Ok(());
        }
        book.holds_not(&lease.uid);
        if book.wake_first(group) || leases.delete(&lease.name, &lease.resource_version).await? {
            return Ok(());
        }
    }
    Ok(())
}
