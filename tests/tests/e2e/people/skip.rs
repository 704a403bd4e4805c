//! What a person passes is passed, and the run goes on behind it.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::{stage_of, step_of};

use super::{ask, in_round, outcomes, phase_is, team};
use crate::flow::{server::Server, start};
use crate::short::condition;

#[tokio::test]
async fn a_step_that_waits_is_passed_and_the_next_one_starts() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    let after = server.post("after", "/tell/after");
    start(&team, "web", &format!("- {{name: only, steps: [{{name: wait, delay: {{duration: 1h}}}}, {after}]}}"), "");
    team.at("web", "wait").await;
    ask(&team, "alice", "web", "Skip", json!({"stage": "only", "step": "wait", "reason": "seen enough"})).await;
    let run = team.succeeded("web").await;
    let wait = step_of(&run, "wait");
    assert_eq!((&wait["phase"], &wait["reason"]), (&json!("Skipped"), &json!("SkippedByPerson")));
    assert_eq!(wait["message"], "skipped by alice: seen enough");
    assert_eq!(server.names(), ["after"]);
}

#[tokio::test]
async fn a_run_that_has_failed_goes_on_behind_the_step_that_is_passed() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    let tell = |step: &str| server.post(step, &format!("/tell/{step}"));
    let stages = format!(
        "\
- {{name: build, steps: [{}, {}, {}]}}
- {{name: ship, steps: [{}]}}",
        tell("first"),
        server.post("bad", "/fails/9/bad"),
        tell("second"),
        tell("last")
    );
    start(&team, "web", &stages, "hooks: [{name: end, events: [Abortion], steps: [{name: x, set: {values: {x: 1}}}]}]");
    let failed = team.released("web").await;
    assert_eq!(condition(&failed).0, "False");
    assert_eq!(stage_of(&failed, "ship")["phase"], "Omitted");
    ask(&team, "alice", "web", "Skip", json!({"stage": "build", "step": "bad"})).await;
    let run = in_round(&team, "web", 2, "has succeeded", phase_is("Succeeded")).await;
    assert_eq!(outcomes(&run), ["Applied"]);
    assert_eq!(condition(&run).0, "True");
    assert_eq!(step_of(&run, "bad")["phase"], "Skipped");
    assert_eq!(server.names(), ["first", "bad", "second", "last"]);
    team.released("web").await;
}
