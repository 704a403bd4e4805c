//! What people cost the API server: one status patch for whatever they ask, and none while they are waited for.

use std::sync::Arc;

use serde_json::{Value, json};
use sluice_tests::faults::Faults;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::{answered, ask, awaiting, enforce};
use crate::PATIENCE;
use crate::flow::{pipeline, server::Server};
use crate::short::run;

/// Progress of steps would be written every ten seconds.
const LONGER_THAN_PROGRESS: i64 = 12;

#[tokio::test]
async fn what_is_asked_costs_one_status_patch_and_waiting_costs_none() {
    let cluster = Cluster::connect().await;
    let faults = Arc::new(Faults::new());
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    enforce(&team).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages =
        format!("- {{name: ship, approval: {{required: 2}}, steps: [{}]}}", server.post("shipped", "/tell/shipped"));
    team.home().apply(&pipeline("web", &stages, ""));
    team.home().apply(&format!("{}---\n{}", run("web", "web") + "\n", run("other", "web")));
    let waits = awaiting(&team, "web", "ship").await;
    awaiting(&team, "other", "ship").await;
    faults.clear();

    let since = waits["status"]["stages"][0]["approval"]["since"].as_str().expect("a time");
    let since: jiff::Timestamp = since.parse().expect("a time");
    eventually("it has waited for a while", PATIENCE, async || {
        let seconds = jiff::Timestamp::now().duration_since(since).as_secs();
        if seconds > LONGER_THAN_PROGRESS { Ok(()) } else { Err(format!("{seconds} s")) }
    })
    .await;
    assert_eq!(faults.log(), "", "a run that waits for people writes nothing");

    let ship = || json!({"stage": "ship"});
    let steps = [
        ("alice", "Approve", ship()),
        ("alice", "Approve", ship()),
        ("bob", "Pause", json!({})),
        ("bob", "Resume", json!({})),
    ];
    for (number, (who, kind, more)) in steps.into_iter().enumerate() {
        ask(&team, who, "web", kind, more).await;
        answered(&team, "web").await;
        assert_eq!(patches(&faults, "web"), number + 1, "{kind}: {}", faults.log());
    }
    // Both runs of the pipeline say that it is suspended, and that it is no longer.
    for (more, is_suspended) in [("suspend: {}", true), ("", false)] {
        team.home().apply(&pipeline("web", &stages, more));
        for name in ["web", "other"] {
            let is = |run: &Value| run["status"]["suspended"].is_null() != is_suspended;
            team.until(name, "knows of its pipeline", is).await;
        }
    }
    assert_eq!((patches(&faults, "web"), patches(&faults, "other")), (6, 2), "{}", faults.log());

    // The last approval is written with the claim of what it lets start.
    ask(&team, "bob", "web", "Approve", ship()).await;
    team.succeeded("web").await;
    assert_eq!((patches(&faults, "web"), server.names().len()), (8, 1), "{}", faults.log());
    let writes = faults.writes();
    let others: Vec<_> = writes
        .iter()
        .filter(|write| write.path.contains("/pipelineruns/") && write.patched_status_of().is_none())
        .collect();
    assert!(others.iter().all(|write| write.path.contains("dryRun")), "{}", faults.log());
}

/// How many status patches a run got.
fn patches(faults: &Faults, run: &str) -> usize {
    let patches = faults.status_patches();
    let of_run = patches.iter().filter(|(path, _)| path.ends_with(&format!("/pipelineruns/{run}")));
    of_run.map(|(_, count)| count).sum()
}
