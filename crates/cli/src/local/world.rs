//! The world of a run with no cluster: what the manifests hold, and a cluster behind it where there is a kubeconfig.
//!
//! There, everything is done as the person whom the kubeconfig names: nobody is impersonated.

use std::{
    error::Error as _,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::IpNet;
use jiff::Timestamp;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret};
use kube::{Api, Client, Resource, ResourceExt, config::KubeconfigError};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use sluice_api::{
    Environment, EnvironmentSpec, PipelineRun, PipelineSpec, RunIdentity, ScmProvider, ScmProviderSpec,
    SecretKeyReference,
};
use sluice_engine::Failure;
use sluice_steps::{HttpClient, Locks, Report, Runs, Turn, World, allowed, drive, read_secret, secret_text};
use tokio::sync::OnceCell;

use super::{family::Family, objects::Objects};
use crate::output::Output;

/// What has to be done where a cluster is wanted and there is none.
const NO_CLUSTER: &str = "there is no kubeconfig: set KUBECONFIG, or run this pipeline in a cluster (kubectl apply)";

/// The world as one run sees it.
pub(crate) struct LocalWorld {
    /// From which the paths of local repositories are resolved, of providers that are in the cluster.
    root: PathBuf,
    namespace: String,
    pipeline: String,
    objects: Objects,
    http: HttpClient,
    cluster: OnceCell<Result<Client, String>>,
    output: Arc<Output>,
    /// The runs that its steps start.
    family: Arc<Family>,
}

impl LocalWorld {
    pub(crate) fn new(
        root: PathBuf,
        (namespace, pipeline): (String, String),
        objects: Objects,
        allow_http_to: Vec<IpNet>,
        output: Arc<Output>,
        family: Arc<Family>,
    ) -> anyhow::Result<Self> {
        let http = HttpClient::new(allow_http_to)?;
        Ok(Self { root, namespace, pipeline, objects, http, cluster: OnceCell::new(), output, family })
    }

    /// The runs of this process.
    pub(super) fn family(&self) -> &Arc<Family> {
        &self.family
    }

    /// How many approvals the Environment of this name wants.
    pub(super) fn approvals_wanted_by(&self, environment: &str) -> Option<i32> {
        let environment = self.objects.environment(&self.namespace, environment)?;
        environment.spec.approval.as_ref().map(|approval| approval.required)
    }

    /// The object of this name in the cluster behind; `missing` says that it is nowhere, `also` not there.
    async fn read_in_cluster<K>(&self, name: &str, missing: impl Fn(&str) -> Failure + Send) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
    {
        let Ok(client) = self.kubernetes().await else { return Err(missing("")) };
        match Api::<K>::namespaced(client, &self.namespace).get_opt(name).await {
            Ok(Some(object)) => Ok(object),
            Ok(None) => Err(missing(&format!(" nor in namespace {:?}", self.namespace))),
            // The cluster may have no such kind at all.
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) && status.code != 429 => {
                Err(missing(&format!(", and the cluster says: {}", status.message)))
            }
            Err(error) => {
                let message = format!("failed to read {} {name:?}: {error}", K::kind(&()));
                Err(Failure::transient("KubernetesUnavailable", message))
            }
        }
    }

    /// The git hosts on disk that the run's providers name.
    pub(crate) fn local_hosts(&self) -> Vec<(String, PathBuf)> {
        let providers = self.objects.providers(&self.namespace);
        let locals = providers.filter_map(|provider| {
            let path = self.root.join(&provider.spec.local.as_ref()?.path);
            Some((provider.metadata.name.clone()?, path))
        });
        locals.collect()
    }
}

#[async_trait]
impl World for LocalWorld {
    async fn kubernetes(&self) -> Result<Client, Failure> {
        let connect = || async {
            match (no_cluster().await, sluice_client::client::client().await) {
                (Some(why), _) => Err(why),
                (None, client) => client.map_err(|error| format!("the kubeconfig cannot be used: {error}")),
            }
        };
        self.cluster.get_or_init(connect).await.clone().map_err(|why| Failure::definite("NoCluster", why))
    }

    fn http(&self) -> &HttpClient {
        &self.http
    }

    fn runs(&self) -> &dyn Runs {
        self
    }

    fn locks(&self) -> &dyn Locks {
        self
    }

    async fn environment(&self, name: &str) -> Result<EnvironmentSpec, Failure> {
        let spec = match self.objects.environment(&self.namespace, name) {
            Some(environment) => environment.spec.clone(),
            None => {
                let missing = |also: &str| {
                    let message = format!(
                        "there is no Environment {name:?} among the manifests{also}: add it, or correct the stage's environment"
                    );
                    Failure::definite("EnvironmentNotFound", message)
                };
                self.read_in_cluster::<Environment>(name, missing).await?.spec
            }
        };
        allowed(name, &spec, &self.pipeline).map(|()| by_one_person(spec))
    }

    /// Here everything is done as the person at the terminal.
    fn within(&self, _: &str) -> Option<Arc<dyn World>> {
        None
    }

    async fn scm_provider(&self, name: &str) -> Result<ScmProviderSpec, Failure> {
        let mut providers = self.objects.providers(&self.namespace);
        if let Some(provider) = providers.find(|provider| provider.metadata.name.as_deref() == Some(name)) {
            return Ok(provider.spec.clone());
        }
        let missing = |also: &str| Failure::definite("ScmProviderNotFound", no_provider(name, also));
        Ok(self.read_in_cluster::<ScmProvider>(name, missing).await?.spec)
    }

    async fn secret(&self, namespace: &str, reference: &SecretKeyReference) -> Result<SecretString, Failure> {
        if let Some(secret) = self.objects.secret(namespace, &reference.name) {
            return secret_text(&secret, reference);
        }
        let name = &reference.name;
        let client = self.kubernetes().await.map_err(|failure| {
            let message =
                format!("there is no secret {name:?} among the manifests: add a Secret to them ({})", failure.message);
            Failure::definite("SecretNotFound", message)
        })?;
        read_secret(client, namespace, reference).await
    }

    fn local_root(&self) -> Option<&Path> {
        Some(&self.root)
    }

    async fn report(&self, Report { reason, message, warning }: Report) {
        // Whoever sits here is asked, and is not told whom a cluster would ask.
        if reason == drive::APPROVAL_NEEDED {
            return;
        }
        let warning = if warning { "warning: " } else { "" };
        self.output.note(&format!("{warning}{reason}: {message}"));
    }
}

/// The Environment as one person at a terminal can fulfil it.
fn by_one_person(mut environment: EnvironmentSpec) -> EnvironmentSpec {
    environment.approval.iter_mut().for_each(|approval| approval.required = 1);
    environment
}

/// Whoever begins a run here sees those that are under way: nothing is queued.
#[async_trait]
impl Locks for LocalWorld {
    async fn take(&self, _: &str, _: &RunIdentity, _: Option<Timestamp>) -> Result<Turn, Failure> {
        Ok(Turn::Own)
    }
}

#[async_trait]
impl Runs for LocalWorld {
    async fn run(&self, name: &str) -> Result<Option<PipelineRun>, Failure> {
        self.family.run(name)
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineSpec>, Failure> {
        Ok(self.family.pipeline(&self.namespace, name))
    }

    async fn create(&self, run: &PipelineRun) -> Result<bool, Failure> {
        self.family.create(&self.namespace, run)
    }

    async fn abort(&self, run: &PipelineRun, reason: &str) -> Result<(), Failure> {
        self.family.abort(&run.name_any(), reason)
    }
}

/// A Secret as the API server would keep it: `stringData` is written over `data`.
pub(crate) fn stored(mut secret: Secret) -> Secret {
    let texts = secret.string_data.take().unwrap_or_default();
    let data = secret.data.get_or_insert_default();
    data.extend(texts.into_iter().map(|(key, text)| (key, k8s_openapi::ByteString(text.into_bytes()))));
    secret
}

/// That a provider is missing, `also` from elsewhere.
pub(crate) fn no_provider(name: &str, also: &str) -> String {
    format!("there is no ScmProvider {name:?} among the manifests{also}: add it, or correct providerRef")
}

/// Why no cluster can be asked; `None` where there is a kubeconfig, or the account of a pod.
pub(crate) async fn no_cluster() -> Option<String> {
    let error = kube::Config::infer().await.err()?;
    let cause = error.source().and_then(|cause| cause.downcast_ref::<KubeconfigError>());
    Some(match cause {
        Some(KubeconfigError::FindPath) => NO_CLUSTER.to_owned(),
        Some(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => NO_CLUSTER.to_owned(),
        Some(cause) => format!("the kubeconfig cannot be used: {cause}; mend it, or set KUBECONFIG to another one"),
        None => format!("the kubeconfig cannot be used: {error}"),
    })
}

/// The namespace of objects that do not say one: the kubeconfig's.
pub(crate) async fn default_namespace() -> String {
    kube::Config::infer().await.map_or_else(|_| "default".to_owned(), |config| config.default_namespace)
}
