//! `job`: runs a Kubernetes Job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::{Type, may_interpolate};

use crate::{
    Duration,
    step::{Claim, ConfigMistake, OnAbort, StepType, interval::interval},
};

/// Runs a Kubernetes Job in the run's namespace, and waits until it has ended. It is made once: after a crash it is found
/// again, and one that somebody deleted is not made again (`JobGone`). A Job that failed is not repeated either, evicted or
/// preempted ones included, unless `retry` has a `when` that says so; then a further attempt is a Job of its own. The step
/// fails with what ended the Job: `OOMKilled`, `Evicted`, `DeadlineExceeded`, or else `BackoffLimitExceeded` with the exit
/// code and the last message of its container.
///
/// The Job belongs to the run and is deleted with it. The pipeline's service account makes it, and needs the verbs create,
/// get and delete on `jobs` of the group `batch`, and list on `pods`; its pods run as the account that the template names.
///
/// Times out after `1h` unless `timeout` is set. The Job itself has a minute less to end, or a tenth less of a timeout below
/// ten minutes (`activeDeadlineSeconds`): one that takes too long fails as `DeadlineExceeded`, after which `retry` may make
/// another, and not as `Timeout`, after which the same Job is looked for. Outputs: what the container left in `/dev/termination-log`, up to the 4 KiB that Kubernetes keeps: a JSON object's members as they
/// are, any other text as `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Job {
    /// The pod to run, `spec.template` of the Job: `metadata` and `spec`, as Kubernetes defines them and the API server checks
    /// them when the Job is made. Its strings may contain `${{ }}`. `restartPolicy` is `Never` unless set. For the last
    /// lines of a failed container's output in the step's message: `terminationMessagePolicy: FallbackToLogsOnError`.
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true, "maxProperties" = 2))]
    pub template: Map<String, Value>,
    /// How often Kubernetes repeats a failed pod before the Job counts as failed; `0` unless set: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub backoff_limit: Option<i32>,
    /// The name of the container whose termination message gives the outputs; the template's first one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub outputs_from: Option<String>,
    /// How often the Job is looked at beside its changes, such as `10s`; `30s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// What an abort of the run, or another attempt of the stage (`retry`), does about the Job: unless set, one that has not
    /// ended is deleted with its pods, and one that has ended is kept. `Keep` lets it run on, until the run itself is
    /// deleted.
    #[serde(default)]
    pub on_abort: OnAbort,
}

/// How long a Job may take unless the step says.
const TIMEOUT: Duration = Duration::from_mins(60);

/// How often a Job is looked at unless the step says.
const INTERVAL: Duration = Duration::from_secs(30);

impl Job {
    /// What a wait for this Job is known by.
    pub fn key(namespace: &str, name: &str) -> String {
        format!("{namespace}/{name}")
    }

    /// How often it is looked at.
    pub fn interval(&self) -> Duration {
        interval(self.interval, INTERVAL)
    }

    /// How often Kubernetes repeats a failed pod.
    pub fn backoff_limit(&self) -> i32 {
        self.backoff_limit.unwrap_or_default()
    }

    /// The container whose termination message gives the outputs.
    pub fn output_container(&self) -> Option<&str> {
        let first = || self.containers()?.first()?.get("name")?.as_str();
        self.outputs_from.as_deref().or_else(first)
    }

    fn containers(&self) -> Option<&Vec<Value>> {
        self.template.get("spec")?.get("containers")?.as_array()
    }

    fn wrong_restart_policy(&self) -> Option<ConfigMistake> {
        let policy = self.template.get("spec")?.get("restartPolicy")?;
        let text = policy.as_str().unwrap_or_default();
        let fits = matches!(text, "Never" | "OnFailure") || may_interpolate(text);
        (!fits).then(|| ConfigMistake {
            field: "template.spec.restartPolicy".to_owned(),
            message: format!("a Job's pods are restarted Never or OnFailure, not {policy}"),
            help: Some("leave it out: it is Never then".to_owned()),
        })
    }

    fn wrong_containers(&self) -> Option<ConfigMistake> {
        let mistake = |field: &str, message: String, help: &str| {
            Some(ConfigMistake { field: field.to_owned(), message, help: Some(help.to_owned()) })
        };
        let Some(containers) = self.containers().filter(|containers| !containers.is_empty()) else {
            let message = "the pod has no containers".to_owned();
            return mistake("template", message, "list them, with name and image, in template.spec.containers");
        };
        let wanted = self.outputs_from.as_deref()?;
        let names: Vec<&str> = containers.iter().filter_map(|container| container.get("name")?.as_str()).collect();
        if names.contains(&wanted) || names.iter().any(|name| may_interpolate(name)) {
            return None;
        }
        mistake("outputsFrom", format!("the pod has no container {wanted:?}"), &format!("it has: {}", names.join(", ")))
    }
}

impl StepType for Job {
    fn nature(&self) -> Nature {
        Nature::Acts
    }

    fn outputs(&self) -> Type {
        Type::map(Type::Any)
    }

    fn default_timeout() -> Option<Duration> {
        Some(TIMEOUT)
    }

    fn undoes(&self) -> bool {
        self.on_abort == OnAbort::Undo
    }

    fn waiting_on(&self, claim: &Claim<'_>) -> Option<WaitTarget> {
        let key = Self::key(&claim.run.namespace, &claim.object_name());
        Some(WaitTarget { kind: WaitKind::Job, key })
    }

    fn mistakes(&self) -> Vec<ConfigMistake> {
        let unknown = self.template.keys().find(|key| !matches!(key.as_str(), "metadata" | "spec"));
        let unknown = unknown.map(|key| ConfigMistake {
            field: format!("template.{key}"),
            message: format!("a pod template has no {key:?}"),
            help: Some("it has metadata and spec".to_owned()),
        });
        unknown.into_iter().chain(self.wrong_containers()).chain(self.wrong_restart_policy()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(job: Value) -> Vec<String> {
        let job: Job = serde_json::from_value(job).unwrap();
        let text = |ConfigMistake { field, message, help }| format!("{field}: {message}; {}", help.unwrap());
        job.mistakes().into_iter().map(text).collect()
    }

    fn pod(spec: Value) -> Value {
        json!({"template": {"spec": spec}})
    }

    #[test]
    fn a_template_is_checked_as_far_as_the_job_depends_on_it() {
        let web = json!({"name": "web", "image": "web:1"});
        for policy in ["Never", "OnFailure", "${{ params.policy }}"] {
            assert_eq!(mistakes(pod(json!({"containers": [web], "restartPolicy": policy}))), [""; 0]);
        }
        assert_eq!(
            mistakes(pod(json!({"containers": [web], "restartPolicy": "Always"}))),
            [
                "template.spec.restartPolicy: a Job's pods are restarted Never or OnFailure, not \"Always\"; leave it out: it is Never then"
            ]
        );
        for empty in [json!({}), json!({"containers": []}), json!({"containers": 1})] {
            assert_eq!(
                mistakes(pod(empty)),
                ["template: the pod has no containers; list them, with name and image, in template.spec.containers"]
            );
        }
        assert_eq!(
            mistakes(json!({"template": {"kind": "Pod", "spec": {"containers": [web]}}, "outputsFrom": "wep"})),
            [
                "template.kind: a pod template has no \"kind\"; it has metadata and spec",
                "outputsFrom: the pod has no container \"wep\"; it has: web"
            ]
        );
        let named = json!({"template": {"spec": {"containers": [{"name": "${{ params.c }}"}]}}, "outputsFrom": "web"});
        assert_eq!(mistakes(named), [""; 0]);
    }

    #[test]
    fn outputs_are_of_the_first_container_unless_another_is_named() {
        let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let job = |outputs_from: Option<&str>| -> Job {
            serde_json::from_value(json!({"template": {"spec": spec}, "outputsFrom": outputs_from})).unwrap()
        };
        assert_eq!(job(None).output_container(), Some("a"));
        assert_eq!(job(Some("b")).output_container(), Some("b"));
    }
}
