//! A run that the API server refuses.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{build, deploy, last, runs_of, until};
use crate::short::{gate, no_more_runs, open_gate, run_with};

#[tokio::test]
async fn a_good_run_whose_run_is_refused_says_so_and_is_over() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&build("", &gate(&cluster, team.namespace())));
    team.home().apply(&deploy("deploy", ", start: true", ""));
    until(&team, "deploy", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    team.home().apply(&run_with("b1", "build", json!({"version": "1", "end": "later"})));
    team.at("b1", "hold").await;
    no_more_runs(&team).await;
    open_gate(&cluster, team.namespace()).await;

    let status = until(&team, "deploy", "is refused", |status| last(status) == ("Dropped", "RunRefused")).await;
    let message = status["sources"][0]["last"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("quota: none"), "{message}");
    assert_eq!(status["sources"][0]["done"].as_array().map(Vec::len), Some(1), "{status}");
    team.told("deploy", "why", |event| event.starts_with("StartDropped: ") && event.contains("quota: none")).await;
    assert_eq!(runs_of(&team, "deploy").await, Vec::<Value>::new());
}
