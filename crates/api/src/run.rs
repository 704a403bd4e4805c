//! `PipelineRun`: one execution of a pipeline.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sluice_engine::{RunAction, RunState, WaitingOn};

use crate::{FromSource, LocalReference, ParamValue, PinnedSource, Trigger, common::immutable};

/// Which pipeline runs, with which parameters, and what people ask of the run. Nothing in it changes once the run
/// exists, except that `actions` grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "PipelineRun",
    namespaced,
    status = "PipelineRunStatus",
    shortname = "plr",
    category = "sluice",
    doc = "One execution of a Pipeline, of the version that the pipeline has when the run starts.",
    selectable = ".spec.pipelineRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Pipeline", type_ = "string", json_path = ".spec.pipelineRef.name"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Waiting For", type_ = "string", json_path = ".status.waitingOn.key"),
    printcolumn(name = "Since", type_ = "date", json_path = ".status.waitingOn.since"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = immutable_but_for_actions)]
pub struct PipelineRunSpec {
    /// The Pipeline to run, in the same namespace. The run keeps to the version that the pipeline has when it starts.
    /// `kubectl get plr --field-selector spec.pipelineRef.name=NAME` lists the runs of one pipeline.
    pub pipeline_ref: LocalReference,
    /// The values of the pipeline's parameters by name: text or whole numbers, such as `version: "1.10"` and `replicas:
    /// 2`. Other types are written as text: `"true"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: BTreeMap<String, ParamValue>,
    /// Older good runs to take for `sources` of the pipeline than the newest ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["source"]))]
    pub from: Vec<FromSource>,
    /// Who asked for the run, for people. Whoever sets it has to give their own user name; the API server writes that where
    /// it can, unless it is set. Expressions read it as `run.requestedBy`; it gives no rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub requested_by: Option<String>,
    /// What started the run, where that was no person. Only the controller may set it; whoever creates a run by hand leaves
    /// it out, and gains nothing by setting it: a parent takes for its child only the run that it started itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// What people asked of the run, in order. A run is created without any; later entries are appended, one in each
    /// request, and never changed or removed, so that the list is also the record of who did what. The admission policies
    /// of Sluice check who appends what; where they are not in force, all but `Abort`, `Pause` and `Resume` are ignored.
    #[serde(default)]
    #[schemars(transform = append_only)]
    pub actions: Vec<RunAction>,
}

/// Where the run stands. This is everything a run knows: a controller that is killed at any moment goes on from here.
/// Only the controller writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineRunStatus {
    /// The `metadata.generation` of the spec that this status has seen. An action that was appended later is not
    /// answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Succeeded`: True when every stage succeeded or was skipped, False when the run failed or was aborted, Unknown
    /// until then, and again once a person has a run that had ended go on. `kubectl wait --for=condition=Succeeded` waits
    /// for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What the run does or waits for now, or why it ended, for people. Of several things at the same time the first
    /// three are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The steps that are under way, such as `build` or `build, test[eu], test[us] and 2 more`; absent once the run has
    /// ended. Those that wait for people come first. Machines read `stages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What the run waits for: of several things what a person may have to do, or else what is waited for longest.
    /// Absent when nothing is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<WaitingOn>,
    /// The name of the ControllerRevision with the version of the pipeline that this run keeps to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub pipeline_revision: Option<String>,
    /// The good runs that this run has taken for the `sources` of its pipeline, and keeps to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub sources: Vec<PinnedSource>,
    /// Where the run stands.
    #[serde(flatten)]
    pub state: RunState,
}

fn immutable_but_for_actions(schema: &mut Schema) {
    immutable(schema, &["actions"], "a run never changes; create another one");
}

fn append_only(schema: &mut Schema) {
    schema.insert("default".to_owned(), json!([]));
    schema.insert("maxItems".to_owned(), json!(128));
    schema.insert("x-kubernetes-list-type".to_owned(), json!("atomic"));
    let rules = json!([
        {
            "rule": "oldSelf.hasValue() || size(self) == 0",
            "optionalOldSelf": true,
            "message": "a run is created without actions",
        },
        {
            "rule": "size(self) >= size(oldSelf) && size(self) <= size(oldSelf) + 1 && oldSelf.all(i, v, self[i] == v)",
            "message": "actions are appended, one a request, and never changed or removed",
        },
    ]);
    schema.insert("x-kubernetes-validations".to_owned(), rules);
}
