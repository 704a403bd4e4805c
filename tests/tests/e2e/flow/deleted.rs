//! Deletion of a run, whatever it is about: its Abortion hooks run, and then it is gone.

use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::{server::Server, start};
use crate::PATIENCE;
use crate::short::kubectl;

async fn delete(team: &Team, run: &str) {
    team.runs().delete(run, &DeleteParams::default()).await.expect("accepted");
}

async fn gone(team: &Team, run: &str) {
    eventually(&format!("run {run} is gone"), PATIENCE, async || match team.runs().get_opt(run).await {
        Ok(None) => Ok(()),
        Ok(Some(run)) => Err(format!("{:?} {:#}", run.metadata.finalizers, run.data["status"])),
        Err(error) => Err(error.to_string()),
    })
    .await;
}

fn hooks(server: &Server) -> String {
    let step = |name: &str| server.post(name, &format!("/tell/{name}"));
    format!(
        "\
hooks:
- {{name: onRun, events: [Abortion], steps: [{}]}}
- {{name: onStage, events: [Abortion], for: {{stage: only}}, steps: [{}]}}
",
        step("ofPipeline"),
        step("ofStage")
    )
}

/// Deletes a run of this stage `only` once it is as `is` says; its hooks run, each once, and it is gone.
async fn check(stage: impl Fn(&Server) -> String, what: &str, is: impl Fn(&Value) -> bool) {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    start(&team, "web", &stage(&server), &hooks(&server));
    let run = team.until("web", what, is).await;
    assert_eq!(run["metadata"]["finalizers"], json!(["sluice.dev/abort"]));
    delete(&team, "web").await;
    gone(&team, "web").await;
    let told: Vec<String> = server.names().into_iter().filter(|name| name.starts_with("of")).collect();
    assert_eq!(told, ["ofStage", "ofPipeline"]);
}

#[tokio::test]
async fn while_a_step_waits() {
    let stage = |_: &Server| "- {name: only, steps: [{name: wait, delay: {duration: 1h}}]}".to_owned();
    check(stage, "waits", |run| step_of(run, "wait")["phase"] == "Running").await;
}

#[tokio::test]
async fn while_a_step_pauses_before_it_is_tried_again() {
    let stage = |server: &Server| {
        let url = server.url();
        format!(
            "- {{name: only, steps: [{{name: ask, retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}, when: 'true'}}, \
             http: {{url: '{url}/fails/99/ask'}}}}]}}"
        )
    };
    check(stage, "pauses", |run| step_of(run, "ask")["retryAt"].is_string()).await;
}

#[tokio::test]
async fn while_a_stage_pauses_before_it_is_tried_again() {
    let stage = |server: &Server| {
        format!(
            "- {{name: only, retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}}}, steps: [{}]}}",
            server.post("ask", "/fails/99/ask")
        )
    };
    check(stage, "pauses", |run| stage_of(run, "only")["resumeAt"].is_string()).await;
}

#[tokio::test]
async fn while_a_loop_sleeps() {
    let stage = |server: &Server| {
        format!(
            "- {{name: only, until: {{condition: steps.ask.outputs.json.number > 9, interval: 1h, limit: 9}}, steps: [{}]}}",
            server.post("ask", "/tell/ask")
        )
    };
    check(stage, "sleeps", |run| stage_of(run, "only")["resumeAt"].is_string()).await;
}

#[tokio::test]
async fn a_namespace_goes_with_runs_that_pause_and_items_that_wait() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let pausing = format!(
        "- {{name: only, retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}}}, steps: [{}]}}",
        server.post("ask", "/fails/99/ask")
    );
    start(&team, "pausing", &pausing, &hooks(&server));
    let items = "- {name: only, forEach: {in: '[1, 2, 3]', as: item}, steps: [{name: wait, delay: {duration: 1h}}]}";
    start(&team, "items", items, &hooks(&server));
    team.until("pausing", "pauses", |run| stage_of(run, "only")["resumeAt"].is_string()).await;
    team.until("items", "waits", |run| step_of(run, "wait")["phase"] == "Running").await;
    kubectl(&cluster, &["delete", "namespace", team.namespace(), "--wait=false"], "").expect("accepted");
    eventually("the namespace is gone", PATIENCE, async || {
        match kubectl(&cluster, &["get", "namespace", team.namespace(), "-o", "jsonpath={.status.conditions}"], "") {
            Ok(conditions) => Err(conditions),
            Err(error) if error.contains("NotFound") => Ok(()),
            Err(error) => Err(error),
        }
    })
    .await;
}
