//! Who shares a lock, and what those do who find it taken.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{holders, leases, nothing_is_left, passed, passing, queued, staying};
use crate::flow::server::Server;
use crate::short::{condition, pipeline_with, run, run_with};

#[tokio::test]
async fn two_pipelines_share_the_locks_that_their_parameters_name() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let shared = "{group: 'web-${{ params.place }}'}\nparams: [{name: place, required: true}]";
    team.home().apply(&staying(&server, "stay", shared));
    team.home().apply(&passing(&server, "pass", shared));
    let _controller = team.controller().await;
    team.home().apply(&run_with("first", "stay", json!({"place": "eu"})));
    server.has_seen("stay", 1).await;
    team.home().apply(&run_with("second", "pass", json!({"place": "eu"})));
    team.home().apply(&run_with("elsewhere", "pass", json!({"place": "us"})));

    team.succeeded("elsewhere").await;
    let waiting = queued(&team, "second").await;
    let lock = &waiting["status"]["lock"];
    assert_eq!((&lock["group"], &lock["position"], &lock["holder"]), (&json!("web-eu"), &json!(1), &json!("first")));
    assert_eq!(waiting["status"]["waitingOn"]["kind"], "Lock");
    let first = team.run("first").await.expect("the run");
    assert_eq!(
        (&first["status"]["lock"]["position"], &first["status"]["lock"]["group"]),
        (&json!(0), &json!("web-eu"))
    );
    assert_eq!(holders(&team).await, [first["metadata"]["uid"].as_str().expect("a UID")]);
    let annotations = leases(&team).await.remove(0).metadata.annotations.expect("annotations");
    assert_eq!((&*annotations["sluice.dev/lock-group"], &*annotations["sluice.dev/lock-holder"]), ("web-eu", "first"));

    server.release("stay");
    team.succeeded("second").await;
    assert_eq!(passed(&server), ["elsewhere", "second"]);
    nothing_is_left(&team).await;
}

#[tokio::test]
async fn a_run_that_wants_no_queue_is_cancelled_while_another_has_the_lock_and_only_then() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{policy: Forbid}"));
    let _controller = team.controller().await;
    team.home().apply(&run("first", "stay"));
    server.has_seen("stay", 1).await;
    team.home().apply(&run("second", "stay"));

    let second = team.ended("second").await;
    let (status, reason, message) = condition(&second);
    assert_eq!((status, reason, &second["status"]["phase"]), ("False", "Locked", &json!("Cancelled")));
    assert!(message.contains("first") && message.contains("\"stay\""), "{message}");
    server.release("stay");
    team.succeeded("first").await;
    // At once, while the Lease of the first may still be there.
    team.home().apply(&run("third", "stay"));
    team.succeeded("third").await;
    nothing_is_left(&team).await;
}

#[tokio::test]
async fn runs_beside_each_other_have_no_lock() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{policy: Parallel}"));
    let _controller = team.controller().await;
    team.home().apply(&run("first", "stay"));
    team.home().apply(&run("second", "stay"));
    server.has_seen("stay", 2).await;
    assert_eq!(leases(&team).await, []);
    server.release("stay");
    assert!(team.succeeded("second").await["status"]["lock"].is_null());
}

#[tokio::test]
async fn a_child_whose_parent_has_its_lock_fails_at_once_and_says_what_to_do() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&passing(&server, "below", "{group: both}"));
    let call = |mode: &str| format!("- {{name: call, pipelineRun: {{pipelineRef: {{name: below}}, mode: {mode}}}}}");
    team.home().apply(&pipeline_with("above", &call("Attached"), "concurrency: {group: both}"));
    team.home().apply(&pipeline_with("apart", &call("Detached"), "concurrency: {group: both}"));
    let _controller = team.controller().await;
    team.home().apply(&run("above", "above"));

    let above = team.ended("above").await;
    assert_eq!(above["status"]["phase"], "Failed");
    let runs = team.runs().list(&kube::api::ListParams::default()).await.expect("the runs");
    let below = runs.items.iter().find(|run| run.metadata.name.as_deref() != Some("above")).expect("a child");
    let below = serde_json::to_value(below).expect("JSON");
    let (_, reason, message) = condition(&below);
    assert_eq!(reason, "LockedByParent");
    assert!(message.contains("\"above\"") && message.contains("different groups"), "{message}");

    // Nobody waits for a detached one: its turn comes.
    team.home().apply(&run("apart", "apart"));
    team.succeeded("apart").await;
    server.has_seen("leave", 1).await;
    nothing_is_left(&team).await;
}
