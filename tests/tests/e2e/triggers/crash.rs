//! Requests that are lost, and a controller that is killed between them: one run for each time, and its status says so.

use hyper::{Method, StatusCode};
use jiff::SignedDuration;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::Team;

use super::{ago, became, looked_at, runs_of, seen, started, timed};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The writes of a time that has come: the run, and the status of the pipeline.
fn is_of_tick(method: &Method, path: &str) -> bool {
    (*method == Method::POST && path.ends_with("/pipelineruns"))
        || (*method == Method::PATCH && path.contains("/pipelines/"))
}

#[tokio::test]
async fn a_time_costs_two_writes_and_starts_one_run_whatever_is_lost_between_them() {
    let cluster = Cluster::connect().await;
    let faults = Faults::counting(is_of_tick);
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let controller = team.controller().await;
    let at = ago(SignedDuration::from_mins(5));

    let names = ["plain", "lost", "busy", "killed-before", "killed-after-sent", "killed-after", "killed-at-status"];
    for (number, name) in names.into_iter().enumerate() {
        team.home().apply(&timed(name, at, "catchUp: Latest", ""));
        seen(&team, name, at).await;
        faults.clear();
        let deaths = faults.killed();
        match number {
            0 => {}
            1 => faults.answer_at(1, Position::AfterSent, StatusCode::GATEWAY_TIMEOUT),
            2 => faults.answer_at(1, Position::Before, StatusCode::TOO_MANY_REQUESTS),
            3..=5 => faults.kill_at(1, Position::ALL[number - 3], controller.killer()),
            _ => faults.kill_at(2, Position::Before, controller.killer()),
        }
        looked_at(&team, name, at, at - SECOND).await;
        if number >= 3 {
            faults.kills(deaths + 1).await;
            assert_eq!(runs_of(&team, name).await.len(), usize::from(number > 3), "{name}");
            controller.restart().expect("a controller");
        }
        let run = started(&became(&team, name, at).await);
        team.succeeded(&run).await;
        assert_eq!(runs_of(&team, name).await, [run.as_str()], "{name}");
        if number == 0 {
            let writes: Vec<_> = faults.writes().iter().map(|write| write.method.clone()).collect();
            assert_eq!(writes, [Method::POST, Method::PATCH], "{}", faults.log());
        }
    }
}
