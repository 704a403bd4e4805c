//! The locks of groups of runs.
//!
//! A lock is a Lease of the run's namespace, named by the hash of the group, without owner. Its `holderIdentity` is the UID of the
//! run that has the lock: that is the truth, and the runs' statuses follow it.
//!
//! # Guarantees
//! - **One holder.** A run has the lock only after a write of its own to the Lease: it made the Lease, or took it over from a
//!   holder that a live read shows to be gone or to have let go, or wrote anew the Lease that names it already. Each is bound to the
//!   version that was read. So of two that are about to take it one is refused, also where one of them was the holder before:
//!   without that write, one who has seen the end of its earlier round could take over just as it begins the next. A run
//!   writes its status first, if it has ended before, so that nobody takes a lock from it by an end that is past.
//! - **No holder from memory.** Whatever a run does under its lock it does after a write of its status that conflicts if
//!   anybody else ended the run meanwhile.
//! - **First come, first served.** To wait is to have a place in `status.lock`, written before the lock is taken. A run that has a
//!   place takes the lock once its own place has come back by the watch: since watch events come in the order of the writes, this
//!   process then knows of everybody who had a place before, and the first by `since`, then UID, goes on. One that has none
//!   yet takes it only when nobody is known to wait, and, where a Lease is left from somebody's end, once the watch knows of that
//!   end. The Lease of a lock for which somebody waits is left where it is for them. So nobody is overtaken who had a place before
//!   the lock was let go. Among those who come in the moments in which it is free there is no order.
//! - **Nobody blocks the others who does not want to go on:** runs that are paused, suspended, being deleted or about to be aborted are
//!   passed over. They keep their `since`. What cannot start for want of something leaves the queue.
//! - **No Lease is left:** see `sweep`.
//!
//! *Idempotency:* to take a lock twice, by two processes or after a crash, is to take it once: the holder is a run, not a process.

mod book;
mod holder;
mod lease;
mod making;
mod queue;
mod sweep;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_api::{MAX_DEPTH, RunIdentity, names};
use sluice_engine::Failure;
use sluice_steps::{Locks, Runs, Turn};

pub(crate) use book::{LockBook, release};
pub(crate) use making::{Making, Other, Shown};
pub(crate) use queue::Group;
pub(crate) use sweep::keep;

use self::{
    holder::{Holder, holder, waits_for_child},
    lease::{Held, Leases},
    queue::Ahead,
};
use crate::{context::Context, runs::failed, world::RunWorld};

/// How often a lock that others take and let go at the same moment is tried.
const TRIES: usize = 5;

/// How long the watch may be behind the end of a holder that was read live.
const BEHIND: Duration = Duration::from_secs(1);

#[async_trait]
impl Locks for RunWorld {
    async fn take(&self, group: &str, run: &RunIdentity, since: Option<Timestamp>) -> Result<Turn, Failure> {
        let group = Group { namespace: self.namespace.clone(), name: group.to_owned() };
        for _ in 0..TRIES {
            if let Some(turn) = self.try_to_take(&group, run, since).await? {
                return Ok(turn);
            }
        }
        Err(Failure::transient("LockContended", format!("the lock {:?} changes hands too fast", group.name)))
    }
}

impl RunWorld {
    /// Whose turn it is; `None` when somebody else was faster, and it has to be looked again.
    async fn try_to_take(
        &self,
        group: &Group,
        run: &RunIdentity,
        since: Option<Timestamp>,
    ) -> Result<Option<Turn>, Failure> {
        let refused = |error: kube::Error| failed(&format!("take the lock {:?}", group.name), &error);
        let leases = Leases::within(&self.context.client, Some(&group.namespace));
        let book = &self.context.locks;
        let ahead = book.ahead(group, &run.uid, since);
        let is_new = since.is_none();
        let is_next = ahead.count == 0 && (is_new || ahead.is_seen);
        // As long as nothing is known of the lock, it is free more often than not.
        if is_next
            && is_new
            && !book.is_held(group)
            && let Some(lease) = leases.create(group, run).await.map_err(refused)?
        {
            return Ok(Some(self.taken(group, run, &lease)));
        }
        let name = names::lease_of_group(&group.name);
        let taken = match leases.get(&name).await.map_err(refused)? {
            None if is_next => leases.create(group, run).await.map_err(refused)?,
            None => return Ok(Some(behind(&ahead, None))),
            Some(lease) if lease.uid == run.uid => leases.take(&lease, group, run).await.map_err(refused)?,
            Some(lease) => {
                if let Some(ahead) = self.look_at_holder(group, run, since, &lease).await? {
                    return Ok(Some(behind(&ahead, Some(&lease))));
                }
                leases.take(&lease, group, run).await.map_err(refused)?
            }
        };
        Ok(taken.map(|lease| self.taken(group, run, &lease)))
    }

    /// Who is before this run in the queue for a lock that another one has; `None` when it may take over.
    async fn look_at_holder(
        &self,
        group: &Group,
        run: &RunIdentity,
        since: Option<Timestamp>,
        lease: &Held,
    ) -> Result<Option<Ahead>, Failure> {
        let book = &self.context.locks;
        // Known first, looked at then: its end in between would else wake nobody.
        book.holds(&lease.uid, group);
        let ahead = || book.ahead(group, &run.uid, since);
        let is_new = since.is_none();
        let is_next = |ahead: &Ahead| ahead.count == 0 && (is_new || ahead.is_seen);
        let before = ahead();
        if !is_next(&before) && (!is_new || run.trigger.parent.is_none()) {
            return Ok(Some(before));
        }
        let found = holder(&self.context.client, lease, book.is_alive(&lease.uid)).await;
        let found = found.map_err(|error| failed(&format!("read run {:?}", lease.holder()), &error))?;
        if let Holder::Holds = found {
            self.not_for_a_child_of(run, lease).await?;
            return Ok(Some(before));
        }
        book.holds_not(&lease.uid);
        if is_new && !book.has_seen_end_of(&lease.uid, BEHIND).await {
            return Ok(Some(before));
        }
        let before = ahead();
        Ok((!is_next(&before)).then_some(before))
    }

    /// The run has the lock.
    fn taken(&self, group: &Group, run: &RunIdentity, lease: &Held) -> Turn {
        self.context.locks.taken(&run.uid, group, &lease.resource_version);
        Turn::Own
    }

    /// Fails if the holder of the lock waits for this run, which waits for the lock: neither would ever go on.
    async fn not_for_a_child_of(&self, run: &RunIdentity, lease: &Held) -> Result<(), Failure> {
        let mut link = run.trigger.parent.clone();
        for _ in 0..MAX_DEPTH {
            let Some(parent) = link else { return Ok(()) };
            let above = match Runs::run(self, &parent.name).await {
                Ok(Some(above)) => above,
                Err(failure) if failure.transient => return Err(failure),
                Ok(None) | Err(_) => return Ok(()),
            };
            if above.metadata.uid.as_ref() != Some(&parent.uid) || !waits_for_child(&above, &parent.key) {
                return Ok(());
            }
            if parent.uid == lease.uid {
                let group = lease.group.as_deref().unwrap_or_default();
                let message = format!(
                    "run {:?}, which waits for this one, holds the lock {group:?}: neither would ever go on; give their \
                     pipelines different groups, or start this one detached",
                    parent.name
                );
                return Err(Failure::definite("LockedByParent", message));
            }
            link = above.spec.trigger.and_then(|trigger| trigger.parent);
        }
        Ok(())
    }
}

/// The name of the run that has the lock of a group at this moment, read live; `None` when it is free.
pub(crate) async fn held_by(context: &Context, group: &Group) -> Result<Option<String>, kube::Error> {
    let leases = Leases::within(&context.client, Some(&group.namespace));
    let lease = leases.get(&names::lease_of_group(&group.name)).await?;
    let Some(lease) = lease else { return Ok(None) };
    let found = holder(&context.client, &lease, context.locks.is_alive(&lease.uid)).await?;
    Ok(matches!(found, Holder::Holds).then(|| lease.holder()))
}

/// The place behind these, and behind the one that has the lock.
fn behind(ahead: &Ahead, lease: Option<&Held>) -> Turn {
    let Ahead { count, first, has_holder, is_seen: _ } = ahead;
    let (holder, before) = match lease {
        Some(lease) => (lease.holder(), count + usize::from(!has_holder)),
        // The first of them is about to take it.
        None => (first.clone().unwrap_or_default(), (*count).max(1)),
    };
    Turn::Other { holder, position: i32::try_from(before).unwrap_or(i32::MAX) }
}
