//! Others write the run while its requests are under way.

use kube::api::{Patch, PatchParams};
use serde_json::json;
use sluice_tests::faults::Faults;
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::{ABORTED, server::Server, start};
use crate::PATIENCE;
use crate::abort::abort;
use crate::short::condition;

/// Two requests that must not be repeated, at the same time, and a third after them.
fn stages(server: &Server) -> String {
    format!(
        "- {{name: both, parallel: true, steps: [{}, {}]}}\n- {{name: after, steps: [{}]}}\n",
        server.post_once("a", "/hold/a"),
        server.post_once("b", "/hold/b"),
        server.post_once("c", "/tell/c"),
    )
}

#[tokio::test]
async fn two_requests_that_must_not_be_repeated_are_sent_once_when_an_action_comes_in_between() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    start(&team, "web", &stages(&server), "");
    server.has_seen("a", 1).await;
    server.has_seen("b", 1).await;
    abort(&team, "web").await;
    server.release("a");
    server.release("b");
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    for step in ["a", "b"] {
        let step = step_of(&run, step);
        assert_eq!((&step["phase"], &step["claims"]), (&json!("Succeeded"), &json!(1)), "{step}");
    }
    let mut names = server.names();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(stage_of(&run, "after")["phase"], "Omitted");
}

#[tokio::test]
async fn they_are_sent_once_when_the_outcome_of_one_is_refused_while_the_other_is_under_way() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    start(&team, "web", &stages(&server), "");
    server.has_seen("a", 1).await;
    server.has_seen("b", 1).await;
    let label = Patch::Merge(json!({"metadata": {"labels": {"seen": "yes"}}}));
    team.runs().patch("web", &PatchParams::default(), &label).await.expect("accepted");
    server.release("a");
    eventually("a write is refused", PATIENCE, async || {
        let mut writes = faults.writes().into_iter();
        writes.find(|write| write.status.is_some_and(|status| status >= 400)).map(|_| ()).ok_or_else(|| faults.log())
    })
    .await;
    server.release("b");
    let run = team.succeeded("web").await;
    let claims = ["a", "b", "c"].map(|step| step_of(&run, step)["claims"].clone());
    assert_eq!(claims, [1, 1, 1].map(|claims| json!(claims)));
    let mut names = server.names();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
}
