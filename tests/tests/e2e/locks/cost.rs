//! What a lock costs the API server.

use std::sync::Arc;

use hyper::Method;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, is_effect};
use sluice_tests::fixture::Team;

use super::{nothing_is_left, passing, queued, staying};
use crate::flow::server::Server;
use crate::short::run;

/// The Lease is made, and deleted.
const OF_A_FREE_LOCK: usize = 2;

#[tokio::test]
async fn a_lock_that_is_free_costs_two_writes_and_a_place_in_the_queue_one() {
    let cluster = Cluster::connect().await;
    let faults = Arc::new(Faults::counting(is_write));
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let server = Server::start().await;
    let free = passing(&server, "free", "{group: all}");
    let without = free.replace("name: free", "name: without").replace("concurrency: {group: all}", "");
    team.home().apply(&format!("{free}---\n{without}"));
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    let _controller = team.controller().await;
    // The versions of the pipelines are kept once for all of their runs.
    for name in ["free", "without"] {
        team.pipeline_ready(name).await;
        team.home().apply(&run(&format!("first-{name}"), name));
        team.succeeded(&format!("first-{name}")).await;
    }
    nothing_is_left(&team).await;

    let without = writes_of(&faults, &team, "without").await;
    let free = writes_of(&faults, &team, "free").await;
    assert_eq!(free, without + OF_A_FREE_LOCK, "{}", faults.log());

    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;
    faults.clear();
    team.home().apply(&run("waits", "free"));
    queued(&team, "waits").await;
    server.release("stay");
    team.succeeded("waits").await;
    nothing_is_left(&team).await;
    let of_waiting = faults.status_patches().into_iter().find(|(path, _)| path.ends_with("/waits"));
    let of_leases = faults.writes().iter().filter(|write| write.path.starts_with("/apis/coordination")).count();
    // Its place is one more; the Lease is taken over and deleted.
    assert_eq!((of_waiting.map(|(_, count)| count), of_leases), (Some(without + 1), 2), "{}", faults.log());
}

/// All writes of a run of this pipeline.
async fn writes_of(faults: &Faults, team: &Team, name: &str) -> usize {
    faults.clear();
    team.home().apply(&run(name, name));
    team.succeeded(name).await;
    nothing_is_left(team).await;
    faults.writes().len()
}

fn is_write(method: &Method, path: &str) -> bool {
    is_effect(method, path) || (*method != Method::GET && path.starts_with("/apis/coordination.k8s.io/"))
}
