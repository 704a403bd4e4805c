//! The runs that a run's steps start and end: as the controller itself, in the run's own namespace.
//!
//! A child acts as its own pipeline's service account. That a pipeline may start the others of its namespace is the right of
//! whoever may change it.

use async_trait::async_trait;
use kube::{Api, ResourceExt, api::PostParams};
use serde::de::DeserializeOwned;
use sluice_api::{ActionType, Pipeline, PipelineRun, PipelineSpec, RunAction, names};
use sluice_engine::Failure;
use sluice_steps::Runs;

use crate::{
    guarded::Guarded,
    patch::{self, Member, Version},
    world::RunWorld,
};

#[async_trait]
impl Runs for RunWorld {
    async fn run(&self, name: &str) -> Result<Option<PipelineRun>, Failure> {
        self.get(name).await
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineSpec>, Failure> {
        Ok(self.get::<Pipeline>(name).await?.map(|pipeline| pipeline.spec))
    }

    async fn create(&self, run: &PipelineRun) -> Result<bool, Failure> {
        let runs: Api<PipelineRun> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let params = PostParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match runs.create(&params, run).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(false),
            Err(error) => Err(failed(&format!("create run {:?}", run.name_any()), &error)),
        }
    }

    async fn abort(&self, run: &PipelineRun, reason: &str) -> Result<(), Failure> {
        let (name, version) = (run.name_any(), run.resource_version().unwrap_or_default());
        let entry = RunAction::new(ActionType::Abort, &*self.context.user, Some(reason.to_owned()));
        let version = Version { namespace: &self.namespace, name: &name, resource_version: &version };
        match patch::set::<PipelineRun>(&self.context.client, version, Member::NextAction, &entry).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => {
                Err(Failure::transient("Conflict", format!("run {name:?} changed since it was read")))
            }
            Err(error) => Err(failed(&format!("abort run {name:?}"), &error)),
        }
    }
}

impl RunWorld {
    async fn get<K>(&self, name: &str) -> Result<Option<K>, Failure>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + DeserializeOwned,
    {
        let kind = K::kind(&());
        let objects: Api<Guarded<K>> = Api::namespaced(self.context.client.clone(), &self.namespace);
        match objects.get_opt(name).await {
            Ok(None) => Ok(None),
            Ok(Some(Guarded(Ok(object)))) => Ok(Some(object)),
            Ok(Some(Guarded(Err(invalid)))) => {
                let message = format!("{kind} {name:?} cannot be read: {}", invalid.error);
                Err(Failure::definite(format!("{kind}Malformed"), message))
            }
            Err(error) => Err(failed(&format!("read {kind} {name:?}"), &error)),
        }
    }
}

/// A request that the API server refused will be refused again; whether any other was carried out is not known.
pub(crate) fn failed(what: &str, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if (400..500).contains(&status.code) && !matches!(status.code, 408 | 409 | 429) => {
            Failure::definite(status.reason.clone(), format!("failed to {what}: {}", status.message))
        }
        error => Failure::transient("KubernetesUnavailable", format!("failed to {what}: {error}")),
    }
}
