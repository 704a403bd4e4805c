//! `ScmProvider`: a git host and how to sign in to it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LocalReference;

/// A git host, and the Secret to sign in with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "ScmProvider",
    namespaced,
    category = "sluice",
    doc = "A git host, and the Secret to sign in with.",
    printcolumn(name = "Gitea", type_ = "string", json_path = ".spec.gitea.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{"rule": "has(self.gitea)", "message": "set one git host: gitea"}]))]
pub struct ScmProviderSpec {
    /// A Gitea or Forgejo server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitea: Option<GiteaProvider>,
    /// The Secret with the key `token`. It is read as the service account of the run that uses this provider.
    pub secret_ref: LocalReference,
}

/// A Gitea or Forgejo server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct GiteaProvider {
    /// The server's address, such as `https://gitea.example`, without the path of the API.
    #[schemars(length(max = 2048), extend("x-kubernetes-validations" = [{
        "rule": "isURL(self) && url(self).getScheme() in ['http', 'https']",
        "message": "must be an http or https URL",
    }]))]
    pub url: String,
}
