//! What an update's own status says. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sluice_api::{ComponentUpdate, ComponentUpdateStatus, LocalReference, UpdateName, Verdict, names};

/// Where the deployment of an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment<'a> {
    /// None was wanted when it was recorded.
    Unwanted,
    /// Its run is yet to be started.
    Queued,
    /// This run was started, and has not ended as far as is written.
    Running(&'a str),
    /// It was deployed or not, by this run if there was one.
    Over(Option<&'a str>),
}

/// The order among the updates of a component.
pub(super) fn order(update: &ComponentUpdate) -> (i64, Option<Timestamp>, &str) {
    let metadata = &update.metadata;
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    (update.spec.sequence, created, metadata.name.as_deref().unwrap_or_default())
}

/// Its UID.
pub(super) fn uid(update: &ComponentUpdate) -> &str {
    update.metadata.uid.as_deref().unwrap_or_default()
}

/// It, as others name it.
pub(super) fn name(update: &ComponentUpdate) -> UpdateName {
    UpdateName { name: update.metadata.name.clone().unwrap_or_default(), uid: uid(update).to_owned() }
}

/// Whether it is written that its Environment knows of it.
pub(super) fn is_recorded(update: &ComponentUpdate) -> bool {
    condition(update, names::RECORDED).is_some_and(|condition| condition.status == "True")
}

/// Where its deployment stands.
pub(super) fn deployment(update: &ComponentUpdate) -> Deployment<'_> {
    let run = update.status.as_ref().and_then(|status| status.run_ref.as_ref()).map(|run| run.name.as_str());
    match (condition(update, names::DEPLOYED), run) {
        (None, _) => Deployment::Unwanted,
        (Some(deployed), Some(run)) if deployed.status == "Unknown" => Deployment::Running(run),
        (Some(deployed), None) if deployed.status == "Unknown" => Deployment::Queued,
        (Some(_), run) => Deployment::Over(run),
    }
}

/// Whether a run may still come of the update, or is under way for it, or is not known to have ended: then nothing of it is
/// deleted.
pub(crate) fn is_open(update: &ComponentUpdate) -> bool {
    !is_recorded(update) || matches!(deployment(update), Deployment::Queued | Deployment::Running(_))
}

pub(super) fn condition<'a>(update: &'a ComponentUpdate, of: &str) -> Option<&'a Condition> {
    update.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == of)
}

/// Whether the condition says this already.
pub(super) fn says(update: &ComponentUpdate, verdict: &Verdict) -> bool {
    let before = update.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let then = verdict.clone().at(Timestamp::UNIX_EPOCH, update.metadata.generation, before);
    condition(update, verdict.condition)
        .is_some_and(|now| (&now.status, &now.reason, &now.message) == (&then.status, &then.reason, &then.message))
}

/// The status with these verdicts and this run; `None` if it says so already.
pub(super) fn with(
    update: &ComponentUpdate,
    verdicts: Vec<Verdict>,
    run: Option<&str>,
    now: Timestamp,
) -> Option<ComponentUpdateStatus> {
    let before = update.status.clone().unwrap_or_default();
    let run_ref = run.map(|name| LocalReference { name: name.to_owned() }).or_else(|| before.run_ref.clone());
    if verdicts.iter().all(|verdict| says(update, verdict)) && run_ref == before.run_ref {
        return None;
    }
    let mut conditions = before.conditions.clone();
    for verdict in verdicts {
        let condition = verdict.at(now, update.metadata.generation, &before.conditions);
        match conditions.iter_mut().find(|known| known.type_ == condition.type_) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }
    Some(ComponentUpdateStatus { conditions, run_ref })
}
