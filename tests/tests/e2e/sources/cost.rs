//! What sources cost the API server.

use std::sync::Arc;

use hyper::Method;
use jiff::Timestamp;
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, is_effect};
use sluice_tests::fixture::Team;

use super::{built, deploy, keeps, plain_build};
use crate::short::{pipeline, run};

#[tokio::test]
async fn a_run_writes_as_often_with_sources_as_without_and_a_burst_of_good_runs_is_written_down_at_once() {
    const BURST: usize = 30;
    let cluster = Cluster::connect().await;
    let faults = Arc::new(Faults::counting(|method: &Method, path: &str| is_effect(method, path) || is_summary(path)));
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let _controller = team.controller().await;
    team.home().apply(&plain_build(""));
    team.home().apply(&deploy("with", "", ""));
    team.home().apply(&pipeline("without", "- {name: show, set: {values: {image: a, of: b}}}"));
    built(&team, "b1", "1", "well").await;
    for name in ["with", "without"] {
        team.home().apply(&run(&format!("first-{name}"), name));
        team.succeeded(&format!("first-{name}")).await;
    }
    faults.clear();
    for name in ["with", "without"] {
        team.home().apply(&run(name, name));
        team.succeeded(name).await;
    }
    let of = |name: &str| {
        let end = format!("/pipelineruns/{name}");
        faults.status_patches().into_iter().find(|(path, _)| path.ends_with(&end)).map(|(_, count)| count)
    };
    assert_eq!(of("with"), of("without"), "{}", faults.log());
    let of_runs = faults.writes().into_iter().filter(|write| !is_summary(&write.path)).count();
    assert_eq!(Some(of_runs), of("with").map(|count| 2 * count), "{}", faults.log());

    faults.clear();
    let names: Vec<String> = (0..BURST).map(|number| format!("burst-{number:02}")).collect();
    let runs: Vec<String> = names.iter().map(|name| run(name, "build")).collect();
    team.home().apply(&runs.join("\n---\n"));
    let mut last = (Timestamp::MIN, String::new(), String::new());
    for name in &names {
        let ended = team.succeeded(name).await;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let at = text(&ended["status"]["finishedAt"]).parse().expect("a time");
        last = last.max((at, text(&ended["metadata"]["uid"]), name.clone()));
    }
    keeps(&team, None, &last.2).await;
    let summaries = faults.writes().into_iter().filter(|write| is_summary(&write.path)).count();
    // kubectl applies them one after the other, which takes a while.
    assert!(summaries <= BURST / 3, "{summaries} writes: {}", faults.log());
}

fn is_summary(path: &str) -> bool {
    path.contains("/pipelines/") && path.contains("/status")
}
