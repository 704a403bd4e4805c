//! A run that has ended and is asked to go on: what succeeded is kept, what was taken back is done anew.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Merge, Plan, Team, step_of};

use super::{answered, append, ask, enforce, in_round, outcomes, phase_is, team};
use crate::flow::{server::Server, start};
use crate::short::{condition, gate, kubectl, open_gate, tell, told};

#[tokio::test]
async fn an_aborted_run_whose_pull_request_was_closed_opens_a_new_one() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Manual).hurried().open(&cluster).await;
    enforce(&shop).await;
    shop.deployed().await;
    let _controller = shop.controller().await;
    shop.apply();
    shop.start("deploy", "1.1");
    let first = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    ask(&shop, "alice", "deploy", "Abort", json!({})).await;
    shop.released("deploy").await;
    assert_eq!(shop.repo.pulls("open").await.expect("the pull requests").len(), 0);

    ask(&shop, "alice", "deploy", "Retry", json!({})).await;
    let waits = |run: &Value| run["status"]["step"] == "waitForAcceptedDeployRequest";
    let again = in_round(&shop, "deploy", 2, "waits for the merge", waits).await;
    let number = |run: &Value| step_of(run, "createDeployRequest")["outputs"]["number"].as_i64().expect("a number");
    assert_ne!(number(&first), number(&again));
    let open = shop.repo.pulls("open").await.expect("the pull requests");
    assert_eq!(open.iter().map(|pull| pull["number"].as_i64()).collect::<Vec<_>>(), [Some(number(&again))]);
    assert_eq!(shop.repo.pulls("all").await.expect("the pull requests").len(), 2);
    shop.repo.merge(number(&again)).await.expect("merged");
    in_round(&shop, "deploy", 2, "has succeeded", phase_is("Succeeded")).await;
}

/// A run that fails once at `bad`, and then waits at the gate of the team's name.
fn failing_once(team: &Team, server: &Server) {
    let cluster = team.cluster();
    let stages = format!(
        "\
- {{name: build, steps: [{}]}}
- {{name: ship, steps: [{}, {}, {{name: wait, {}}}]}}",
        server.post("built", "/tell/built"),
        server.post("before", "/tell/before"),
        server.post("bad", "/fails/1/bad"),
        gate(cluster, team.namespace())
    );
    let hooks = format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", tell(cluster, "end"));
    start(team, "web", &stages, &hooks);
}

#[tokio::test]
async fn it_goes_on_from_what_failed_and_is_unknown_again_until_its_new_end() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    failing_once(&team, &server);
    let failed = team.released("web").await;
    assert_eq!((condition(&failed).0, failed["status"]["round"].as_i64()), ("False", Some(1)));

    ask(&team, "alice", "web", "Retry", json!({})).await;
    let waits = in_round(&team, "web", 2, "waits", |run| run["status"]["step"] == "wait").await;
    assert_eq!(condition(&waits).0, "Unknown");
    assert_eq!(waits["metadata"]["finalizers"].as_array().map(Vec::len), Some(1), "an abortion has work to do again");
    assert_eq!(waits["status"]["pipelineRevision"], failed["status"]["pipelineRevision"]);
    open_gate(&cluster, team.namespace()).await;
    let wait = ["wait", "plr/web", "--for=condition=Succeeded", "--timeout=120s", "-n", team.namespace()];
    kubectl(&cluster, &wait, "").expect("it succeeds");
    assert_eq!(server.names(), ["built", "before", "bad", "bad"]);
    let keys = server.keys("bad");
    assert_ne!(keys[0], keys[1], "what is done anew has a key of its own");
}

#[tokio::test]
async fn it_can_be_aborted_in_each_of_its_rounds_and_the_hook_runs_in_each() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    failing_once(&team, &server);
    team.released("web").await;
    for round in [2, 3] {
        ask(&team, "alice", "web", "Retry", json!({})).await;
        in_round(&team, "web", round, "waits", |run| run["status"]["step"] == "wait").await;
        ask(&team, "bob", "web", "Abort", json!({})).await;
        let run = in_round(&team, "web", round, "is aborted", phase_is("Aborted")).await;
        assert_eq!(told(&cluster, &run).await.len() as i64, round - 1);
    }
    assert_eq!(server.names(), ["built", "before", "bad", "bad"]);
}

#[tokio::test]
async fn without_its_version_of_the_pipeline_it_stays_as_it_ended_and_says_why() {
    let cluster = Cluster::connect().await;
    let (team, server) = (team(&cluster).await, Server::start().await);
    let controller = team.controller().await;
    failing_once(&team, &server);
    let failed = team.released("web").await;
    controller.kill9();
    let revision = failed["status"]["pipelineRevision"].as_str().expect("a revision");
    team.home().api::<ControllerRevision>().delete(revision, &DeleteParams::default()).await.expect("its end");
    ask(&team, "alice", "web", "Retry", json!({})).await;
    ask(&team, "alice", "web", "Skip", json!({"stage": "ship"})).await;
    controller.restart().expect("another life");
    let run = answered(&team, "web").await;
    let why = format!(
        "the run cannot go on: ControllerRevision {revision:?}, the version of the pipeline that this run keeps to, was deleted"
    );
    assert_eq!(outcomes(&run), [why.clone(), why]);
    assert_eq!(condition(&run), condition(&failed));
    assert_eq!(run["status"]["stages"], failed["status"]["stages"]);
    assert_eq!(server.names(), ["built", "before", "bad"]);
}

#[tokio::test]
async fn where_nobody_checks_who_asks_it_stays_as_it_ended_and_is_not_held() {
    let cluster = Cluster::connect().await;
    let (team, server) = (Team::open(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    failing_once(&team, &server);
    team.released("web").await;
    let before = finalizer_writes(&team);
    append(&team.runs(), "admin", "web", "Retry", json!({})).await.expect("accepted");
    let run = answered(&team, "web").await;
    assert!(outcomes(&run)[0].starts_with("nobody checks who asks for what"), "{:?}", outcomes(&run));
    assert_eq!(run["status"]["round"], 1);
    assert_eq!((before, finalizer_writes(&team)), (2, 2), "the finalizer was set and taken away once");
}

/// How often the controller wrote to runs otherwise than to their status.
fn finalizer_writes(team: &Team) -> usize {
    let events = team.cluster().audit(team.namespace()).expect("the audit log");
    let is_one = |event: &&Value| {
        let by_controller = event["user"]["username"] == "system:serviceaccount:sluice-system:sluice-controller";
        let of = &event["objectRef"];
        let is_dry = event["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun"));
        by_controller && of["resource"] == "pipelineruns" && of["subresource"].is_null() && !is_dry
    };
    events.iter().filter(is_one).count()
}
