//! Runs that leave the queue, and those behind them.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{nothing_is_left, passed, passing, queued, staying};
use crate::flow::server::Server;
use crate::short::run;

#[tokio::test]
async fn whoever_is_aborted_deleted_or_paused_in_the_queue_blocks_nobody() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    team.home().apply(&passing(&server, "pass", "{group: all}"));
    let _controller = team.controller().await;
    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;
    for name in ["aborted", "deleted", "paused", "last"] {
        team.home().apply(&run(name, "pass"));
        queued(&team, name).await;
    }
    act(&team, "paused", "Pause").await;
    team.until("paused", "is paused", |run| run["status"]["paused"].is_object()).await;
    act(&team, "aborted", "Abort").await;
    assert_eq!(team.ended("aborted").await["status"]["phase"], "Aborted");
    team.cluster().kubectl(&["delete", "-n", team.namespace(), "pipelinerun", "deleted"]).expect("deleted");

    server.release("stay");
    team.succeeded("last").await;
    assert_eq!(passed(&server), ["last"]);
    act(&team, "paused", "Resume").await;
    team.succeeded("paused").await;
    nothing_is_left(&team).await;
}

#[tokio::test]
async fn a_run_that_lost_its_account_leaves_the_queue_and_joins_it_again() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    let other = passing(&server, "other", "{group: all}").replace("deployer", "other");
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n";
    team.home().apply(&format!("{account}---\n{other}"));
    team.home().apply(&passing(&server, "pass", "{group: all}"));
    let controller = team.controller().await;
    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;
    team.home().apply(&run("other", "other"));
    queued(&team, "other").await;
    team.home().apply(&run("pass", "pass"));
    queued(&team, "pass").await;
    team.cluster().kubectl(&["delete", "-n", team.namespace(), "serviceaccount", "other"]).expect("deleted");
    // It forgets that the account was there.
    controller.restart().expect("another life");
    team.until("other", "has left", |run| run["status"]["lock"].is_null()).await;
    server.release("stay");
    team.succeeded("pass").await;
    assert_eq!(passed(&server), ["pass"]);
}

#[tokio::test]
async fn the_queue_moves_on_when_its_holder_and_its_pipeline_are_deleted_while_nobody_looks() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    team.home().apply(&passing(&server, "pass", "{group: all}"));
    let controller = team.controller().await;
    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;
    team.home().apply(&run("first", "pass"));
    queued(&team, "first").await;
    team.home().apply(&run("second", "pass"));
    queued(&team, "second").await;

    controller.kill9();
    let gone = ["pipelinerun/stay", "pipeline/stay", "pipeline/pass"];
    let force = ["delete", "-n", team.namespace(), "--force", "--grace-period=0"];
    team.cluster().kubectl(&[&force[..], &gone[..]].concat()).expect("deleted");
    controller.restart().expect("another life");
    team.succeeded("first").await;
    team.succeeded("second").await;
    assert_eq!(passed(&server), ["first", "second"]);
    nothing_is_left(&team).await;
}

/// Alice asks something of a run.
pub(super) async fn act(team: &Team, run: &str, action: &str) {
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": {"type": action, "by": "admin"}}]);
    let arguments = ["patch", "-n", team.namespace(), "pipelinerun", run, "--type=json", "-p", &patch.to_string()];
    team.cluster().kubectl(&arguments).expect("an action");
}
