//! Sources on the real cluster: the last good run of another pipeline, which one a run takes, and what a good run starts.

mod by_hand;
mod cost;
mod crash;
mod kept;
mod refused;
mod started;
mod taken;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::{Value, json};
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use crate::PATIENCE;
use crate::short::{pipeline_with, run_with};

/// A pipeline that publishes an image, and then ends well, badly, or once the test lets it.
fn build(more: &str, wait: &str) -> String {
    format!(
        "\
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {{name: build}}
spec:
  serviceAccountName: deployer
  params: [{{name: version, default: '1'}}, {{name: end, default: well}}]
  {more}
  stages:
  - name: publish
    steps:
    - {{name: push, set: {{values: {{image: 'web:${{{{ params.version }}}}'}}}}}}
  - name: verify
    steps:
    - {{name: judge, when: params.end == 'badly', fail: {{message: as asked}}}}
    - {{name: hold, when: params.end == 'later', {wait}}}
  outputs: {{image: '${{{{ steps.push.outputs.image }}}}'}}
"
    )
}

/// The same where nothing has to wait.
fn plain_build(more: &str) -> String {
    build(more, "delay: {duration: 1ms}")
}

/// Makes a build, and waits until it has ended.
async fn built(team: &Team, name: &str, version: &str, end: &str) -> Value {
    team.home().apply(&run_with(name, "build", json!({"version": version, "end": end})));
    team.ended(name).await
}

/// A pipeline that shows what it takes of `build` as a whole, and with more members of its spec.
fn deploy(name: &str, source: &str, more: &str) -> String {
    let show = "- {name: show, set: {values: {image: '${{ sources.build.outputs.image }}', of: '${{ sources.build.run.name }}'}}}";
    pipeline_with(name, show, &format!("sources: [{{name: build, pipelineRef: {{name: build}}{source}}}]\n{more}"))
}

fn pipelines(team: &Team) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind)
}

/// Waits until the status of a pipeline is as `is` wants it, and returns it.
async fn until(team: &Team, pipeline: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("Pipeline {pipeline} {what}"), PATIENCE, async || {
        let object = pipelines(team).get(pipeline).await.map_err(|error| error.to_string())?;
        let status = object.data["status"].clone();
        if is(&status) { Ok(status) } else { Err(format!("{status:#}")) }
    })
    .await
}

/// Waits until the status of a pipeline keeps this run as the last good one; nothing is the pipeline as a whole.
async fn keeps(team: &Team, stage: Option<&str>, run: &str) -> Value {
    let status =
        until(team, "build", &format!("keeps {run}"), |status| good(status, stage)["run"]["name"] == run).await;
    good(&status, stage).clone()
}

fn good<'a>(status: &'a Value, stage: Option<&str>) -> &'a Value {
    let mut runs = status["goodRuns"].as_array().into_iter().flatten();
    runs.find(|good| good["stage"].as_str() == stage).unwrap_or(&Value::Null)
}

/// What became of the last good run of the only source.
fn last(status: &Value) -> (&str, &str) {
    let last = &status["sources"][0]["last"];
    let text = |member: &str| last[member].as_str().unwrap_or_default();
    (text("result"), text("reason"))
}

/// The runs of a pipeline, by name.
async fn runs_of(team: &Team, pipeline: &str) -> Vec<Value> {
    let only = ListParams::default().fields(&format!("spec.pipelineRef.name={pipeline}"));
    let runs = team.runs().list(&only).await.expect("the runs");
    runs.items.iter().filter_map(|run| serde_json::to_value(run).ok()).collect()
}

/// Waits until there are so many runs of a pipeline.
async fn until_there_are(team: &Team, count: usize, pipeline: &str) -> Vec<Value> {
    eventually(&format!("{count} runs of {pipeline}"), PATIENCE, async || {
        let runs = runs_of(team, pipeline).await;
        if runs.len() == count { Ok(runs) } else { Err(format!("{}", runs.len())) }
    })
    .await
}

/// The names of the good runs that started these.
fn causes(runs: &[Value]) -> Vec<String> {
    let cause = |run: &Value| run["spec"]["trigger"]["source"]["run"]["name"].as_str().unwrap_or_default().to_owned();
    let mut causes: Vec<String> = runs.iter().map(cause).collect();
    causes.sort();
    causes
}
