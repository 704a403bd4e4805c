//! The controller is killed at each write by which a good run is written down and starts another run.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use hyper::Method;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Team, step_of};

use super::{causes, deploy, keeps, plain_build, until, until_there_are};
use crate::short::run;

/// The judgement of both pipelines, the good run of one, the run of the other, and that it was made.
const WRITES: usize = 5;

/// How many plans are tried at the same time.
const AT_A_TIME: usize = 5;

#[tokio::test]
async fn whenever_the_controller_is_killed_a_good_run_is_kept_and_starts_one_run() {
    let cluster = Cluster::connect().await;
    let plans = (1..=WRITES).flat_map(|number| Position::ALL.map(|position| (number, position)));
    let plans = stream::iter(plans).map(|plan| check(&cluster, plan)).buffer_unordered(AT_A_TIME);
    assert_eq!(plans.count().await, WRITES * 3);
}

async fn check(cluster: &Cluster, (number, position): (usize, Position)) {
    let faults = Arc::new(Faults::counting(is_of_sources));
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let controller = Arc::new(team.controller().await);
    faults.kill_at(number, position, controller.killer());
    let resurrection = {
        let (faults, controller) = (faults.clone(), controller.clone());
        tokio::spawn(async move {
            faults.kills(1).await;
            controller.restart().expect("another life");
        })
    };
    team.home().apply(&plain_build("historyLimits: {succeeded: 0}"));
    team.home().apply(&deploy("deploy", ", start: true", ""));
    until(&team, "deploy", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    team.home().apply(&run("b1", "build"));
    keeps(&team, None, "b1").await;
    let started = until_there_are(&team, 1, "deploy").await;
    assert_eq!(causes(&started), ["b1"], "write {number}, {position:?}: {}", faults.log());
    let run = team.succeeded(started[0]["metadata"]["name"].as_str().expect("a name")).await;
    assert_eq!(step_of(&run, "show")["outputs"]["image"], "web:1");
    until_there_are(&team, 0, "build").await;
    resurrection.await.expect("it was killed");
    assert_eq!(until_there_are(&team, 1, "deploy").await.len(), 1);
}

/// The statuses of pipelines, and runs that are made.
fn is_of_sources(method: &Method, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    (*method == Method::PATCH && path.contains("/pipelines/") && path.ends_with("/status"))
        || (*method == Method::POST && path.ends_with("/pipelineruns"))
}
