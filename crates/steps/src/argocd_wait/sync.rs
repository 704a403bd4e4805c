//! The two things the step changes of an Application: the annotation that asks for a comparison, and the operation.
//!
//! *Idempotency:* the operation carries the effect's key, so one that is there is found and adopted. It is set at the
//! `resourceVersion` at which none was seen, so no two of them meet.

use serde_json::{Value, json};
use sluice_api::step::{ArgocdRefresh, ArgocdSync};

use super::application::{Application, OperationState, Source};
use super::wanted::{Ancestry, Held, Wanted};

/// The name of the operation's info that holds the effect's key.
pub(super) const KEY: &str = "sluice.dev/key";
/// The name of the operation's info that says which run started it.
const RUN: &str = "sluice.dev/run";
/// Who the operation says it is from.
const USER: &str = "sluice";
/// The annotation that asks Argo CD for a comparison, and that Argo CD removes when it has done it.
pub(super) const REFRESH: &str = "argocd.argoproj.io/refresh";

/// What is to be done for the sync.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// It is there.
    Adopt,
    /// Something else is in the way; for people.
    WaitFor(String),
    /// This merge patch starts it.
    Start(Value),
}

/// The sync to be started.
#[derive(Debug)]
pub(super) struct SyncWanted<'a> {
    pub(super) config: &'a ArgocdSync,
    pub(super) wanted: &'a Wanted,
    pub(super) ancestry: &'a Ancestry,
    pub(super) key: &'a str,
    /// The run, as `namespace/name`.
    pub(super) run: String,
}

/// Finds the sync, or says how to start it.
pub(super) fn next(application: &Application, sync: &SyncWanted<'_>) -> Next {
    let state = application.status.operation_state.as_ref();
    let is_requested = application.operation.as_ref().is_some_and(|operation| operation.carries(sync.key));
    if is_requested || state.is_some_and(|state| state.operation.carries(sync.key)) {
        return Next::Adopt;
    }
    if application.metadata.deletion_timestamp.is_some() {
        return Next::WaitFor("it is being deleted".to_owned());
    }
    if application.operation.is_some() || state.is_some_and(OperationState::is_under_way) {
        return Next::WaitFor("waits for the end of another sync before it starts its own".to_owned());
    }
    Next::Start(patch(application, sync))
}

/// As Argo CD's own API server starts a sync, with the options and the retries that the Application specifies. The state
/// of the operation before is removed: Argo CD merges the new one into it, and would take over members of the old.
fn patch(application: &Application, sync: &SyncWanted<'_>) -> Value {
    let mut request = json!({"prune": sync.config.prune.unwrap_or(false)});
    if application.spec.sources.is_empty() {
        let targets = targets(application, sync);
        request["revision"] = json!(targets.first().map_or("HEAD", String::as_str));
    } else {
        request["revisions"] = json!(targets(application, sync));
    }
    if let Some(options) = &application.spec.sync_policy.sync_options {
        request["syncOptions"] = options.clone();
    }
    let mut operation = json!({
        "sync": request,
        "info": [{"name": KEY, "value": sync.key}, {"name": RUN, "value": sync.run}],
        "initiatedBy": {"username": USER},
    });
    if let Some(retry) = &application.spec.sync_policy.retry {
        operation["retry"] = retry.clone();
    }
    let version = &application.metadata.resource_version;
    let mut patch = json!({"metadata": {"resourceVersion": version}, "operation": operation});
    if application.status.operation_state.is_some() {
        patch["status"] = json!({"operationState": null});
    }
    patch
}

/// The revision of each source to sync to, never empty: Argo CD would take over that of an earlier operation.
fn targets(application: &Application, sync: &SyncWanted<'_>) -> Vec<String> {
    let compared = application.compared_revisions();
    let tracked = |source: &Source| {
        if source.target_revision.is_empty() { "HEAD".to_owned() } else { source.target_revision.clone() }
    };
    let mut targets: Vec<String> = application.sources().iter().map(tracked).collect();
    match sync.wanted {
        // A later commit that holds the wanted one is not taken back. Of several sources in the repository each is left at
        // what it tracks: one of them may be a tag.
        Wanted::Commit { sha, sources } if sources.len() == 1 => {
            let held = match sync.wanted.held_by(application, sync.ancestry) {
                Held::Yes { revision, .. } if compared.contains(&revision) => revision,
                _ => sha.as_str(),
            };
            let target = sources.first().and_then(|source| targets.get_mut(*source));
            if let Some(target) = target {
                *target = held.to_owned();
            }
        }
        Wanted::Revision(revision) if targets.len() == 1 => targets = vec![revision.clone()],
        Wanted::Commit { .. } | Wanted::Revision(_) | Wanted::Any => {}
    }
    targets
}

/// The merge patch that asks for a comparison; `None` when one as thorough is asked for already.
pub(super) fn refresh(application: &Application, refresh: ArgocdRefresh) -> Option<Value> {
    let wanted = match refresh {
        ArgocdRefresh::Normal => "normal",
        ArgocdRefresh::Hard => "hard",
    };
    let asked = application.metadata.annotations.as_ref().and_then(|annotations| annotations.get(REFRESH));
    let is_asked = asked.is_some_and(|asked| asked == "hard" || asked == wanted);
    (!is_asked).then(|| json!({"metadata": {"annotations": {REFRESH: wanted}}}))
}

#[cfg(test)]
mod tests;
