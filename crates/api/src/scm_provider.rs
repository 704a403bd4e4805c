//! `ScmProvider`: a git host and how to sign in to it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LocalReference;

/// Which git host it is, and the Secret to sign in with. Exactly one of `github`, `gitea` and `local` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "ScmProvider",
    namespaced,
    category = "sluice",
    doc = "A git host, and the Secret to sign in with.",
    printcolumn(name = "GitHub", type_ = "string", json_path = ".spec.github.url"),
    printcolumn(name = "Gitea", type_ = "string", json_path = ".spec.gitea.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "[has(self.github), has(self.gitea), has(self.local)].filter(x, x).size() == 1",
        "message": "set exactly one git host: github, gitea, local",
    },
    {
        "rule": "has(self.secretRef) != has(self.local)",
        "message": "github and gitea need secretRef, local takes none",
    },
]))]
pub struct ScmProviderSpec {
    /// GitHub, or a GitHub Enterprise server. The token, or the App, needs the permissions `contents: write`,
    /// `pull_requests: write` and `metadata: read`; with `checks: read`, `statuses: read` and `administration: read` it
    /// can also say why a merge is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<GitHubProvider>,
    /// A Gitea or Forgejo server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitea: Option<GiteaProvider>,
    /// Bare repositories on the disk of `sluice run`. A controller refuses it: it has no disk to share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalProvider>,
    /// The Secret to sign in with, in the same namespace: its key `token` holds an access token, or its key
    /// `privateKey` the private key of a GitHub App. It is read as the service account of the run that uses this
    /// provider. Needed for every host but `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
}

/// GitHub, or a GitHub Enterprise server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct GitHubProvider {
    /// The address of the REST API: `https://api.github.com` unless set, `https://HOST/api/v3` for GitHub Enterprise.
    #[serde(default = "github_api")]
    #[schemars(default = "github_api", length(max = 2048), extend("x-kubernetes-validations" = [{
        "rule": "isURL(self) && url(self).getScheme() in ['http', 'https']",
        "message": "must be an http or https URL",
    }]))]
    pub url: String,
    /// Signs in as an installation of this GitHub App, with the Secret's key `privateKey`. Unless set, the Secret's key
    /// `token` is a personal or other access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<GitHubApp>,
}

fn github_api() -> String {
    "https://api.github.com".to_owned()
}

/// A GitHub App.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct GitHubApp {
    /// The App's id, as its settings page shows it.
    #[schemars(range(min = 1))]
    pub id: i64,
    /// The installation to act as. Unless set, it is looked up by the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub installation_id: Option<i64>,
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

/// Bare git repositories on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct LocalProvider {
    /// The directory of the repositories, from the directory of the manifests: the repository `shop/gitops` is
    /// `PATH/shop/gitops.git`.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
}
