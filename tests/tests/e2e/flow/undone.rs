//! What an abort takes back on a git host: before its hooks, with the run's deletion, and through kills.

use std::sync::Arc;

use serde_json::{Value, json};
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};
use sluice_tests::{Cluster, Controller};

use super::{ABORTED, server::Server, start};
use crate::abort::abort;
use crate::short::condition;

/// Stages that open a pull request and wait for somebody to merge it.
fn stages(shop: &Shop) -> String {
    let ask = json!({"name": "ask", "pullRequest": {
        "providerRef": {"name": "gitea"}, "repository": shop.repo.full_name(), "base": "main",
        "title": "More from ${{ run.name }}", "body": "",
        "edits": [{"file": shop.file(), "set": {"path": "spec.replicas", "value": 3}}],
    }});
    format!("- {{name: only, steps: [{ask}, {{name: merged, pullRequestWait: {{from: ask, merge: Manual}}}}]}}\n")
}

fn hooks(server: &Server) -> String {
    format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", server.post("end", "/tell/end"))
}

async fn open(plan: Plan, cluster: &Cluster) -> (Shop, Controller) {
    let shop = plan.merge(Merge::Manual).open(cluster).await;
    let controller = shop.controller().await;
    shop.apply_value(&shop.manifests.provider);
    (shop, controller)
}

/// The pull request of a run: its state, and whether its branch is still there.
async fn left_of(shop: &Shop, run: &Value) -> (String, bool) {
    let outputs = &step_of(run, "ask")["outputs"];
    let number = outputs["number"].as_i64().unwrap_or_else(|| panic!("no number in {outputs}"));
    let pull = shop.repo.pull(number).await.expect("the pull request");
    assert_eq!(pull["merged"], false);
    let branch = pull["head"]["label"].as_str().expect("a branch").to_owned();
    let branches = shop.repo.branches().await.expect("the branches");
    (pull["state"].as_str().expect("a state").to_owned(), branches.contains(&branch))
}

#[tokio::test]
async fn a_pull_request_is_closed_and_its_branch_deleted_before_the_hooks() {
    let cluster = Cluster::connect().await;
    let (shop, _controller) = open(Plan::new().hurried(), &cluster).await;
    let server = Server::start().await;
    start(&shop, "web", &stages(&shop), &hooks(&server));
    let run = shop.at("web", "merged").await;
    assert_eq!(left_of(&shop, &run).await, ("open".to_owned(), true));
    abort(&shop, "web").await;
    server.has_seen("end", 1).await;
    assert_eq!(left_of(&shop, &run).await, ("closed".to_owned(), false));
    let run = shop.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(step_of(&run, "ask")["undo"]["phase"], "Undone");
    assert_eq!(step_of(&run, "ask")["phase"], "Succeeded");
    assert_eq!(server.names(), ["end"]);
}

#[tokio::test]
async fn a_deleted_run_takes_its_pull_request_with_it() {
    let cluster = Cluster::connect().await;
    let (shop, _controller) = open(Plan::new().hurried(), &cluster).await;
    // Without any hook: what there is to take back alone holds the run.
    start(&shop, "web", &stages(&shop), "");
    let run = shop.at("web", "merged").await;
    shop.runs().delete("web", &kube::api::DeleteParams::default()).await.expect("accepted");
    sluice_tests::eventually("the run is gone", crate::PATIENCE, async || match shop.runs().get_opt("web").await {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(left_of(&shop, &run).await, ("closed".to_owned(), false));
}

#[tokio::test]
async fn a_kill_at_any_write_of_it_changes_nothing() {
    let cluster = Cluster::connect().await;
    let faults = Arc::new(Faults::new());
    let plan = Plan::new().hurried().through(&faults, &cluster).await.expect("a proxy");
    let (shop, controller) = open(plan, &cluster).await;
    let server = Server::start().await;
    let writes_of = |upstream: &str| faults.writes().iter().filter(|write| write.upstream == upstream).count();
    // The abort is persisted first; then the pull request is closed, and its branch deleted.
    for (number, position) in (1..=4).flat_map(|number| Position::ALL.map(|position| (number, position))) {
        let name = format!("kill-{number}-{}", format!("{position:?}").to_lowercase());
        start(&shop, &name, &stages(&shop), &hooks(&server));
        shop.at(&name, "merged").await;
        faults.clear();
        let killed = faults.killed();
        faults.kill_at(number, position, controller.killer());
        abort(&shop, &name).await;
        faults.kills(killed + 1).await;
        controller.restart().expect("another life");
        let run = shop.ended(&name).await;
        assert_eq!(condition(&run), ABORTED, "{name}\n{}", faults.log());
        assert_eq!(step_of(&run, "ask")["undo"]["phase"], "Undone", "{name}\n{}", faults.log());
        assert_eq!(left_of(&shop, &run).await, ("closed".to_owned(), false), "{name}");
        assert!(writes_of("gitea") <= 3, "{name}: nothing is done twice but what was under way\n{}", faults.log());
        shop.released(&name).await;
    }
}
