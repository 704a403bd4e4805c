//! Two controllers of one namespace: each time starts one run.

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use super::{STEPS, pipelines, runs_of};
use crate::PATIENCE;
use crate::short::pipeline_with;

const PIPELINES: usize = 6;

#[tokio::test]
async fn every_minute_starts_one_run_of_each_pipeline() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _both = (team.controller().await, team.controller().await);
    let names: Vec<String> = (0..PIPELINES).map(|number| format!("web-{number}")).collect();
    for name in &names {
        team.home().apply(&pipeline_with(name, STEPS, "triggers: [{name: often, cron: {schedule: '* * * * *'}}]"));
    }
    for name in &names {
        let all = eventually(&format!("two minutes of {name}"), PATIENCE, async || {
            let runs = runs_of(&team, name).await;
            if runs.len() >= 2 { Ok(runs) } else { Err(runs.join(" ")) }
        })
        .await;
        let mut times = Vec::new();
        for run in &all {
            let run = team.succeeded(run).await;
            let at = run["spec"]["trigger"]["cron"]["at"].as_str().expect("a time").to_owned();
            assert!(at.ends_with(":00Z"), "{at}");
            times.push(at);
        }
        times.sort();
        let count = times.len();
        times.dedup();
        assert_eq!(times.len(), count, "one for each minute: {all:?}");
        let pipeline = pipelines(&team).get(name).await.expect("the pipeline");
        let last: &Value = &pipeline.data["status"]["triggers"][0]["last"];
        assert_eq!(last["result"], "Started", "{last}");
        // Of two that write it one is refused, and neither tells of it twice.
        let events = team.events(name).await;
        for at in &times {
            let of_time = events.iter().filter(|event| event.contains(at.as_str())).count();
            assert!(of_time <= 1, "{events:?}");
        }
        assert!(!events.iter().any(|event| event.starts_with("TickDropped")), "{events:?}");
    }
}
