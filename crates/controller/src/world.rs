//! The world of a run in a cluster: its service account, and what was allowed to this controller.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::Api;
use sluice_api::{EnvironmentSpec, ScmProvider, ScmProviderSpec};
use sluice_engine::Failure;
use sluice_steps::{HttpClient, Locks, Report, Runs, World, allowed};

use crate::{accounts, context::Context};

/// The world as one run sees it.
#[derive(Clone)]
pub(crate) struct RunWorld {
    pub(crate) context: Arc<Context>,
    pub(crate) namespace: String,
    pub(crate) pipeline: String,
    /// The pipeline's service account.
    pub(crate) account: String,
    /// The Environment of the stage that looks at it, whose service account goes before.
    pub(crate) environment: Option<String>,
    pub(crate) run: ObjectReference,
}

impl RunWorld {
    /// The account to act as, and what names it: asked for each time, so that a pipeline that is not allowed any more acts no
    /// more.
    async fn account(&self) -> Result<(String, String), Failure> {
        let own = || (self.account.clone(), "the pipeline".to_owned());
        let Some(name) = &self.environment else { return Ok(own()) };
        let Context { fences, client, .. } = &*self.context;
        let environment = fences.lately(client, &self.namespace, name, &self.pipeline).await?;
        allowed(name, &environment, &self.pipeline)?;
        let account = environment.service_account_name.clone();
        Ok(account.map_or_else(own, |account| (account, format!("Environment {name:?}"))))
    }
}

#[async_trait]
impl World for RunWorld {
    async fn kubernetes(&self) -> Result<kube::Client, Failure> {
        let (account, of) = self.account().await?;
        let client = self.context.accounts.client(&self.namespace, &account, &of).await;
        client.map_err(|error| match &error {
            accounts::Error::NotFound { .. } => Failure::definite("ServiceAccountNotFound", error.to_string()),
            accounts::Error::Read { source, .. } | accounts::Error::Client { source, .. } => {
                Failure::transient("KubernetesUnavailable", format!("{error}: {source}"))
            }
        })
    }

    fn owner(&self) -> Option<OwnerReference> {
        let ObjectReference { api_version, kind, name, uid, .. } = self.run.clone();
        let block_owner_deletion = None;
        let (api_version, kind, name, uid) = (api_version?, kind?, name?, uid?);
        Some(OwnerReference { api_version, kind, name, uid, controller: Some(true), block_owner_deletion })
    }

    fn http(&self) -> &HttpClient {
        &self.context.http
    }

    fn runs(&self) -> &dyn Runs {
        self
    }

    fn locks(&self) -> &dyn Locks {
        self
    }

    async fn environment(&self, name: &str) -> Result<EnvironmentSpec, Failure> {
        let environment = self.context.fences.now(&self.context.client, &self.namespace, name).await?;
        allowed(name, &environment, &self.pipeline)?;
        Ok(EnvironmentSpec::clone(&environment))
    }

    fn within(&self, environment: &str) -> Option<Arc<dyn World>> {
        Some(Arc::new(Self { environment: Some(environment.to_owned()), ..self.clone() }))
    }

    async fn scm_provider(&self, name: &str) -> Result<ScmProviderSpec, Failure> {
        let providers: Api<ScmProvider> = Api::namespaced(self.context.client.clone(), &self.namespace);
        match providers.get_opt(name).await {
            Ok(Some(provider)) => Ok(provider.spec),
            Ok(None) => {
                let namespace = &self.namespace;
                let message = format!(
                    "there is no ScmProvider {name:?} in namespace {namespace:?}: create it, or correct providerRef"
                );
                Err(Failure::definite("ScmProviderNotFound", message))
            }
            // It is past our types: of a newer version, for example.
            Err(kube::Error::SerdeError(error)) => {
                Err(Failure::definite("ScmProviderMalformed", format!("ScmProvider {name:?} cannot be read: {error}")))
            }
            Err(error) => {
                let message = format!("failed to read ScmProvider {name:?}: {error}");
                Err(Failure::transient("KubernetesUnavailable", message))
            }
        }
    }

    async fn report(&self, report: Report) {
        self.context.reports.send(&self.run, report);
    }
}
