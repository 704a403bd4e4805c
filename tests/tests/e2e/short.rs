//! Small pipelines and runs as text, and what tests ask of them.

use std::io::Write;
use std::process::Stdio;

use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use crate::PATIENCE;

/// A quota by which nobody creates a run any more.
const QUOTA: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: none}
spec: {hard: {count/pipelineruns.sluice.dev: '0'}}
";

/// A pipeline with one stage, `only`, of these steps (a YAML list).
pub(crate) fn pipeline(name: &str, steps: &str) -> String {
    pipeline_with(name, steps, "")
}

/// The same with more members of its spec.
pub(crate) fn pipeline_with(name: &str, steps: &str, more: &str) -> String {
    let steps = indented(steps, 4);
    let more = indented(more, 2);
    format!(
        "\
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {{name: {name}}}
spec:
  serviceAccountName: deployer
{more}
  stages:
  - name: only
    steps:
{steps}
"
    )
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("{}{line}", " ".repeat(by))).collect::<Vec<_>>().join("\n")
}

/// A run of a pipeline, without parameters.
pub(crate) fn run(name: &str, pipeline: &str) -> String {
    run_with(name, pipeline, json!({}))
}

/// A run of a pipeline with parameters.
pub(crate) fn run_with(name: &str, pipeline: &str, params: Value) -> String {
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": name},
        "spec": {"pipelineRef": {"name": pipeline}, "params": params},
    })
    .to_string()
}

/// The one condition of an object: status, reason and message.
pub(crate) fn condition(object: &Value) -> (&str, &str, &str) {
    let condition = &object["status"]["conditions"][0];
    let text = |member: &str| condition[member].as_str().unwrap_or_default();
    (text("status"), text("reason"), text("message"))
}

/// What became of the entries of a run's `spec.actions`, without the times.
pub(crate) fn answers(run: &Value) -> Value {
    let mut answers = run["status"]["actions"].clone();
    for answer in answers.as_array_mut().into_iter().flatten() {
        let at = answer.as_object_mut().and_then(|answer| answer.remove("at"));
        assert!(at.is_some(), "each answer has its time: {}", run["status"]["actions"]);
    }
    answers
}

/// `kubectl` with these arguments and this input: its output with its warnings, or why it failed.
pub(crate) fn kubectl(cluster: &Cluster, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = cluster.kubectl_command("admin");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kubectl");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("all of the input");
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &said) } else { Err(said) }
}

/// A step's configuration that waits until [`open_gate`] is called with the same name.
pub(crate) fn gate(cluster: &Cluster, name: &str) -> String {
    let services = &cluster.facts().services_url;
    format!(
        "waitFor: {{interval: 1s, condition: size(gate.json) > 0, \
         sources: {{gate: {{http: {{url: '{services}/alerts?gate={name}'}}}}}}}}"
    )
}

/// Lets go on what waits at a gate.
pub(crate) async fn open_gate(cluster: &Cluster, name: &str) {
    let services = &cluster.facts().services_url;
    let request = cluster.http().post(format!("{services}/alerts")).json(&json!({"gate": name}));
    request.send().await.expect("an open gate").error_for_status().expect("an open gate");
}

/// A hook's step that tells the alerts who it is, whose event it was, and why.
pub(crate) fn tell(cluster: &Cluster, name: &str) -> String {
    let services = &cluster.facts().services_url;
    format!(
        "{{name: {name}, http: {{method: POST, delivery: Idempotent, url: {services}/alerts, \
         json: {{hook: {name}, uid: '${{{{ run.uid }}}}', why: '${{{{ failure.message }}}}', step: '${{{{ failure.step }}}}'}}}}}}"
    )
}

/// What the hooks of a run have told, oldest first.
pub(crate) async fn told(cluster: &Cluster, run: &Value) -> Vec<Value> {
    let uid = run["metadata"]["uid"].as_str().expect("a UID");
    let alerts = cluster.services(&format!("/alerts?uid={uid}")).await.expect("the alerts");
    alerts.into_iter().map(|alert| alert["body"].clone()).collect()
}

/// Has the API server refuse every new run, until the ResourceQuota `none` is deleted.
pub(crate) async fn no_more_runs(team: &Team) {
    team.home().apply(QUOTA);
    let run = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "probe"},
        "spec": {"pipelineRef": {"name": "probe"}},
    });
    let run: DynamicObject = serde_json::from_value(run).expect("an object");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the quota counts", PATIENCE, async || match team.runs().create(&dry, &run).await {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
