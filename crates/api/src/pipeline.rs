//! `Pipeline`: what its runs do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sluice_engine::HookEvent;

use crate::{
    Concurrency, Duration, GoodRun, HistoryLimits, PipelineTrigger, Source, SourceStatus, Step, Suspend, TriggerStatus,
    common::is_default,
};

/// What the runs of this pipeline do, with which parameters, and as which service account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Pipeline",
    namespaced,
    status = "PipelineStatus",
    shortname = "pl",
    category = "sluice",
    doc = "A delivery process: stages of steps, and hooks beside them. Each PipelineRun keeps to the version it started with.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.next"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".status.suspended"),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.serviceAccountName", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineSpec {
    /// The parameters that a run may or must be given. Expressions read them as `params.NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub params: Vec<Param>,
    /// The service account, in this namespace, that the runs act as for everything outside Sluice's own kinds: they
    /// read Secrets, Applications and any other object with its rights. The right to change a Pipeline is the right to
    /// use this account.
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,
    /// Suspends the pipeline: its runs do not start, and what runs of it goes on to the end of the steps that are under way.
    /// It goes on when this is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
    /// Other pipelines whose last good run the runs of this one start from. A run takes the newest good run of each when it is
    /// made, and keeps to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub sources: Vec<Source>,
    /// What starts runs by itself, at certain times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub triggers: Vec<PipelineTrigger>,
    /// Whether runs wait for each other. Without it any number of them run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// How long a run may take in all, such as `24h`; then it is aborted: its effects are taken back and its Abortion hooks
    /// run. Waiting for a person or a lock does not count. Without it a run may take for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// The stages. Each starts when the one before it is done, or, with `needs`, when those that it names are. After a
    /// failure no other stage starts: those under way go on to their own end, and what never started becomes `Omitted`.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub stages: Vec<Stage>,
    /// Steps beside the flow: they run when the pipeline, a stage or a step starts, succeeds, fails or is aborted, for
    /// example to send an alert or to clean up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub hooks: Vec<Hook>,
    /// The results of a run, by name: shown in its `status.outputs`, and read by a `pipelineRun` step that started it.
    /// Values may contain `${{ }}`, and one that is nothing else keeps its type. They are computed when every stage is
    /// done; one that cannot be computed fails the run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true, "maxProperties" = 64))]
    pub outputs: Map<String, Value>,
    /// How many of the runs that have ended are kept: the newest, by when they ended; older ones are deleted. All of them
    /// are kept unless set. Each fills some 20 KiB of the cluster's database, so set limits where runs start often.
    ///
    /// Never deleted, also not by `ttlAfterFinished`, are runs that have not ended; runs that Argo CD tracks (a sync would
    /// make them again, and so deploy again), which do not count either; child runs while their parent has not ended; runs
    /// with an action that is not answered yet; good runs that have yet to start one of another pipeline, and the last good one
    /// where its outputs are too large for `status.goodRuns`; and the runs of a Pipeline that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_limits: Option<HistoryLimits>,
    /// How long a run is kept after its end, such as `168h` for a week; then it is deleted, also one that `historyLimits`
    /// would keep. For ever unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_after_finished: Option<Duration>,
}

impl PipelineSpec {
    /// Whether every stage with which a run begins waits for people: then nothing but people and times start one.
    ///
    /// `wants_approval` says of an Environment whether its stages are approved unless they say so themselves. Of a stage whose
    /// Environment's name is known only in a run, nobody can tell.
    pub fn begins_by_hand(&self, wants_approval: impl Fn(&str) -> bool) -> bool {
        let in_environment = |stage: &Stage| match &stage.environment {
            Some(name) => !name.contains("${{") && wants_approval(name),
            None => false,
        };
        let begins = |(index, stage): &(usize, &Stage)| stage.needs.as_ref().map_or(*index == 0, Vec::is_empty);
        let mut first = self.stages.iter().enumerate().filter(begins).peekable();
        first.peek().is_some() && first.all(|(_, stage)| stage.approval.is_some() || in_environment(stage))
    }
}

/// What the controller found out about a Pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatus {
    /// The `metadata.generation` of the spec that the conditions speak of. While it is lower, the controller has not
    /// yet looked at the newest spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether runs can start. When it is False, the message names each mistake in the spec with its field and
    /// the remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Whether the pipeline was suspended when it was last looked at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suspended: bool,
    /// When the next run is due by one of the `triggers`. Absent while none would be started: where the pipeline is suspended, or not
    /// `Ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// Where each of the `triggers` stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub triggers: Vec<TriggerStatus>,
    /// Where each of the `sources` with `start` stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub sources: Vec<SourceStatus>,
    /// The last good run of the pipeline as a whole, and of each of its stages, also when that run has been deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 51), extend("x-kubernetes-list-type" = "atomic"))]
    pub good_runs: Vec<GoodRun>,
}

/// Each is given by a run in its `spec.params`, or has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "!(has(self.required) && self.required && has(self.default))", "message": "a required parameter has no default"}]))]
pub struct Param {
    /// The name: a lower-case letter, then letters and digits. Expressions read `params.NAME`.
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub name: String,
    /// What the value has to be; `String` unless set.
    #[serde(default)]
    pub r#type: ParamType,
    /// Whether a run has to give it; `false` unless set. A parameter that is neither required nor has a default is null
    /// when it is not given.
    #[serde(default, skip_serializing_if = "crate::common::is_default")]
    pub required: bool,
    /// The value when a run does not give it: text or a whole number, such as `"1.10"` or `2`. A required parameter has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ParamValue>,
    /// What the parameter is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
}

/// What a parameter's value has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParamType {
    /// Any text. A number has to be quoted, so that `1.10` stays `1.10`.
    #[default]
    String,
    /// A whole number, quoted or not.
    Integer,
    /// `"true"` or `"false"`, quoted.
    Boolean,
}

/// A parameter's value: text or a whole number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// A whole number.
    Integer(i64),
    /// Text.
    String(String),
}

impl JsonSchema for ParamValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ParamValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"x-kubernetes-int-or-string": true, "maxLength": 4096})
    }
}

/// Parameter values by name.
pub(crate) type ParamValues = BTreeMap<String, ParamValue>;

/// A stage is a group of steps that succeeds or fails as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Stage {
    /// The name: a lower-case letter, then letters and digits; unique among the stages and steps of the pipeline.
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub name: String,
    /// The stages that have to be done before this one starts; a skipped stage counts as done. Unless set: the stage
    /// before this one. With `[]` it starts with the run. Stages that do not need each other run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub needs: Option<Vec<String>>,
    /// A CEL expression, such as `params.environment == 'production'`, evaluated once. When it is false, the stage is
    /// `Skipped`, and what needs it goes on. Without it the stage always runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub when: Option<String>,
    /// The Environment, of the same namespace, that the stage deploys to; may contain `${{ }}` over `params`, `run`, `pipeline`
    /// and `trigger`, such as `${{ params.environment }}`. The Environment has to name this pipeline in `allowedPipelines`.
    /// The stage acts as the Environment's service account, if it has one. Expressions read `environment.name`, and
    /// `forEach.in` reads `environment.targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub environment: Option<String>,
    /// Makes this a manual stage: it starts once people have approved it. Where the stage has an `environment`, that may want
    /// an approval by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Runs the stage once for each item of a list: each with its own state, retries, loop, timeout and hooks. Other stages
    /// read `steps.NAME.outputs` of its steps as a list with an entry for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Whether the whole stage is tried again when it fails, from its first step on. What the failed attempt did is taken
    /// back first, as by an abort (a pull request is closed, a Job deleted), unless the step says `onAbort: Keep`; what cannot
    /// be rules another attempt out. Then each attempt makes new effects. Unless set: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Runs the stage again and again, until a condition is true. To only wait for something, there is a step `waitFor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// Whether all steps start at the same time; `false` unless set. They do not see each other's outputs. When one
    /// fails, the others go on to their own end, and then the stage fails.
    #[serde(default, skip_serializing_if = "crate::common::is_default")]
    pub parallel: bool,
    /// How long an attempt of the stage may take, such as `2h`, its steps' retries and the iterations of `until`
    /// included; then it fails. Hooks count, too, also those of other stages: while one runs, nothing else starts.
    /// Waiting for a person or a lock does not count. Without it only the timeouts of its steps count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// The steps, executed one after the other unless `parallel` is set. The first failure ends the stage.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
}

/// Who has to approve a stage before it starts.
///
/// Whoever approves needs the verb `approve`: on `environments/NAME` where the stage has an environment, otherwise on
/// `pipelines/NAME`, and with `restricted` on `stages/PIPELINE.STAGE`. An approval counts for one attempt of the stage: a stage
/// that is tried again is approved again. One `Reject` ends the stage, and the run, as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Approval {
    /// How many different people have to approve; `1` unless set.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 20))]
    pub required: i32,
    /// Whether only those may approve, reject, skip or retry who have the verb on this very stage, as `stages/PIPELINE.STAGE`
    /// of the group `sluice.dev`; `false` unless set.
    #[serde(default, skip_serializing_if = "crate::common::is_default")]
    pub restricted: bool,
}

fn one() -> i32 {
    1
}

/// Runs a stage once for each item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ForEach {
    /// A CEL expression that yields the list, such as `['eu', 'us']` or `steps.plan.outputs.json.regions`; at most 100
    /// items. It is evaluated once, when the stage starts. An empty list fails the stage: say with `when` where there
    /// may be nothing to do. For more items start a run for each with a `pipelineRun` step.
    #[schemars(length(min = 1, max = 4096))]
    pub r#in: String,
    /// The name under which the steps' expressions read their item: a lower-case letter, then letters and digits.
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub r#as: String,
    /// How many items are under way at the same time; all of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_parallel: Option<i32>,
}

/// Runs a stage again until a condition is true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Until {
    /// A CEL expression, such as `steps.drain.outputs.json.left == 0`, evaluated each time that the steps have
    /// succeeded. When it is true, the stage has succeeded. Each iteration makes new effects: an abort takes back only those
    /// of the last one.
    #[schemars(length(min = 1, max = 4096))]
    pub condition: String,
    /// The pause between two iterations, such as `30s`; none unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How many iterations there are at most; then the stage fails with the reason `LoopLimit`.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: i32,
}

/// Whether, how often and when a failed step or stage is tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Retry {
    /// How many further attempts follow the first; `0` turns retries off.
    #[schemars(range(min = 0, max = 1000))]
    pub limit: i32,
    /// The pauses between the attempts: 1s, 2s, 4s and so on up to 1m unless set. A host that says how long to wait is
    /// waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// A CEL expression that says whether a failure is tried again, such as `failure.reason == 'Timeout'`. It sees
    /// `failure` (`reason`, `message`, `transient`, `stage`, `step`) and everything else the step or stage sees. Unless
    /// set: `failure.transient` for a step, true for failures that may pass by themselves; any failure for a stage. Where
    /// several steps of a stage failed, it has to be true for each of them. A request of which nobody knows what became is
    /// never repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub when: Option<String>,
}

/// A pause that grows by a factor up to a maximum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Backoff {
    /// The first pause, such as `5s`; `1s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Duration>,
    /// Each pause is this many times the one before; `2` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub factor: Option<i32>,
    /// No pause is longer than this, such as `5m`; `1m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Duration>,
}

/// A hook's failure is reported in the run's status and changes no result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Hook {
    /// The name: a lower-case letter, then letters and digits; unique among the hooks of the pipeline.
    #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
    pub name: String,
    /// What starts the hook: one event or several of its subject. It runs once for each, and for each item, iteration and
    /// attempt of its stage: `Failure` of a stage follows every attempt that fails, that of a step comes after its retries.
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub events: Vec<HookEvent>,
    /// Whose events start the hook: a stage or a step. Without it, the whole pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#for: Option<HookSubject>,
    /// The steps, executed one after the other. A step here times out after `10m` unless it says otherwise. Expressions see
    /// `failure` (what went wrong, with empty texts at `Started` and `Success`) and outputs: for the pipeline those of all
    /// steps, for a stage or a step its own and those that it sees; at `Started` none of its own.
    #[schemars(length(min = 1, max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
}

/// Whose event starts a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.stage) != has(self.step)", "message": "name either a stage or a step; leave `for` out for the whole pipeline"}]))]
pub struct HookSubject {
    /// The name of a stage of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub stage: Option<String>,
    /// The name of a step of the pipeline's stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub step: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn begins_by_hand_with(stages: Value, expected: bool) {
        let spec: PipelineSpec = serde_json::from_value(json!({"serviceAccountName": "a", "stages": stages})).unwrap();
        assert_eq!(spec.begins_by_hand(|environment| environment == "production"), expected);
    }

    #[test]
    fn a_pipeline_begins_by_hand_when_everything_it_begins_with_has_to_be_approved() {
        let (manual, plain) = (json!({"required": 1}), Value::Null);
        let stage = |name: &str, approval: &Value| json!({"name": name, "approval": approval, "steps": []});
        begins_by_hand_with(json!([stage("a", &manual), stage("b", &plain)]), true);
        begins_by_hand_with(json!([stage("a", &plain), stage("b", &manual)]), false);
        let beside = |approval: &Value| json!({"name": "b", "needs": [], "approval": approval, "steps": []});
        begins_by_hand_with(json!([stage("a", &manual), beside(&plain)]), false);
        begins_by_hand_with(json!([stage("a", &manual), beside(&manual)]), true);
    }

    #[test]
    fn the_environment_may_want_the_approval_where_it_is_known() {
        let bound = |environment: &str| json!([{"name": "a", "environment": environment, "steps": []}]);
        begins_by_hand_with(bound("production"), true);
        begins_by_hand_with(bound("staging"), false);
        begins_by_hand_with(bound("${{ params.environment }}"), false);
    }

    #[test]
    fn a_circle_of_stages_begins_with_nobody() {
        begins_by_hand_with(json!([{"name": "a", "needs": ["a"], "approval": {"required": 1}, "steps": []}]), false);
    }
}
