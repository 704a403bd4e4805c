//! What an abort takes back, and what it keeps.

use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::fixture::{Plan, Shop, step_of};
use sluice_tests::{Cluster, eventually};

use super::abort;
use crate::PATIENCE;
use crate::job::{job, jobs, start, team, work};

const NEVER: &str = "kubelet.test/after-ms: never";

#[tokio::test]
async fn a_job_that_runs_is_deleted_and_one_that_is_to_be_kept_is_not() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    start(&team, "undone", &work(NEVER, ""));
    start(&team, "kept", &work(NEVER, ", onAbort: Keep"));
    for (name, left) in [("undone", 0), ("kept", 1)] {
        job(&team, name).await;
        team.at(name, "work").await;
        abort(&team, name).await;
        let run = team.ended(name).await;
        assert_eq!(run["status"]["phase"], "Aborted");
        assert_eq!(jobs(&team, name).await.len(), left, "{:#}", run["status"]);
    }
    let run = team.run("undone").await.expect("the run");
    assert_eq!(step_of(&run, "work")["undo"]["phase"], "Undone", "{:#}", run["status"]);
}

#[tokio::test]
async fn a_job_that_has_ended_is_kept() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    start(
        &team,
        "web",
        &format!("{}\n- {{name: wait, delay: {{duration: 1h}}}}", work("kubelet.test/message: done", "")),
    );
    team.at("web", "wait").await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(step_of(&run, "work")["undo"]["phase"], "Undone", "{:#}", run["status"]);
    assert_eq!(jobs(&team, "web").await.len(), 1);
}

#[tokio::test]
async fn the_deletion_of_a_run_takes_back_its_job() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    start(&team, "web", &work(NEVER, ""));
    let name = job(&team, "web").await.name_any();
    team.at("web", "work").await;
    team.runs().delete("web", &DeleteParams::default()).await.expect("its end");
    eventually("run and Job are gone", PATIENCE, async || {
        match (team.run("web").await, jobs(&team, "web").await.len()) {
            (Err(_), 0) => Ok(()),
            (run, count) => Err(format!("{count} Jobs, {run:?}")),
        }
    })
    .await;
    // By the controller, as the run's account, and not by the collector of what has lost its owner.
    let deletions = cluster.audit(team.namespace()).expect("the audit log").into_iter();
    let of_job = |event: &Value| event["verb"] == "delete" && event["objectRef"]["name"] == name;
    let by: Vec<Value> = deletions.filter(of_job).map(|event| event["impersonatedUser"]["username"].clone()).collect();
    assert_eq!(by, [json!(format!("system:serviceaccount:{}:deployer", team.namespace()))]);
}

/// A pipeline that opens a pull request and then waits, and a run of it that waits.
async fn proposed(shop: &Shop, name: &str, more: &str) {
    let open = format!(
        "- name: open\n  pullRequest: {{providerRef: {{name: gitea}}, repository: {}, title: {name}, \
         edits: [{{file: {}, set: {{path: spec.replicas, value: 7}}}}]{more}}}",
        shop.repo.full_name(),
        shop.file(),
    );
    start(shop, name, &format!("{open}\n- {{name: wait, delay: {{duration: 1h}}}}"));
    shop.at(name, "wait").await;
}

#[tokio::test]
async fn a_pull_request_is_closed_and_its_branch_deleted_unless_it_is_to_be_kept() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let _controller = shop.controller().await;
    // With it comes the git host.
    shop.apply();
    for (name, more, state, is_there) in [("undone", "", "closed", false), ("kept", ", onAbort: Keep", "open", true)] {
        proposed(&shop, name, more).await;
        abort(&shop, name).await;
        let run = shop.ended(name).await;
        let outputs = &step_of(&run, "open")["outputs"];
        let number = outputs["number"].as_i64().expect("a number");
        assert_eq!(shop.repo.pull(number).await.expect("it")["state"], state, "{:#}", run["status"]);
        let branch = outputs["branch"].as_str().expect("a branch");
        let branches = shop.repo.branches().await.expect("the branches");
        assert_eq!(branches.iter().any(|it| it == branch), is_there, "{name}: {branches:?}");
    }
    assert!(shop.repo.branches().await.expect("the branches").contains(&"main".to_owned()));
}
