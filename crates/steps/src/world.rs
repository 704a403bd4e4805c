//! [`World`]: everything outside that a step may touch.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::core::{Status, response::StatusDetails};
use secrecy::SecretString;
use sluice_api::{EnvironmentSpec, ScmProviderSpec, SecretKeyReference};
use sluice_engine::Failure;

use crate::{HttpClient, Locks, Runs};

/// The outside world, as the account of one run.
#[async_trait]
pub trait World: Send + Sync {
    /// Kubernetes, as the run's service account; a definite failure where there is no cluster.
    async fn kubernetes(&self) -> Result<kube::Client, Failure>;

    /// What the objects that the run makes in that cluster belong to; `None` where the run is no object in it.
    fn owner(&self) -> Option<OwnerReference> {
        None
    }

    /// HTTP, with the limits on addresses that hold for steps.
    fn http(&self) -> &HttpClient;

    /// The runs and pipelines of the run's namespace, as Sluice itself.
    fn runs(&self) -> &dyn Runs;

    /// The locks of the run's namespace, as Sluice itself.
    fn locks(&self) -> &dyn Locks;

    /// The Environment of this name in the run's namespace; a definite failure where there is none, or it does not allow the
    /// run's pipeline.
    async fn environment(&self, name: &str) -> Result<EnvironmentSpec, Failure>;

    /// This world as a stage sees it that is bound to the Environment of this name: it acts as another account. `None` where
    /// that makes no difference.
    fn within(&self, environment: &str) -> Option<Arc<dyn World>>;

    /// The ScmProvider of this name in the run's namespace.
    async fn scm_provider(&self, name: &str) -> Result<ScmProviderSpec, Failure>;

    /// One key of a Secret in the run's namespace, read as the run's service account.
    async fn secret(&self, namespace: &str, reference: &SecretKeyReference) -> Result<SecretString, Failure> {
        read_secret(self.kubernetes().await?, namespace, reference).await
    }

    /// The directory from which the paths of `local` git hosts are resolved; `None` where there are none.
    fn local_root(&self) -> Option<&Path> {
        None
    }

    /// Tells people about something that happened: a Kubernetes Event, or a line of output. Never fails.
    async fn report(&self, report: Report);
}

/// One key of a Secret in a cluster.
pub async fn read_secret(
    client: kube::Client,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<SecretString, Failure> {
    let name = &reference.name;
    let secrets: kube::Api<Secret> = kube::Api::namespaced(client, namespace);
    let secret = secrets.get_opt(name).await;
    let secret = secret.map_err(|error| failed_read("get", &format!("secret {name:?}"), &error))?;
    let Some(secret) = secret else {
        let message = format!("there is no secret {name:?} in namespace {namespace:?}: create it, or name another one");
        return Err(Failure::definite("SecretNotFound", message));
    };
    secret_text(&secret, reference)
}

/// One key of this Secret, as text without its last line end.
pub fn secret_text(secret: &Secret, reference: &SecretKeyReference) -> Result<SecretString, Failure> {
    let SecretKeyReference { name, key } = reference;
    let Some(value) = secret.data.as_ref().and_then(|data| data.get(key)) else {
        let message = format!("secret {name:?} has no key {key:?}: add it, or name another one");
        return Err(Failure::definite("SecretKeyNotFound", message));
    };
    match std::str::from_utf8(&value.0) {
        Ok(text) => Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(_) => Err(Failure::definite("SecretInvalid", format!("key {key:?} of secret {name:?} is not UTF-8 text"))),
    }
}

/// Something that happened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// A stable CamelCase word.
    pub reason: String,
    /// One line.
    pub message: String,
    /// Whether it is a warning.
    pub warning: bool,
}

/// What a failed read of a Kubernetes object is to a step: forbidden and invalid requests are definite, the rest may
/// pass by itself. `verb` is the right that the read takes.
pub(crate) fn failed_read(verb: &str, what: &str, error: &kube::Error) -> Failure {
    refused(verb, &format!("failed to read {what}"), error)
}

/// What a failed request is to a step: forbidden and invalid ones are definite, the rest may pass by itself. `verb` is the
/// right that it takes, `failed` what it was for.
pub(crate) fn refused(verb: &str, failed: &str, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if status.code == 403 => forbidden(verb, failed, status),
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 && status.code != 408 => {
            Failure::definite(status.reason.clone(), format!("{failed}: {}", status.message))
        }
        // The library's own text for these is the whole status, as code.
        kube::Error::Api(status) => {
            Failure::transient("KubernetesUnavailable", format!("{failed}: {} (HTTP {})", status.message, status.code))
        }
        error => Failure::transient("KubernetesUnavailable", format!("{failed}: {error}")),
    }
}

/// The failure of a request that the run's account may not make. The API server says itself which account may not do what
/// where; the remedy is ours.
pub(crate) fn forbidden(verb: &str, failed: &str, status: &Status) -> Failure {
    if status.message.contains("cannot impersonate resource") {
        // Not the account lacks a right, but the controller that acts as it.
        let remedy = "grant it with a Role in that namespace, as the README shows";
        return Failure::definite("ImpersonationForbidden", format!("{failed}: {}; {remedy}", status.message));
    }
    let resource = status.details.as_ref().filter(|details| !details.kind.is_empty());
    let resource = resource.map_or("it".to_owned(), |StatusDetails { kind, group, .. }| match group.as_str() {
        "" => kind.clone(),
        group => format!("{kind}.{group}"),
    });
    let role = if status.message.ends_with("at the cluster scope") { "ClusterRole" } else { "Role" };
    let remedy = format!("grant the run's service account the verb {verb} on {resource} with a {role}");
    Failure::definite("Forbidden", format!("{failed}: {}; {remedy}", status.message))
}
