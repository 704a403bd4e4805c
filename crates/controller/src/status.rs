//! State -> status, and the one patch that writes it.

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{Api, Client};
use sluice_api::{ActionResult, ActionType, PipelineRun, PipelineRunStatus, RunAction, names, summarize};
use sluice_engine::{RunPhase, RunState};
use sluice_steps::drive::Store;
use tokio::time::timeout;

use crate::{
    client::REQUEST_TIMEOUT,
    context::now,
    decode::Decoded,
    patch::{self, Member, Version},
};

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Somebody else wrote the object since it was read.
    #[error("the run changed since it was read")]
    Conflict,
    /// The run is gone.
    #[error("the run is gone")]
    Gone,
    #[error("failed to write the status")]
    Write(#[source] kube::Error),
    #[error("failed to read the run again")]
    Read(#[source] kube::Error),
    #[error("the API server did not answer the write of the status in time")]
    Timeout,
}

/// The status of one run.
pub(crate) struct StatusStore<'a> {
    client: Client,
    namespace: String,
    name: String,
    /// The version that the next write is made from.
    pub(crate) resource_version: String,
    generation: Option<i64>,
    /// The status without the state.
    base: PipelineRunStatus,
    actions: &'a [RunAction],
    /// Told about every state that is about to be written: what it waits for is indexed before it is looked at.
    before: Box<dyn Fn(&RunState) + Send + Sync + 'a>,
}

impl<'a> StatusStore<'a> {
    pub(crate) fn new(
        client: Client,
        run: &Decoded,
        actions: &'a [RunAction],
        before: impl Fn(&RunState) + Send + Sync + 'a,
    ) -> Self {
        Self {
            client,
            namespace: run.identity.namespace.clone(),
            name: run.identity.name.clone(),
            resource_version: run.resource_version.clone(),
            generation: run.generation,
            base: run.status.clone(),
            actions,
            before: Box::new(before),
        }
    }

    /// The run keeps to this version of its pipeline.
    pub(crate) fn pin(&mut self, revision: String) {
        self.base.pipeline_revision = Some(revision);
    }

    /// Writes the status of a run that has not started, with the reason why.
    pub(crate) async fn persist_pending(
        &mut self,
        state: &RunState,
        reason: &str,
        message: String,
    ) -> Result<(), Error> {
        let unknown = condition("Unknown", reason, &message, &self.base.conditions, self.generation, now());
        if self.base.message.as_ref() == Some(&message) && self.base.conditions == [unknown.clone()] {
            return Ok(());
        }
        self.base.observed_generation = self.generation;
        self.base.conditions = vec![unknown];
        self.base.message = Some(message);
        let status = PipelineRunStatus { state: state.clone(), ..self.base.clone() };
        self.write(&status).await
    }

    async fn write(&mut self, status: &PipelineRunStatus) -> Result<(), Error> {
        let Self { namespace, name, resource_version, .. } = &*self;
        let write = patch::set::<PipelineRun>(
            &self.client,
            Version { namespace, name, resource_version },
            Member::Status,
            status,
        );
        match timeout(REQUEST_TIMEOUT, write).await.map_err(|_| Error::Timeout)? {
            Ok(version) => {
                self.resource_version = version;
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Err(Error::Conflict),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(Error::Gone),
            Err(error) => Err(Error::Write(error)),
        }
    }
}

#[async_trait]
impl Store for StatusStore<'_> {
    type Error = Error;

    async fn persist(&mut self, state: &RunState) -> Result<(), Error> {
        (self.before)(state);
        self.base.actions = action_results(self.actions, state, &self.base.actions);
        self.base.observed_generation = self.generation;
        let status = of_state(state, &self.base, self.generation, now());
        self.write(&status).await?;
        self.base = PipelineRunStatus { state: RunState::default(), ..status };
        Ok(())
    }

    async fn confirm(&mut self) -> Result<(), Error> {
        let runs: Api<PipelineRun> = Api::namespaced(self.client.clone(), &self.namespace);
        match runs.get_metadata(&self.name).await {
            Ok(object) if object.metadata.resource_version.as_deref() == Some(&self.resource_version) => Ok(()),
            Ok(_) => Err(Error::Conflict),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(Error::Gone),
            Err(error) => Err(Error::Read(error)),
        }
    }
}

/// The whole status of a run in this state; `base` is the status before it.
fn of_state(state: &RunState, base: &PipelineRunStatus, generation: Option<i64>, now: Timestamp) -> PipelineRunStatus {
    let (step, message, waiting_on) = summarize(state);
    let (status, reason) = match (state.phase, &state.ending) {
        (RunPhase::Succeeded, _) => ("True", "Succeeded".to_owned()),
        (RunPhase::Failed | RunPhase::Aborted, Some(ending)) => ("False", ending.reason.clone()),
        (RunPhase::Failed | RunPhase::Aborted, None) => ("False", format!("{:?}", state.phase)),
        (RunPhase::Pending | RunPhase::Running, _) => {
            ("Unknown", if waiting_on.is_some() { "Waiting" } else { "Running" }.to_owned())
        }
    };
    let text = message.clone().unwrap_or_default();
    let condition = condition(status, &reason, &text, &base.conditions, generation, now);
    PipelineRunStatus { conditions: vec![condition], message, step, waiting_on, state: state.clone(), ..base.clone() }
}

/// The condition `Succeeded`; its transition time moves only with its status.
fn condition(
    status: &str,
    reason: &str,
    message: &str,
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let same = before.iter().find(|condition| condition.type_ == names::SUCCEEDED && condition.status == status);
    Condition {
        type_: names::SUCCEEDED.to_owned(),
        status: status.to_owned(),
        // A condition needs a reason of letters.
        reason: if reason.is_empty() { "Unknown".to_owned() } else { reason.to_owned() },
        message: message.to_owned(),
        last_transition_time: same.map_or(Time(now), |condition| condition.last_transition_time.clone()),
        observed_generation: generation,
    }
}

/// What became of the actions, once the run's result is decided.
pub(crate) fn action_results(actions: &[RunAction], state: &RunState, known: &[ActionResult]) -> Vec<ActionResult> {
    let mut results = known.to_vec();
    let Some(ending) = &state.ending else { return results };
    for (index, action) in actions.iter().enumerate().skip(known.len()) {
        let ActionType::Abort = action.r#type;
        let aborted_already = results.iter().any(|result| result.result == "Applied");
        let applied = ending.phase == RunPhase::Aborted && ending.reason == "Aborted" && !aborted_already;
        let (result, message) = match applied {
            true => ("Applied", None),
            false => ("Ignored", Some("the run's result was decided before".to_owned())),
        };
        let index = i32::try_from(index).unwrap_or(i32::MAX);
        results.push(ActionResult { index, result: result.to_owned(), message });
    }
    results
}
