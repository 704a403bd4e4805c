//! The clocks of timeouts stand still while nothing but people is waited for.

use serde_json::{Value, json};
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::{ask, awaiting, team};
use crate::PATIENCE;
use crate::flow::start;
use crate::short::{gate, open_gate};

/// In seconds: enough for what the run does by itself on a slow machine.
const TIMEOUT: i64 = 20;

/// Waits until this time, which a clock stands still since, is further back than the timeout.
async fn longer_than_the_timeout(team: &Team, run: &str, since: impl Fn(&Value) -> Value) {
    eventually("it is held for longer than its timeout", PATIENCE, async || {
        let run = team.run(run).await?;
        let held: Option<jiff::Timestamp> = since(&run).as_str().and_then(|since| since.parse().ok());
        let held = held.ok_or_else(|| format!("{:#}", run["status"]))?;
        let seconds = jiff::Timestamp::now().duration_since(held).as_secs();
        if seconds > TIMEOUT { Ok(()) } else { Err(format!("held for {seconds} s")) }
    })
    .await;
}

#[tokio::test]
async fn a_run_does_not_time_out_while_it_awaits_an_approval() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let stages = "- {name: ship, approval: {required: 1}, steps: [{name: a, set: {values: {x: 1}}}]}";
    start(&team, "web", stages, &format!("timeout: {TIMEOUT}s"));
    awaiting(&team, "web", "ship").await;
    longer_than_the_timeout(&team, "web", |run| run["status"]["heldSince"].clone()).await;
    ask(&team, "alice", "web", "Approve", json!({"stage": "ship"})).await;
    let run = team.succeeded("web").await;
    assert!(run["status"]["heldSeconds"].as_i64() >= Some(TIMEOUT), "{:#}", run["status"]);
}

#[tokio::test]
async fn neither_run_nor_stage_times_out_while_it_is_paused_between_two_steps() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let wait = format!("{{name: wait, {}}}", gate(&cluster, team.namespace()));
    let stages =
        format!("- {{name: only, timeout: {TIMEOUT}s, steps: [{wait}, {{name: after, set: {{values: {{x: 1}}}}}}]}}");
    start(&team, "web", &stages, &format!("timeout: {TIMEOUT}s"));
    team.at("web", "wait").await;
    ask(&team, "bob", "web", "Pause", json!({"reason": "lunch"})).await;
    let paused = team.until("web", "is paused", |run| run["status"]["paused"]["by"] == "bob").await;
    assert_eq!(paused["status"]["heldSince"], Value::Null, "what is under way goes on, and so do the clocks");
    open_gate(&cluster, team.namespace()).await;
    team.until("web", "is between its steps", |run| step_of(run, "wait")["phase"] == "Succeeded").await;
    longer_than_the_timeout(&team, "web", |run| stage_of(run, "only")["heldSince"].clone()).await;
    ask(&team, "bob", "web", "Resume", json!({})).await;
    let run = team.succeeded("web").await;
    for held in [&run["status"]["heldSeconds"], &stage_of(&run, "only")["heldSeconds"]] {
        assert!(held.as_i64() >= Some(TIMEOUT), "{:#}", run["status"]);
    }
}
