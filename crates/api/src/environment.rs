//! `Environment`: a place to deploy to, and who may.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{LocalReference, UpdateName};

/// What `allowedPipelines` says where every pipeline is allowed.
pub(crate) const EVERY_PIPELINE: &str = "*";

/// The longest name of a target, in characters: it becomes the name of an item in the status of a run.
pub(crate) const MAX_TARGET_NAME: usize = 63;

/// Which pipelines may deploy here, as whom, with whose approval, and onto what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Environment",
    namespaced,
    status = "EnvironmentStatus",
    shortname = "env",
    category = "sluice",
    doc = "A ring-fenced place to deploy to: its targets, the pipelines that may use it, and what was deployed there.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Pipelines", type_ = "string", json_path = ".spec.allowedPipelines", priority = 1),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.serviceAccountName", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// What is deployed to, for example a cluster or an Argo CD Application each. A stage that is bound to this environment
    /// runs for each of them with `forEach: {in: environment.targets, as: target}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub targets: Vec<Target>,
    /// The names of the pipelines, of the same namespace, whose stages may be bound to this environment; `*` is all of them.
    /// Nobody may use an environment that names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub allowed_pipelines: Vec<String>,
    /// The approval that a stage needs here unless it says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<EnvironmentApproval>,
    /// The service account, in this namespace, that stages bound to this environment act as, in place of the pipeline's. No
    /// other stage and no pipeline that is not allowed can use it by way of Sluice. The right to change an Environment, or a
    /// pipeline that is allowed, is the right to use this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// The components that are deployed here. Their versions show in `status.components`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub components: Vec<Component>,
    /// How many ComponentUpdates are kept of each component once nothing is left to do for them: the newest, by sequence; older ones
    /// are deleted. `20` unless set. Those that are not recorded yet, or whose run has not ended, do not count and are always kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub update_history_limit: Option<i32>,
}

impl EnvironmentSpec {
    /// Whether stages of this pipeline may be bound to the Environment.
    pub fn allows(&self, pipeline: &str) -> bool {
        self.allowed_pipelines.iter().any(|allowed| allowed == pipeline || allowed == EVERY_PIPELINE)
    }
}

/// Each has a name, and whatever the steps need to know of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline, extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Target {
    /// The target's name, unique in the environment: it is the name of the item in `status.stages[].item`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Whatever steps need to know of the target, such as `application: web-eu` or `path: eu/web.yaml`.
    #[serde(flatten)]
    pub parameters: BTreeMap<String, Value>,
}

/// The approval that a stage needs unless it says so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct EnvironmentApproval {
    /// How many different people have to approve. They need the verb `approve` on this environment.
    #[schemars(range(min = 1, max = 20))]
    pub required: i32,
}

/// Something that is deployed here with a version of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Component {
    /// The component's name. A run with the parameter `component` of this value, and with `version` or `sha`, deploys it.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// What follows an update of the component, once it is recorded. Nothing unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<OnUpdate>,
}

/// What follows an update of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct OnUpdate {
    /// Starts a run that deploys this component.
    pub deploy: DeployOnUpdate,
}

/// The run that deploys a component. Of each component there is one at a time, in the order of the updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct DeployOnUpdate {
    /// The pipeline, in the same namespace. It has to declare the parameters `environment`, `component`, `version` and `sha`: its
    /// runs are given them as the update has them. They run as the pipeline's service account.
    pub pipeline_ref: LocalReference,
}

/// What was deployed, and whether the environment can be used. Only the controller writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// The `metadata.generation` of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether stages can use the environment. When it is False, the message names each mistake with its field and
    /// the remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The components of the spec, and what was deployed of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "atomic"))]
    pub components: Vec<ComponentStatus>,
    /// The last run of each pipeline that succeeded with a stage in this environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub last_succeeded_runs: Vec<LastSucceededRun>,
}

/// Each is a component, what was reported of it, and what a run brought here of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ComponentStatus {
    /// The component's name.
    pub name: String,
    /// The update of the highest sequence that was reported for this environment, whether it is deployed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// What a run that succeeded brought here last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
}

/// What was reported of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Recorded {
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Who reported it, as the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was reported.
    pub at: Timestamp,
    /// The sequence of the report. One that is not higher never replaces it.
    pub sequence: i64,
    /// The ComponentUpdate.
    pub update_ref: UpdateName,
}

/// What a run brought here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Deployed {
    /// The run's parameter `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The run's parameter `sha`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Who asked for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When the run ended.
    pub at: Timestamp,
    /// The run.
    pub run_ref: LocalReference,
}

/// Each is the last run of one pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct LastSucceededRun {
    /// The pipeline.
    pub pipeline: String,
    /// The run.
    pub name: String,
    /// The run's UID.
    pub uid: String,
    /// When it ended.
    pub at: Timestamp,
}
