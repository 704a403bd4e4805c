//! An abort is obeyed in whatever a run waits for.

use serde_json::{Value, json};
use sluice_tests::Cluster;

use super::{answered, ask, awaiting, outcomes, team};
use crate::flow::{pipeline, server::Server, start};
use crate::short::{condition, run};

const ABORTED: (&str, &str, &str) = ("False", "Aborted", "aborted by alice: enough");

/// What the run `name` of the pipeline of that name waits for, in a condition that has to hold first.
type Wait = (&'static str, fn(&Value) -> bool);

const WAITS: [Wait; 6] = [
    ("awaiting", |run| run["status"]["stages"][0]["phase"] == "AwaitingApproval"),
    ("half-approved", |run| run["status"]["stages"][0]["approval"]["by"].as_array().is_some_and(|by| by.len() == 1)),
    ("paused", |run| run["status"]["paused"]["by"] == "bob"),
    ("suspended", |run| run["status"]["suspended"]["reason"] == "freeze"),
    ("queued", |run| run["status"]["lock"]["position"] == 1),
    ("between-attempts", |run| !run["status"]["stages"][0]["resumeAt"].is_null()),
];

#[tokio::test]
async fn it_ends_every_wait_at_once_and_nothing_starts_any_more() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    let never = server.post("never", "/tell/never");
    let approval = format!("- {{name: only, approval: {{required: 2}}, steps: [{never}]}}");
    start(&team, "awaiting", &approval, "");
    start(&team, "half-approved", &approval, "");
    start(&team, "paused", &approval, "");
    let plain = format!("- {{name: only, steps: [{never}]}}");
    start(&team, "suspended", &plain, "suspend: {reason: freeze}");
    let holds = "- {name: only, steps: [{name: wait, delay: {duration: 1h}}]}";
    start(&team, "holder", holds, "concurrency: {group: shared}");
    team.at("holder", "wait").await;
    start(&team, "queued", &plain, "concurrency: {group: shared}");
    let failing = server.post("failing", "/fails/1/failing");
    let retried =
        format!("- {{name: only, retry: {{limit: 2, backoff: {{initial: 1h}}}}, steps: [{failing}, {never}]}}");
    start(&team, "between-attempts", &retried, "");
    awaiting(&team, "half-approved", "only").await;
    ask(&team, "bob", "half-approved", "Approve", json!({"stage": "only"})).await;
    awaiting(&team, "paused", "only").await;
    ask(&team, "bob", "paused", "Pause", json!({})).await;

    for (name, waits) in WAITS {
        team.until(name, "waits", waits).await;
        ask(&team, "alice", name, "Abort", json!({"reason": "enough"})).await;
        let ended = team.ended(name).await;
        assert_eq!(condition(&ended), ABORTED, "{name}");
        assert_eq!(outcomes(&ended).last().map(String::as_str), Some("Applied"), "{name}");
        assert_eq!(ended["status"]["lock"], Value::Null, "{name}");
    }
    assert_eq!(server.names(), ["failing"]);
}

#[tokio::test]
async fn an_approval_or_a_pause_that_comes_after_it_says_that_it_comes_too_late() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&pipeline("web", "- {name: only, approval: {}, steps: [{name: a, set: {values: {x: 1}}}]}", ""));
    team.home().apply(&run("web", "web"));
    awaiting(&team, "web", "only").await;
    // The policies judge by what is written: all of it is accepted while nobody answers.
    controller.kill9();
    ask(&team, "alice", "web", "Abort", json!({"reason": "enough"})).await;
    ask(&team, "bob", "web", "Approve", json!({"stage": "only"})).await;
    ask(&team, "bob", "web", "Pause", json!({})).await;
    controller.restart().expect("another life");
    let run = answered(&team, "web").await;
    let late = "the run's result was decided before";
    assert_eq!(outcomes(&run), ["Applied", late, late]);
    assert_eq!(condition(&team.ended("web").await), ABORTED);
    for kind in ["Approve", "Pause"] {
        let ignored = format!("ActionIgnored: {kind} by bob changes nothing: {late}");
        team.told("web", &ignored, |event| event == ignored).await;
    }
}
