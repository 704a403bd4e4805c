//! The world of a run in a cluster: its service account, and what was allowed to this controller.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::Api;
use sluice_api::{ScmProvider, ScmProviderSpec};
use sluice_engine::Failure;
use sluice_steps::{HttpClient, Report, Runs, World};

use crate::{accounts, context::Context};

/// The world as one run sees it.
pub(crate) struct RunWorld {
    pub(crate) context: Arc<Context>,
    pub(crate) namespace: String,
    pub(crate) account: String,
    pub(crate) run: ObjectReference,
}

#[async_trait]
impl World for RunWorld {
    async fn kubernetes(&self) -> Result<kube::Client, Failure> {
        let client = self.context.accounts.client(&self.namespace, &self.account).await;
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
