//! `cron` triggers on the real cluster: what becomes of a time that has come.
//!
//! Nobody waits for a time here where that can be helped: a trigger whose status says that it was looked at last a while ago finds
//! that one has come.

mod approved;
mod catch_up;
mod crash;
mod dropped;
mod example;
mod two_controllers;

use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use crate::PATIENCE;
use crate::short::pipeline_with;

/// What every run of these does.
const STEPS: &str = "- {name: a, set: {values: {}}}";

fn pipelines(team: &Team) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind)
}

/// Waits until a pipeline is as `is` wants it, and returns it.
async fn until(team: &Team, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("Pipeline {name} {what}"), PATIENCE, async || {
        let object = pipelines(team).get(name).await.map_err(|error| error.to_string())?;
        let object = serde_json::to_value(object).map_err(|error| error.to_string())?;
        if is(&object) { Ok(object) } else { Err(format!("{:#}", object["status"])) }
    })
    .await
}

/// The minute that was so long ago.
fn ago(time: SignedDuration) -> Timestamp {
    let then = Timestamp::now() - time;
    Timestamp::from_second(then.as_second() / 60 * 60).expect("a time")
}

/// The schedule that names this time of day.
fn daily(at: Timestamp) -> String {
    at.strftime("%M %H * * *").to_string()
}

/// A trigger at this time of day, with these members beside its schedule.
fn trigger(at: Timestamp, more: &str) -> String {
    format!("triggers: [{{name: morning, cron: {{schedule: '{}', {more}}}}}]", daily(at))
}

/// A pipeline with such a trigger.
fn timed(name: &str, at: Timestamp, cron: &str, more: &str) -> String {
    pipeline_with(name, STEPS, &format!("{}\n{more}", trigger(at, cron)))
}

/// Waits until the controller has seen the schedule that names this time of day.
async fn seen(team: &Team, name: &str, at: Timestamp) {
    let schedule = format!("{} UTC", daily(at));
    let is_seen = |pipeline: &Value| pipeline["status"]["triggers"][0]["schedule"] == schedule.as_str();
    until(team, name, "has its schedule seen", is_seen).await;
}

/// Has the trigger stand where it stood then.
async fn looked_at(team: &Team, name: &str, at: Timestamp, since: Timestamp) {
    let took = pipelines(team).get(name).await.expect("the pipeline").data["status"]["triggers"][0]["took"].clone();
    let mut status = json!({"name": "morning", "schedule": format!("{} UTC", daily(at)), "since": since});
    if !took.is_null() {
        status["took"] = took;
    }
    let patch = Patch::Merge(json!({"status": {"triggers": [status]}}));
    pipelines(team).patch_status(name, &PatchParams::default(), &patch).await.expect("a patch");
}

/// Has this time come just now for a trigger that was seen before, and returns what became of it.
async fn comes(team: &Team, name: &str, at: Timestamp) -> Value {
    seen(team, name, at).await;
    looked_at(team, name, at, at - SignedDuration::from_secs(1)).await;
    became(team, name, at).await
}

/// What became of this time.
async fn became(team: &Team, name: &str, at: Timestamp) -> Value {
    let is_over = |pipeline: &Value| pipeline["status"]["triggers"][0]["last"]["at"] == at.to_string();
    let pipeline = until(team, name, "has dealt with the time", is_over).await;
    let trigger = &pipeline["status"]["triggers"][0];
    assert_eq!(trigger["since"], at.to_string(), "it is over: {trigger}");
    trigger["last"].clone()
}

/// The run that was started.
fn started(last: &Value) -> String {
    assert_eq!(last["result"], "Started", "{last}");
    last["runRef"]["name"].as_str().expect("a run").to_owned()
}

/// Why none was, and that an Event says so.
async fn dropped(team: &Team, pipeline: &str, last: &Value) -> String {
    assert_eq!((&last["result"], &last["runRef"]), (&json!("Dropped"), &Value::Null), "{last}");
    let reason = last["reason"].as_str().expect("a reason").to_owned();
    let beginning =
        format!("TickDropped: trigger morning started no run for {}: {reason}: ", last["at"].as_str().expect("a time"));
    team.told(pipeline, &beginning, |event| event.starts_with(&beginning)).await;
    reason
}

/// The names of the runs of a pipeline.
async fn runs_of(team: &Team, pipeline: &str) -> Vec<String> {
    let runs = team.runs().list(&Default::default()).await.expect("the runs");
    let of_pipeline = runs.items.into_iter().filter(|run| run.data["spec"]["pipelineRef"]["name"] == pipeline);
    of_pipeline.filter_map(|run| run.metadata.name).collect()
}
