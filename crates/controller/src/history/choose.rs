//! Which runs of a pipeline go. Pure.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use sluice_api::{PipelineRun, PipelineSpec, names};
use sluice_engine::RunPhase;

/// What Argo CD marks with what it tracks, by its choice: see "Resource Tracking" in its user guide.
const TRACKING_ANNOTATION: &str = "argocd.argoproj.io/tracking-id";

/// The label it tracks by unless it is told another one, and the other one that its user guide advises.
const TRACKING_LABELS: [&str; 2] = ["app.kubernetes.io/instance", "argocd.argoproj.io/instance"];

/// How many runs of a pipeline are kept, and how long; what is not set keeps all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    succeeded: Option<usize>,
    failed: Option<usize>,
    ttl: Option<SignedDuration>,
}

impl Limits {
    /// Those of a pipeline, if it has any.
    pub(super) fn of(spec: &PipelineSpec) -> Option<Self> {
        let limits = spec.history_limits.clone().unwrap_or_default();
        let limit = |number: Option<i32>| number.and_then(|number| usize::try_from(number).ok());
        let limits = Self {
            succeeded: limit(limits.succeeded),
            failed: limit(limits.failed),
            ttl: spec.ttl_after_finished.map(sluice_api::Duration::get),
        };
        (limits != Self::default()).then_some(limits)
    }

    /// When the time of a run is over that ended then.
    fn expiry(&self, end: Timestamp) -> Option<Timestamp> {
        end.checked_add(self.ttl?).ok()
    }
}

/// A run that has ended, and counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended<'a> {
    pub(super) name: &'a str,
    pub(super) uid: &'a str,
    pub(super) resource_version: &'a str,
    /// When.
    pub(super) at: Timestamp,
    /// Whether well; aborted is not well.
    well: bool,
    /// Whether somebody still needs it.
    pub(super) is_needed: bool,
    /// Whether a ComponentUpdate of its name started it.
    pub(super) is_of_update: bool,
}

impl<'a> Ended<'a> {
    /// What counts of a run; `None` for one that limits do not concern. `unfinished` are the UIDs of runs that may not have
    /// ended.
    pub(super) fn of(run: &'a PipelineRun, unfinished: &HashSet<&str>) -> Option<Self> {
        let status = run.status.as_ref()?;
        if run.metadata.deletion_timestamp.is_some() || is_tracked(run) {
            return None;
        }
        let is_of_update = run.spec.trigger.as_ref().is_some_and(|trigger| trigger.component_update.is_some());
        // It looks for its children until its end.
        let parent = run.spec.trigger.as_ref().and_then(|trigger| trigger.parent.as_ref());
        let has_parent = parent.is_some_and(|parent| unfinished.contains(parent.uid.as_str()));
        let is_held = run.finalizers().iter().any(|finalizer| finalizer == names::FINALIZER);
        // The controller answers them in order: someone has just asked for something, perhaps to try again.
        let is_asked = !run.unanswered().is_empty();
        // It would let the lock go.
        let keeps_lock = status.state.lock.is_some();
        Some(Self {
            name: run.metadata.name.as_deref()?,
            uid: run.metadata.uid.as_deref()?,
            resource_version: run.metadata.resource_version.as_deref()?,
            at: status.state.finished_at?,
            well: status.state.phase == RunPhase::Succeeded,
            is_needed: has_parent || is_held || is_asked || keeps_lock,
            is_of_update,
        })
    }
}

/// Whether Argo CD may have made the run, and would make it again. The labels are also set by others, such as Helm; what they
/// have made is as little ours to delete.
fn is_tracked(run: &PipelineRun) -> bool {
    run.annotations().contains_key(TRACKING_ANNOTATION)
        || TRACKING_LABELS.iter().any(|label| run.labels().contains_key(*label))
}

/// Why a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    TooMany,
    TooOld,
}

impl Why {
    /// The field of the pipeline that says so.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::TooMany => "historyLimits",
            Self::TooOld => "ttlAfterFinished",
        }
    }
}

/// What is to be done with the runs of a pipeline that have ended.
#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    /// The runs that go, the newest first.
    pub(super) go: Vec<(Ended<'a>, Why)>,
    /// When the time of the next one is over.
    pub(super) next: Option<Timestamp>,
}

/// Chooses among the runs of one pipeline: of those that ended well, and of the others, the newest stay. One that is still
/// needed stays too, and counts.
pub(super) fn choose(limits: Limits, mut ended: Vec<Ended<'_>>, now: Timestamp) -> Choice<'_> {
    ended.sort_unstable_by(|a, b| (b.at, b.uid).cmp(&(a.at, a.uid)));
    let (mut succeeded, mut failed) = (0, 0);
    let mut choice = Choice::default();
    for run in ended {
        let (newer, limit) = if run.well { (&mut succeeded, limits.succeeded) } else { (&mut failed, limits.failed) };
        let is_too_many = limit.is_some_and(|limit| *newer >= limit);
        *newer += 1;
        let expiry = limits.expiry(run.at);
        match (run.is_needed, expiry) {
            (true, _) => {}
            (false, Some(expiry)) if expiry <= now => choice.go.push((run, Why::TooOld)),
            (false, _) if is_too_many => choice.go.push((run, Why::TooMany)),
            // From the newest to the oldest: the last one is the next.
            (false, expiry) => choice.next = expiry.or(choice.next),
        }
    }
    choice
}

#[cfg(test)]
mod tests;
