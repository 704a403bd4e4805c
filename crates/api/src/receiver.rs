//! `Receiver`: an address at which others report something by HTTP.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many requests a minute a Receiver takes unless it says.
const DEFAULT_REQUESTS_PER_MINUTE: i32 = 600;

/// Who reports, and the Secret by which they are known. Exactly one of `github`, `gitea` and `component` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Receiver",
    namespaced,
    status = "ReceiverStatus",
    shortname = "rcv",
    category = "sluice",
    doc = "An address of `sluice server` at which a git host or a build reports something by HTTP, signed.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Path", type_ = "string", json_path = ".status.path"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "[has(self.github), has(self.gitea), has(self.component)].filter(x, x).size() == 1",
        "message": "set exactly one of github, gitea, component",
    },
]))]
pub struct ReceiverSpec {
    /// Takes the webhooks of GitHub. They wake the runs of this namespace that wait for a pull request of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<HostWebhooks>,
    /// Takes the webhooks of Gitea or Forgejo. They wake the runs of this namespace that wait for a pull request of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitea: Option<HostWebhooks>,
    /// Takes reports of components: that there is a new version of one for an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentReports>,
    /// The service account, in this namespace, as which the Secret is read.
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,
    /// The Secret, in this namespace, and the key in it that requests are signed with (HMAC-SHA256 over the body). While it is not
    /// there, or empty, nothing is taken.
    pub secret_ref: ReceiverSecret,
    /// How many signed requests a minute each server that runs takes; `600` unless set. Beyond that they are answered with 429. As many
    /// bodies of more than 32 KiB are read, signed or not, counted by themselves. Whatever else is not signed is answered with 401, and
    /// uses up nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000))]
    pub max_requests_per_minute: Option<i32>,
}

impl ReceiverSpec {
    /// How many requests a minute are taken.
    pub fn requests_per_minute(&self) -> i32 {
        self.max_requests_per_minute.unwrap_or(DEFAULT_REQUESTS_PER_MINUTE)
    }
}

/// Takes the webhooks of a git host. What they say is only a hint: a run that is woken asks the host itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct HostWebhooks {}

/// Takes reports of components.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ComponentReports {
    /// The Environments, of the same namespace, of which components may be reported.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub environments: Vec<String>,
}

/// A key of a Secret of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ReceiverSecret {
    /// The Secret's name. It is read as the Receiver's service account.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret's `data`; `secret` unless set.
    #[serde(default = "secret_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn secret_key() -> String {
    "secret".to_owned()
}

/// Where the Receiver is served, and what came last. Only `sluice server` writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverStatus {
    /// The `metadata.generation` of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether requests are taken. Absent while no `sluice server` looks after the Receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The path at which it is served, below the address of the server's Service or Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub path: Option<String>,
    /// What git hosts spoke of lately, the newest first. It wakes the runs that wait for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub recent: Vec<Hint>,
}

/// Something that a git host spoke of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Hint {
    /// The address of a pull request, or of a repository, as the host has it for people.
    #[schemars(length(max = 2048))]
    pub key: String,
    /// When.
    pub at: Timestamp,
}
