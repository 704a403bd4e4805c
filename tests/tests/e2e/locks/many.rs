//! Many runs of one group, and two controllers that carry all of them on at the same time.

use futures::future::join_all;
use kube::api::{DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::{nothing_is_left, passed, passing, staying};
use crate::PATIENCE;
use crate::flow::server::Server;
use crate::short::run;

/// Runs that wait in the queue before it moves.
const EARLY: usize = 140;

/// Runs that come while it moves.
const LATE: usize = 60;

#[tokio::test]
async fn of_two_hundred_runs_one_goes_on_at_a_time_in_the_order_in_which_they_came() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    team.home().apply(&passing(&server, "pass", "{group: all}"));
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    let (_one, _other) = (team.controller().await, team.controller().await);
    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;

    start(&team, "early", EARLY).await;
    let order = order_of_queue(&team).await;
    server.release("stay");
    server.has_seen("come", 1).await;
    start(&team, "late", LATE).await;
    let done = |run: &Value| run["status"]["phase"] == "Succeeded";
    until(&team, "all have succeeded", |runs| runs.iter().filter(|run| done(run)).count() == EARLY + LATE + 1).await;

    let passed = passed(&server);
    assert_eq!(passed.len(), EARLY + LATE);
    assert_eq!(passed[..EARLY], order, "those who waited before the queue moved");
    nothing_is_left(&team).await;
}

/// The names of those that wait, first come first, once all of them do.
async fn order_of_queue(team: &Team) -> Vec<String> {
    let waits = |run: &Value| run["status"]["lock"]["position"].as_i64() > Some(0);
    let runs = until(team, "all wait", |runs| runs.iter().filter(|run| waits(run)).count() == EARLY).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |run: &Value| {
        let since: jiff::Timestamp = text(&run["status"]["lock"]["since"]).parse().expect("a time");
        (since, text(&run["metadata"]["uid"]), text(&run["metadata"]["name"]))
    };
    let mut places: Vec<_> = runs.iter().filter(|run| waits(run)).map(place).collect();
    places.sort();
    places.into_iter().map(|(_, _, name)| name).collect()
}

async fn until(team: &Team, what: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    eventually(what, PATIENCE, async || {
        let runs = team.runs().list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let runs: Vec<Value> = runs.items.iter().filter_map(|run| serde_json::to_value(run).ok()).collect();
        if is(&runs) {
            return Ok(runs);
        }
        let open = runs.iter().filter(|run| run["status"]["finishedAt"].is_null());
        Err(open.take(2).map(|run| format!("{:#}\n", run["status"])).collect::<String>())
    })
    .await
}

/// Starts so many runs at the same time.
async fn start(team: &Team, name: &str, count: usize) {
    let runs = team.runs();
    let create = (0..count).map(|number| {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": format!("{name}-{number}")}, "spec": {"pipelineRef": {"name": "pass"}},
        });
        let run: DynamicObject = serde_json::from_value(run).expect("an object");
        let runs = runs.clone();
        async move { runs.create(&PostParams::default(), &run).await.map(|_| ()) }
    });
    for created in join_all(create).await {
        created.expect("a run");
    }
}
