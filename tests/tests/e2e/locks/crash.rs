//! The controller is killed at each of its writes to Leases.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use hyper::Method;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::Team;

use super::{nothing_is_left, passed, passing, queued, staying};
use crate::flow::server::Server;
use crate::short::run;

/// The first run makes the Lease, the second takes it over, its end deletes it.
const WRITES: usize = 3;

/// How many plans are tried at the same time.
const AT_A_TIME: usize = 3;

#[tokio::test]
async fn whenever_the_controller_is_killed_each_run_has_the_lock_once_and_no_lease_is_left() {
    let cluster = Cluster::connect().await;
    let plans = (1..=WRITES).flat_map(|number| Position::ALL.map(|position| (number, position)));
    let plans = stream::iter(plans).map(|plan| check(&cluster, plan)).buffer_unordered(AT_A_TIME);
    assert_eq!(plans.count().await, WRITES * 3);
}

async fn check(cluster: &Cluster, (number, position): (usize, Position)) {
    let faults = Arc::new(Faults::counting(is_of_lease));
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let server = Server::start().await;
    team.home().apply(&staying(&server, "stay", "{group: all}"));
    team.home().apply(&passing(&server, "pass", "{group: all}"));
    let controller = Arc::new(team.controller().await);
    faults.kill_at(number, position, controller.killer());
    let resurrection = {
        let (faults, controller) = (faults.clone(), controller.clone());
        tokio::spawn(async move {
            faults.kills(1).await;
            controller.restart().expect("another life");
        })
    };
    team.home().apply(&run("stay", "stay"));
    server.has_seen("stay", 1).await;
    team.home().apply(&run("pass", "pass"));
    queued(&team, "pass").await;
    server.release("stay");
    team.succeeded("stay").await;
    team.succeeded("pass").await;
    resurrection.await.expect("it was killed");
    assert_eq!(passed(&server), ["pass"], "write {number}, {position:?}: {}", faults.log());
    nothing_is_left(&team).await;
}

fn is_of_lease(method: &Method, path: &str) -> bool {
    *method != Method::GET && path.starts_with("/apis/coordination.k8s.io/")
}
