//! What successful runs brought to their Environments, on its way into the statuses of those.
//!
//! Whenever a run that has succeeded is seen, at its end or at the start of the controller, it is compared with what the
//! Environment's status says. What that lacks is kept here, and the Environment's reconcile writes it. Lost with the process it is
//! found again, as long as the run is there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use futures::channel::mpsc;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt};
use kube_runtime::reflector::Store;
use serde_json::{Map, Value};
use sluice_api::{Environment, EnvironmentStatus, PipelineRun, resolve_params};
use sluice_engine::{RunPhase, RunState, StagePhase};

use super::{EnvironmentRef, reference, status};
use crate::{
    context::{Context, is_listed},
    decode::Decoded,
    guarded::Guarded,
    revisions,
};

/// A run that succeeded with a stage in an Environment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(super) run: ObjectReference,
    pub(super) pipeline: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// When it ended.
    pub(super) at: Timestamp,
    /// Who asked for it.
    pub(super) by: Option<String>,
    pub(super) built: Option<Built>,
}

/// What it brought there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Built {
    pub(super) component: String,
    pub(super) version: Option<String>,
    pub(super) sha: Option<String>,
}

impl Built {
    /// What a run with these parameters brings.
    fn of(params: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| match params.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Some(Self { component: text("component")?, version: text("version"), sha: text("sha") })
    }

    /// Whether it has a version of any kind.
    pub(super) fn says_what(&self) -> bool {
        self.version.is_some() || self.sha.is_some()
    }
}

impl Record {
    /// Whether the status has this run as the last one of its pipeline.
    pub(super) fn is_last_in(&self, status: &EnvironmentStatus) -> bool {
        status.last_succeeded_runs.iter().any(|run| run.uid == self.uid && run.at == self.at)
    }

    /// Why the component was not written down; `None` where it was, or the run names none.
    pub(super) fn unwritten(&self, environment: &Environment) -> Option<String> {
        let built = self.built.as_ref()?;
        let (component, name) = (&built.component, environment.name_any());
        if !environment.spec.components.iter().any(|declared| declared.name == *component) {
            return Some(format!(
                "Environment {name:?} does not declare component {component:?}, so it does not say what was deployed: add it \
                 to spec.components"
            ));
        }
        (!built.says_what()).then(|| {
            format!(
                "what was deployed of component {component:?} to Environment {name:?} is not known: give the run a parameter \
                 `version` or `sha`"
            )
        })
    }

    /// Whether the other one says all that this one does, and is newer.
    fn is_outdone_by(&self, other: &Self) -> bool {
        let component = |record: &Self| record.built.as_ref().map(|built| built.component.clone());
        self.pipeline == other.pipeline
            && component(self) == component(other)
            && (self.at, &self.uid, &self.name) <= (other.at, &other.uid, &other.name)
    }
}

/// What is to be written, by Environment.
pub(crate) struct Records {
    environments: Store<Guarded<Environment>>,
    open: Mutex<HashMap<EnvironmentRef, Vec<Record>>>,
    wake: mpsc::UnboundedSender<EnvironmentRef>,
}

impl Records {
    /// With what the watch shows of Environments, and the way to have one reconciled.
    pub(crate) fn new(environments: Store<Guarded<Environment>>, wake: mpsc::UnboundedSender<EnvironmentRef>) -> Self {
        Self { environments, open: Mutex::default(), wake }
    }

    /// Whether the stages of this Environment have to be approved unless they say so themselves, as far as the watch shows.
    pub(crate) fn wants_approval(&self, namespace: &str, name: &str) -> bool {
        let environment = self.environments.get(&reference(namespace, name));
        environment.is_some_and(|environment| environment.0.as_ref().is_ok_and(|it| it.spec.approval.is_some()))
    }

    /// Whether the watch has shown all Environments.
    pub(crate) fn are_known(&self) -> bool {
        is_listed(&self.environments)
    }

    /// What is to be written to an Environment.
    pub(super) fn of(&self, environment: &EnvironmentRef) -> Vec<Record> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(environment).cloned().unwrap_or_default()
    }

    /// These are written.
    pub(super) fn forget(&self, environment: &EnvironmentRef, written: &[Record]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(records) = open.get_mut(environment) {
            records.retain(|record| !written.contains(record));
            if records.is_empty() {
                open.remove(environment);
            }
        }
    }

    /// Keeps it until it is written. What an Environment that is gone would have been told stays until it is made again; there is
    /// one of each pipeline and component.
    fn keep(&self, environment: &EnvironmentRef, record: Record) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let records = open.entry(environment.clone()).or_default();
        if records.iter().any(|known| record.is_outdone_by(known)) {
            return;
        }
        records.retain(|known| !known.is_outdone_by(&record));
        records.push(record);
        drop(open);
        // Fails only when the controller ends.
        let _ = self.wake.unbounded_send(environment.clone());
    }

    fn known(&self, environment: &EnvironmentRef) -> Option<Arc<Guarded<Environment>>> {
        self.environments.get(environment)
    }
}

/// Has a run that has succeeded written down by the Environments of its stages, where they do not have it.
///
/// *Idempotency:* what is written already costs a look at what the watch shows, and no request.
pub(crate) async fn succeeded(context: &Context, object: &PipelineRun, run: &Decoded) -> Result<(), revisions::Error> {
    let Some(at) = succeeded_at(&run.state) else { return Ok(()) };
    let mut record = Record {
        run: object.object_ref(&()),
        pipeline: run.identity.pipeline.clone(),
        name: run.identity.name.clone(),
        uid: run.identity.uid.clone(),
        at,
        by: Some(run.identity.requested_by.clone()).filter(|by| !by.is_empty()),
        built: None,
    };
    let mut is_complete = false;
    for name in environments(&run.state) {
        let this = reference(&run.identity.namespace, name);
        let known = context.records.known(&this);
        let known = known.as_ref().and_then(|known| known.0.as_ref().ok());
        let status = known.and_then(|known| known.status.as_ref());
        if status.is_some_and(|status| record.is_last_in(status)) {
            continue;
        }
        if !is_complete {
            record.built = Built::of(&params(context, object, run).await?);
            is_complete = true;
        }
        let nothing = EnvironmentStatus::default();
        if known.is_none_or(|known| status::is_news(&known.spec, status.unwrap_or(&nothing), &record)) {
            context.records.keep(&this, record.clone());
        }
    }
    Ok(())
}

/// When the run succeeded, if it did.
fn succeeded_at(state: &RunState) -> Option<Timestamp> {
    let has_succeeded = state.is_finished() && state.phase == RunPhase::Succeeded;
    state.finished_at.filter(|_| has_succeeded)
}

/// The Environments in which a stage succeeded.
fn environments(state: &RunState) -> BTreeSet<&str> {
    let stages = state.stages.iter().filter(|stage| stage.phase == StagePhase::Succeeded);
    stages.filter_map(|stage| stage.environment.as_deref()).collect()
}

/// The run's parameters, with the defaults of the version of its pipeline that it kept to; without them where that is gone or
/// cannot be read any more.
async fn params(
    context: &Context,
    object: &PipelineRun,
    run: &Decoded,
) -> Result<Map<String, Value>, revisions::Error> {
    let own = || {
        let values = object.spec.params.iter();
        values.map(|(name, value)| (name.clone(), serde_json::to_value(value).unwrap_or_default())).collect()
    };
    let Some(revision) = &run.status.pipeline_revision else { return Ok(own()) };
    let pinned = match context.revisions.get(&context.client, &run.identity.namespace, revision).await {
        Err(error @ revisions::Error::Api { .. }) => return Err(error),
        Ok(Some(pinned)) => pinned,
        Ok(None) | Err(_) => return Ok(own()),
    };
    Ok(resolve_params(&pinned.spec.params, &object.spec.params).unwrap_or_else(|_| own()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_component_is_named_by_parameters_of_any_type() {
        let built = |params: Value| Built::of(params.as_object().unwrap());
        let text = |text: &str| Some(text.to_owned());
        let web = |version, sha| Some(Built { component: "web".to_owned(), version, sha });
        assert_eq!(built(json!({"component": "web", "version": "1.10", "sha": "9f"})), web(text("1.10"), text("9f")));
        assert_eq!(built(json!({"component": "web", "version": 7, "sha": null})), web(text("7"), None));
        assert_eq!(built(json!({"version": "1.10"})), None);
    }

    #[test]
    fn only_stages_that_succeeded_count() {
        let state: RunState = serde_json::from_value(json!({"stages": [
            {"name": "a", "phase": "Succeeded", "environment": "staging"},
            {"name": "b", "phase": "Skipped", "environment": "canary"},
            {"name": "c", "phase": "Succeeded"},
            {"name": "d", "phase": "Succeeded", "environment": "production", "item": "eu"},
            {"name": "d", "phase": "Succeeded", "environment": "production", "item": "us"},
        ]}))
        .unwrap();
        assert_eq!(environments(&state).into_iter().collect::<Vec<_>>(), ["production", "staging"]);
    }
}
