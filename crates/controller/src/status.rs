//! The one patch that writes a run's status.

use async_trait::async_trait;
use kube::{Api, Client};
use sluice_api::{PipelineRun, PipelineRunStatus};
use sluice_engine::RunState;
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
    /// Told about every state that is about to be written: what it waits for is indexed before it is looked at.
    before: Box<dyn Fn(&RunState) + Send + Sync + 'a>,
}

impl<'a> StatusStore<'a> {
    pub(crate) fn new(client: Client, run: &Decoded, before: impl Fn(&RunState) + Send + Sync + 'a) -> Self {
        Self {
            client,
            namespace: run.identity.namespace.clone(),
            name: run.identity.name.clone(),
            resource_version: run.resource_version.clone(),
            generation: run.generation,
            base: run.status.clone(),
            before: Box::new(before),
        }
    }

    /// The run keeps to this version of its pipeline.
    pub(crate) fn pin(&mut self, revision: String) {
        self.base.pipeline_revision = Some(revision);
    }

    /// Says of a run that something is missing before it can go on, and what.
    pub(crate) async fn persist_missing(
        &mut self,
        state: &RunState,
        reason: &str,
        message: String,
    ) -> Result<(), Error> {
        let (generation, missing) = (self.generation, (reason, message));
        match self.base.of_missing(state, missing, generation, now()) {
            Some(status) => self.write(&status).await,
            None => Ok(()),
        }
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
        let status = self.base.of_state(state, self.generation, now());
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
