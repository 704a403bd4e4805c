//! Whether an Application runs what is wanted: a judgement over what was read, with no further look and no clock.
//!
//! What is believed, and when (seen on Argo CD 3.2 at each moment of a sync):
//! - `status.sync` names the revision that live objects were *compared* with. It is the new one, `OutOfSync`, while the
//!   old one still runs. So `Synced` at a revision that holds the wanted commit is what proves that the commit runs.
//! - A commit that changes nothing of the Application moves `status.sync.revision` and starts no operation:
//!   `status.operationState` stays that of an older revision, and that is fine. An operation that is under way, whatever
//!   its revision, is waited for. One that failed counts when its revision holds the wanted commit, also when the
//!   Application looks Synced and Healthy: a hook after the sync may have failed.
//! - Right after an operation, `status.sync` and `status.health` are still those from before it. So the comparison has to be
//!   as new as the operation's end; both times are Argo CD's own. Whether the comparison knows the wanted commit is read
//!   from revisions, never from the clocks of a git host and a cluster.
//! - `Degraded` belongs to the old revision until the new one is Synced, and then it may linger for some seconds, or be
//!   passed through by resources that settle. It is believed after [`PATIENCE`], or at once when a live workload proves it.
//! - Health of custom resources is up to their controllers, which take a moment to notice that they changed: they get
//!   [`SETTLING`] after a sync.

use jiff::{SignedDuration, Timestamp};
use sluice_engine::Failure;

use super::application::{Application, OperationState, Resource};
use super::progress::{cut, degraded};
use super::wanted::{Ancestry, Held, Wanted, short};
use super::workloads::Rollouts;

/// How long a resource may be degraded before that is believed.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
/// How long custom resources have after a sync until their health is believed.
const SETTLING: SignedDuration = SignedDuration::from_secs(10);
/// How many workloads a message names.
const MAX_NAMED: usize = 3;

/// What was observed.
#[derive(Debug)]
pub(super) struct Sight<'a> {
    pub(super) title: &'a str,
    pub(super) application: &'a Application,
    pub(super) rollouts: &'a Rollouts,
    pub(super) wanted: &'a Wanted,
    pub(super) ancestry: &'a Ancestry,
    pub(super) own_sync: Option<OwnSync<'a>>,
    /// The step asked for a comparison.
    pub(super) refreshed: bool,
    /// When the step started.
    pub(super) started_at: Timestamp,
    pub(super) now: Timestamp,
}

/// The sync that the step started.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnSync<'a> {
    pub(super) key: &'a str,
    /// An earlier look saw that it succeeded.
    pub(super) succeeded: bool,
}

/// What to make of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The Application runs what is wanted.
    Reached,
    /// Not yet.
    Waits {
        /// What is missing, for people.
        why: String,
        /// When that may be over, where it is a matter of time.
        until: Option<Timestamp>,
        /// The step's own sync got lost: it has to be started again.
        sync_again: bool,
    },
    /// It will not by itself.
    Failed(Failure),
}

/// Judges: the first thing that stands in the way, in the order in which things happen.
pub(super) fn judge(sight: &Sight<'_>) -> Verdict {
    let obstacle = sight
        .deletion()
        .or_else(|| sight.operation_under_way())
        .or_else(|| sight.failed_operation())
        .or_else(|| sight.lost_sync())
        .or_else(|| sight.other_revision())
        .or_else(|| sight.old_comparison())
        .or_else(|| sight.degradation())
        .or_else(|| sight.missing_sync())
        .or_else(|| sight.missing_health())
        .or_else(|| sight.settling());
    obstacle.unwrap_or(Verdict::Reached)
}

impl<'a> Sight<'a> {
    fn deletion(&self) -> Option<Verdict> {
        let deleted = self.application.metadata.deletion_timestamp.is_some();
        deleted.then(|| self.waits("it is being deleted"))
    }

    fn operation_under_way(&self) -> Option<Verdict> {
        if !self.application.operation_under_way() {
            return None;
        }
        let Some(operation) = self.operation().filter(|operation| operation.is_under_way()) else {
            return Some(self.waits("a sync is requested"));
        };
        let revision = match operation.revisions() {
            revisions if revisions.is_empty() => "the newest revision".to_owned(),
            revisions => short(&revisions.join(" ")),
        };
        let mut why = match operation.phase.as_str() {
            "Terminating" => format!("the sync to {revision} is being terminated"),
            _ if operation.waits_for_next_try() => format!("the sync to {revision} failed and is tried again"),
            _ => format!("Syncing to {revision}"),
        };
        let concerns = || self.wanted.concerns(operation, self.application, self.ancestry);
        if let Some(wanted) = self.wanted.title().filter(|_| !concerns()) {
            why = format!("{why}, wants {wanted}");
        }
        if !operation.message.is_empty() {
            why = format!("{why}: {}", cut(&operation.message));
        }
        match self.unfinished() {
            Some(unfinished) => Some(self.waits(format!("{why}; {unfinished}"))),
            None => Some(self.waits(why)),
        }
    }

    fn failed_operation(&self) -> Option<Verdict> {
        let operation = self.operation().filter(|operation| operation.has_failed() && !operation.is_dry_run())?;
        let is_own = self.own_sync.is_some_and(|own| operation.operation.carries(own.key));
        if !is_own && !self.wanted.concerns(operation, self.application, self.ancestry) {
            return None;
        }
        let revisions = operation.revisions();
        let revision = (!revisions.is_empty()).then(|| format!(" to {}", short(&revisions.join(" "))));
        let mut message = format!(
            "Application {}: the sync{} failed: {}",
            self.title,
            revision.unwrap_or_default(),
            cut(&operation.message)
        );
        let failures = named(operation.failures());
        // Argo CD's message may or may not tell which resource it was.
        if !failures.is_empty() && !operation.message.contains("reason:") {
            message = format!("{message} ({})", cut(&failures));
        }
        Some(Verdict::Failed(Failure::definite("SyncFailed", message)))
    }

    /// The step's own sync is neither under way nor the last one. Argo CD may have replaced it by one of its own that is as
    /// good (automated ones heal themselves right after); else it has to be started again.
    fn lost_sync(&self) -> Option<Verdict> {
        let own = self.own_sync.filter(|own| !own.succeeded)?;
        let is_as_good = |operation: &OperationState| {
            // Argo CD's times are whole seconds.
            let is_later = operation.started_at.is_some_and(|it| it.as_second() >= self.started_at.as_second());
            let concerns = self.wanted.concerns(operation, self.application, self.ancestry);
            is_later && concerns && operation.phase == "Succeeded" && !operation.is_dry_run()
        };
        if self.operation().is_some_and(|operation| operation.operation.carries(own.key) || is_as_good(operation)) {
            return None;
        }
        let why = "the sync that this step started is gone; it is started again".to_owned();
        Some(Verdict::Waits { why: self.worded(&why), until: None, sync_again: true })
    }

    fn other_revision(&self) -> Option<Verdict> {
        let status = match self.application.status.sync.status.as_str() {
            "" => return Some(self.waits("Argo CD has not compared it yet")),
            status => status,
        };
        if !self.application.was_compared_to_its_sources() {
            return Some(self.waits("Argo CD has not compared it since its sources changed"));
        }
        let wanted = self.wanted.title().unwrap_or_else(|| "any revision".to_owned());
        match self.wanted.held_by(self.application, self.ancestry) {
            Held::Yes { .. } => None,
            Held::No => Some(self.waits(format!("{status} at {}, wants {wanted}", self.compared()))),
            Held::Unknown(revision) => {
                let revision = short(revision);
                Some(self.waits(format!("{status} at {revision}; whether that holds {wanted} is not known yet")))
            }
        }
    }

    fn old_comparison(&self) -> Option<Verdict> {
        let reconciled_at = self.application.status.reconciled_at;
        let is_before = |time: Timestamp| reconciled_at.is_none_or(|reconciled_at| reconciled_at < time);
        // Argo CD removes the annotation with the comparison it asked for, and with no other.
        let is_refreshed = self.refreshed && !self.application.refresh_is_due();
        if self.held_by_name() && !is_refreshed && is_before(self.started_at) {
            return Some(self.waits("Argo CD has not compared it since this step started"));
        }
        let ended = self.operation().and_then(|operation| operation.finished_at);
        let is_old = ended.is_some_and(is_before);
        is_old.then(|| self.waits("Argo CD has not compared it since its sync ended"))
    }

    fn degradation(&self) -> Option<Verdict> {
        let health = &self.application.status.health;
        let is_synced = self.is_synced();
        // Drift after a sync that succeeded: what is degraded is the new revision all the same.
        let was_synced = || {
            let succeeded =
                self.operation().filter(|operation| operation.phase == "Succeeded" && !operation.is_dry_run());
            succeeded.is_some_and(|operation| operation.revisions() == self.application.compared_revisions())
        };
        if health.status != "Degraded" || !(is_synced || was_synced()) {
            return None;
        }
        let causes = degraded(self.application, self.rollouts);
        let causes = if causes.is_empty() { "Argo CD names no resource".to_owned() } else { causes.join("; ") };
        let since = self.operation().and_then(|operation| operation.finished_at).max(health.last_transition_time);
        let believed_at = since.and_then(|since| since.checked_add(PATIENCE).ok());
        let is_proven = is_synced && self.rollouts.failures().next().is_some();
        match believed_at.filter(|believed_at| *believed_at > self.now && !is_proven) {
            // What is not synced yet says more.
            Some(_) if !is_synced => None,
            Some(until) => Some(self.waits_until(format!("Degraded at {}: {causes}", self.compared()), until)),
            None => {
                let message = format!("Application {} is Degraded at {}: {causes}", self.title, self.compared());
                Some(Verdict::Failed(Failure::definite("ApplicationDegraded", message)))
            }
        }
    }

    fn missing_sync(&self) -> Option<Verdict> {
        if self.is_synced() {
            return None;
        }
        let status = &self.application.status.sync.status;
        let other: Vec<&Resource> =
            self.application.resources().filter(|resource| resource.status != "Synced").collect();
        let total = self.application.resources().count();
        let mut why = format!("{status} at {}: {} of {total} resources synced", self.compared(), total - other.len());
        if !other.is_empty() {
            why = format!(
                "{why}, not {}",
                named(other.iter().map(|resource| {
                    let remark = if resource.requires_pruning { " (to be pruned)" } else { "" };
                    format!("{}{remark}", resource.title())
                }))
            );
        }
        Some(self.waits(why))
    }

    fn missing_health(&self) -> Option<Verdict> {
        let health = self.application.status.health.status.as_str();
        if let Some(failed) = &self.rollouts.failed {
            return Some(self.waits(format!("{health}: {}", cut(failed))));
        }
        match (health, self.unfinished()) {
            ("Healthy", None) => None,
            // The live objects are newer than the comparison.
            ("Healthy", Some(unfinished)) => Some(self.waits(format!("Progressing: {unfinished}"))),
            ("", _) => Some(self.waits("its health is not known yet")),
            ("Suspended", None) => {
                Some(self.waits("Suspended: one of its resources is paused; it goes on when that is resumed"))
            }
            (health, None) => Some(self.waits(format!("{health} at {}", self.compared()))),
            (health, Some(unfinished)) => Some(self.waits(format!("{health}: {unfinished}"))),
        }
    }

    fn settling(&self) -> Option<Verdict> {
        let ended = self.operation().and_then(|operation| operation.finished_at)?;
        let until = ended.checked_add(SETTLING).ok().filter(|until| *until > self.now)?;
        let custom: Vec<String> =
            self.application.resources().filter(|resource| resource.is_custom()).map(Resource::title).collect();
        let why = || format!("Healthy at {}; lets {} settle", self.compared(), named(custom.iter().cloned()));
        (!custom.is_empty()).then(|| self.waits_until(why(), until))
    }

    fn operation(&self) -> Option<&'a OperationState> {
        self.application.status.operation_state.as_ref()
    }

    fn is_synced(&self) -> bool {
        self.application.status.sync.status == "Synced"
    }

    fn held_by_name(&self) -> bool {
        matches!(self.wanted.held_by(self.application, self.ancestry), Held::Yes { by_name: true, .. })
    }

    /// The revision that counts, for people.
    fn compared(&self) -> String {
        match self.wanted.held_by(self.application, self.ancestry) {
            Held::Yes { revision, .. } | Held::Unknown(revision) => short(revision),
            Held::No => {
                let revisions = self.application.compared_revisions();
                let revisions: Vec<String> = match self.wanted {
                    Wanted::Commit { sources, .. } => {
                        sources.iter().filter_map(|source| revisions.get(*source)).map(|it| short(it)).collect()
                    }
                    _ => revisions.iter().map(|revision| short(revision)).collect(),
                };
                if revisions.is_empty() { "no revision".to_owned() } else { revisions.join(" ") }
            }
        }
    }

    /// The workloads that are not complete, for people.
    fn unfinished(&self) -> Option<String> {
        let mut unfinished = self.rollouts.unfinished().peekable();
        unfinished.peek()?;
        Some(cut(&named(unfinished.map(ToString::to_string))))
    }

    fn waits(&self, why: impl AsRef<str>) -> Verdict {
        Verdict::Waits { why: self.worded(why.as_ref()), until: None, sync_again: false }
    }

    fn waits_until(&self, why: impl AsRef<str>, until: Timestamp) -> Verdict {
        Verdict::Waits { why: self.worded(why.as_ref()), until: Some(until), sync_again: false }
    }

    /// With whose trouble it is, the errors that Argo CD reports of it, and what is not seen of it.
    fn worded(&self, why: &str) -> String {
        let errors = self.application.errors().map(|error| format!("{}: {}", error.r#type, cut(&error.message)));
        let remarks: Vec<String> = errors.chain(self.rollouts.hidden.clone()).collect();
        let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) };
        format!("Application {}: {why}{remarks}", self.title)
    }
}

/// The first few of them, and how many more there are.
fn named(texts: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = texts.collect();
    let (first, rest) = all.split_at(all.len().min(MAX_NAMED));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests;
