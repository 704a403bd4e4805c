//! Approvals, rejections, retries and skips where the admission policies are in force, with a controller that answers.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{by, grant};
use crate::short::{pipeline_with, run};

/// A pipeline whose one stage takes so many approvals and then does this.
fn approved(name: &str, required: i32, step: &str) -> String {
    let text = pipeline_with(name, step, "");
    text.replace("  - name: only\n", &format!("  - name: only\n    approval: {{required: {required}}}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_approve_and_who_may_not_is_told_what_is_missing() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    for name in ["alice", "bob"] {
        grant(&team, &format!("--user={name}"), "admin", "patch").await;
    }
    grant(&team, "--user=carol", "edit", "patch").await;
    let pipeline = approved("web", 2, "- {name: a, set: {values: {x: 1}}}");
    team.home().apply(&format!("{pipeline}---\n{}", run("web-1", "web")));
    team.until("web-1", "awaits approval", |run| run["status"]["stages"][0]["phase"] == "AwaitingApproval").await;

    by(&team, "carol", &["approve", "web-1"]).await.is_refused(": carol needs the verb approve on pipelines/web");
    by(&team, "alice", &["approve", "web-1", "onyl"]).await.is_refused("no stage \"onyl\"; did you mean \"only\"?");
    by(&team, "alice", &["approve", "web-1", "--attempt", "2"]).await.is_refused("no approval of attempt 2");
    let said = by(&team, "alice", &["approve", "web-1", "--reason", "fine"]).await;
    said.is_done("web-1", "stage only approved; one more person has to approve it");
    by(&team, "alice", &["approve", "web-1"]).await.is_refused("has your approval of stage only already (alice)");
    by(&team, "bob", &["approve", "plr/web-1", "only"]).await.is_done("web-1", "stage only approved");
    let ended = team.succeeded("web-1").await;
    let entry = |by: &str| json!({"type": "Approve", "by": by, "stage": "only", "attempt": 1});
    let mut first = entry("alice");
    first["reason"] = json!("fine");
    assert_eq!(ended["spec"]["actions"], json!([first, entry("bob")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_fails_and_goes_on_by_a_retry_and_a_skip() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    let pipeline = approved("web", 1, "- {name: stop, fail: {message: enough}}");
    team.home().apply(&format!("{pipeline}---\n{}", run("web-1", "web")));
    let waits = async |attempt: i32| {
        let what = format!("awaits the approval of attempt {attempt}");
        let is = |run: &serde_json::Value| {
            let stage = &run["status"]["stages"][0];
            stage["phase"] == "AwaitingApproval" && stage["attempt"] == attempt
        };
        team.until("web-1", &what, is).await
    };
    waits(1).await;
    by(&team, "admin", &["retry", "web-1"]).await.is_refused("has not ended, and nothing in it has failed");
    let said = by(&team, "admin", &["reject", "web-1", "--reason", "no"]).await;
    said.is_done("web-1", "stage only rejected");
    team.ended("web-1").await;
    by(&team, "admin", &["approve", "web-1"]).await.is_refused("what failed is done again with");
    by(&team, "admin", &["retry", "web-1", "--wait"]).await;
    waits(2).await;
    by(&team, "admin", &["approve", "web-1", "--attempt", "1"]).await.is_refused("but of only (attempt 2)");
    by(&team, "admin", &["approve", "web-1"]).await.is_done("web-1", "stage only approved");
    team.ended("web-1").await;
    by(&team, "admin", &["skip", "web-1", "only", "stpo"]).await.is_refused("did you mean \"stop\"?");
    by(&team, "admin", &["skip", "web-1", "only", "stop"]).await.is_done("web-1", "step stop of stage only skipped");
    let said = by(&team, "admin", &["unlock", "web-1"]).await;
    assert_eq!((said.code, &*said.out), (Some(1), ""), "{said:?}");
}
