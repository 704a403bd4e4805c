//! What this process knows of locks: the queues, and the Leases that it wrote itself.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::channel::mpsc;
use jiff::Timestamp;
use kube::ResourceExt;
use kube_runtime::watcher::Event;
use sluice_api::{PipelineRun, names};

use super::{
    lease::Leases,
    making::Making,
    queue::{Ahead, Group, Queues, Standing, Woken},
    sweep,
};
use crate::{context::Context, guarded::Guarded, waits::RunRef};

/// How often it is looked whether the watch has come as far as a live read.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What this process knows of locks.
pub(crate) struct LockBook {
    queues: Mutex<Queues>,
    /// The Leases that this process wrote last, by the UIDs of the runs that they name.
    own: Mutex<HashMap<String, Own>>,
    /// The runs that are being made, and will take a lock.
    pub(crate) making: Making,
    idle: mpsc::UnboundedSender<Group>,
    wakes: mpsc::UnboundedSender<RunRef>,
}

#[derive(Clone)]
struct Own {
    group: Group,
    resource_version: String,
}

/// What the book tells others.
pub(crate) struct Watched {
    /// The runs that look at their lock again.
    pub(crate) wakes: mpsc::UnboundedReceiver<RunRef>,
    /// The locks whose Leases may be left over.
    pub(crate) idle: mpsc::UnboundedReceiver<Group>,
}

impl LockBook {
    pub(crate) fn new() -> (Self, Watched) {
        let ((wake, wakes), (leave, idle)) = (mpsc::unbounded(), mpsc::unbounded());
        let (queues, own, making) = (Mutex::default(), Mutex::default(), Making::default());
        let book = Self { queues, own, making, idle: leave, wakes: wake };
        (book, Watched { wakes, idle })
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> MutexGuard<'_, HashMap<String, Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the watch of the runs says.
    pub(crate) fn keep(&self, event: &Event<Guarded<PipelineRun>>) {
        if let Event::Delete(run) = event {
            self.making.forget(&run.namespace().unwrap_or_default(), &run.name_any());
        }
        let woken = match event {
            Event::Init => return self.queues().begin_list(),
            Event::InitDone => {
                let (woken, listed) = self.queues().end_list();
                self.own().retain(|uid, _| listed.contains(uid));
                woken
            }
            Event::Apply(run) | Event::InitApply(run) => self.set(run, run.0.as_ref().map(Standing::of).ok()),
            Event::Delete(run) => self.set(run, Some(Standing::Gone)),
        };
        self.tell(woken);
    }

    /// One that cannot be read may have a lock, and waits for none.
    fn set(&self, run: &Guarded<PipelineRun>, standing: Option<Standing>) -> Woken {
        let Some(uid) = run.uid() else { return Woken::default() };
        let standing = standing.unwrap_or(Standing::UnderWay);
        let (is_over, is_gone) = (standing == Standing::Over, standing == Standing::Gone);
        let mut woken = self.queues().set(&uid, standing);
        if is_gone {
            // Deleted at once after its end, before its reconcile.
            if let Some(Own { group, .. }) = self.own().remove(&uid)
                && !woken.idle.contains(&group)
            {
                woken.idle.push(group);
            }
        } else if is_over && let Some(own) = self.own().get(&uid) {
            // Its reconcile deletes the Lease: see [`release`].
            woken.idle.retain(|group| *group != own.group);
        }
        woken
    }

    fn tell(&self, Woken { runs, idle }: Woken) {
        // These fail only when the controller ends.
        for (namespace, name) in runs {
            let _ = self.wakes.unbounded_send(RunRef::new(&name).within(&namespace));
        }
        for group in idle {
            let _ = self.idle.unbounded_send(group);
        }
    }

    pub(super) fn ahead(&self, group: &Group, uid: &str, since: Option<Timestamp>) -> Ahead {
        self.queues().ahead(group, uid, since)
    }

    pub(super) fn holds(&self, uid: &str, group: &Group) {
        self.queues().holds(uid, group);
    }

    pub(super) fn holds_not(&self, uid: &str) {
        self.queues().holds_not(uid);
    }

    pub(super) fn is_held(&self, group: &Group) -> bool {
        self.queues().is_held(group)
    }

    pub(super) fn is_alive(&self, uid: &str) -> bool {
        self.queues().is_alive(uid)
    }

    /// Whether the watch tells, in so much time, that the run has no lock any more.
    pub(super) async fn has_seen_end_of(&self, uid: &str, patience: Duration) -> bool {
        let seen = async {
            while self.is_alive(uid) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(patience, seen).await.is_ok()
    }

    /// The run has taken the lock: this is the version of the Lease that says so.
    pub(super) fn taken(&self, uid: &str, group: &Group, resource_version: &str) {
        self.holds(uid, group);
        let own = Own { group: group.clone(), resource_version: resource_version.to_owned() };
        self.own().insert(uid.to_owned(), own);
    }

    /// Wakes the first of the queue; whether there is one.
    pub(super) fn wake_first(&self, group: &Group) -> bool {
        let first = self.queues().first(group).map(|first| first.run.clone());
        let Some(first) = first else { return false };
        let _ = self.wakes.unbounded_send(RunRef::new(&first).within(&group.namespace));
        true
    }
}

/// Lets the lock of a run go that has ended, if this process took it: the Lease is left to whoever waits, or else deleted.
pub(crate) async fn release(context: &Context, uid: &str) -> Result<(), kube::Error> {
    let book = &context.locks;
    let Some(Own { group, resource_version }) = book.own().get(uid).cloned() else { return Ok(()) };
    // Whoever is first there has seen the same end.
    if !book.queues().is_waited_for(&group) {
        let leases = Leases::within(&context.client, Some(&group.namespace));
        if !leases.delete(&names::lease_of_group(&group.name), &resource_version).await? {
            // Another process wrote it since; perhaps for the same run.
            sweep::free(&context.client, book, &group, None).await?;
        }
    }
    book.own().remove(uid);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(status: Value) -> Guarded<PipelineRun> {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": "a", "namespace": "shop", "uid": "uid"},
            "spec": {"pipelineRef": {"name": "p"}}, "status": status,
        });
        serde_json::from_value(run).unwrap()
    }

    #[test]
    fn the_lease_of_a_run_is_left_to_its_reconcile_unless_the_run_is_deleted_before() {
        let (book, mut watched) = LockBook::new();
        let group = Group { namespace: "shop".to_owned(), name: "web".to_owned() };
        let ended = || run(json!({"finishedAt": "2026-01-01T00:00:00Z"}));
        book.keep(&Event::Apply(run(json!({}))));
        book.taken("uid", &group, "1");
        book.keep(&Event::Apply(ended()));
        assert!(watched.idle.try_recv().is_err());
        book.keep(&Event::Delete(ended()));
        assert_eq!(watched.idle.try_recv().ok(), Some(group));
        assert!(watched.idle.try_recv().is_err());
    }
}
