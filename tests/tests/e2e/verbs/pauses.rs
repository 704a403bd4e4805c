//! `sluice pause` and `sluice resume` with a controller that answers.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{by, grant};
use crate::short::{gate, open_gate, pipeline, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_and_goes_on() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let steps =
        format!("- {{name: wait, {}}}\n- {{name: after, set: {{values: {{x: 1}}}}}}", gate(&cluster, team.namespace()));
    team.home().apply(&format!("{}---\n{}", pipeline("web", &steps), run("web-1", "web")));
    team.at("web-1", "wait").await;

    by(&team, "admin", &["resume", "web-1"]).await.is_refused("web-1 is not paused");
    by(&team, "admin", &["pause", "plr/web-1", "--reason", "lunch"]).await.is_done("web-1", "paused");
    by(&team, "admin", &["pause", "web-1"]).await.is_refused("was paused before, by admin: lunch; it goes on with");
    open_gate(&cluster, team.namespace()).await;
    team.until("web-1", "has done what was under way", |run| {
        run["status"]["stages"][0]["steps"][0]["phase"] == "Succeeded" && run["status"]["finishedAt"].is_null()
    })
    .await;

    let said = by(&team, "admin", &["resume", "web-1", "-o", "json"]).await;
    let printed: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(printed["spec"]["actions"][1], json!({"type": "Resume", "by": "admin"}));
    assert_eq!(printed["status"]["actions"][1]["result"], "Applied", "{said:?}");
    team.succeeded("web-1").await;
    by(&team, "admin", &["pause", "web-1"]).await.is_refused("has ended already: Succeeded");
    by(&team, "admin", &["unlock", "web-1"]).await.is_refused("holds no lock");
    by(&team, "admin", &["retry", "web-1"]).await.is_refused("has succeeded; name the stage");
    by(&team, "admin", &["skip", "web-1", "only"]).await.is_refused("nothing of it is left to be skipped");
    by(&team, "admin", &["approve", "web-1"]).await.is_refused("has ended already: Succeeded");
    by(&team, "admin", &["pause", "web-2"]).await.is_refused("there is no run \"web-2\" in namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_as_somebody_else_is_theirs() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    grant(&team, "--user=bob", "admin", "patch").await;
    team.home().apply(&run("web-1", "web"));
    let said = by(&team, "admin", &["pause", "web-1", "--as", "bob", "--as-group", "people", "--wait=false"]).await;
    said.is_done("web-1", "pause requested");
    let entries = team.run("web-1").await.expect("the run")["spec"]["actions"].clone();
    assert_eq!(entries, json!([{"type": "Pause", "by": "bob"}]));
    // Whoever may impersonate nobody.
    by(&team, "bob", &["pause", "web-1", "--as", "carol"]).await.is_refused("User \"bob\" cannot impersonate");
}
