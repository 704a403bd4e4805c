//! Locks that are kept after a failure.

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::queue::act;
use super::{holders, nothing_is_left, passed, passing, queued};
use crate::flow::server::Server;
use crate::short::{pipeline_with, run};

/// A pipeline whose run fails once, then succeeds, and keeps its lock in between.
fn failing(server: &Server, name: &str) -> String {
    let step = format!("- {}\n", server.post("try", &format!("/fails/1/{name}")));
    pipeline_with(name, &step, "concurrency: {group: all, unlock: OnSuccess}\nhistoryLimits: {failed: 0}")
}

/// A team with a run that has failed and keeps the lock, and one that waits for it.
async fn kept(cluster: &Cluster, server: &Server) -> (Team, sluice_tests::Controller) {
    let team = Team::open_with_policies(cluster).await;
    team.home().apply(&failing(server, "fail"));
    team.home().apply(&passing(server, "pass", "{group: all}"));
    let controller = team.controller().await;
    team.home().apply(&run("fail", "fail"));
    team.ended("fail").await;
    team.home().apply(&run("pass", "pass"));
    queued(&team, "pass").await;
    let fail = team.run("fail").await.expect("the run, which history keeps");
    assert_eq!((&fail["status"]["phase"], &fail["status"]["lock"]["position"]), (&"Failed".into(), &0.into()));
    assert_eq!(holders(&team).await, [uid(&fail)]);
    (team, controller)
}

fn uid(run: &Value) -> &str {
    run["metadata"]["uid"].as_str().expect("a UID")
}

#[tokio::test]
async fn until_the_run_is_done_again_and_succeeds() {
    let cluster = Cluster::connect().await;
    let server = Server::start().await;
    let (team, controller) = kept(&cluster, &server).await;
    controller.restart().expect("another life");
    act(&team, "fail", "Retry").await;
    team.succeeded("pass").await;
    let fail = team.run("fail").await.expect("the run");
    assert_eq!((&fail["status"]["phase"], &fail["status"]["round"]), (&"Succeeded".into(), &2.into()));
    assert_eq!(passed(&server), ["pass"]);
    nothing_is_left(&team).await;
}

#[tokio::test]
async fn until_somebody_lets_it_go() {
    let cluster = Cluster::connect().await;
    let server = Server::start().await;
    let (team, controller) = kept(&cluster, &server).await;
    controller.restart().expect("another life");
    act(&team, "fail", "Unlock").await;
    team.succeeded("pass").await;
    nothing_is_left(&team).await;
}

#[tokio::test]
async fn until_it_is_deleted() {
    let cluster = Cluster::connect().await;
    let server = Server::start().await;
    let (team, _controller) = kept(&cluster, &server).await;
    team.cluster().kubectl(&["delete", "-n", team.namespace(), "pipelinerun", "fail"]).expect("deleted");
    team.succeeded("pass").await;
    nothing_is_left(&team).await;
}
