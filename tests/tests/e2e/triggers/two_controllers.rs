//! Two controllers of one namespace, one of which is killed while times come: each time starts one run.

use std::collections::BTreeMap;

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use sluice_tests::controller::Options;
use sluice_tests::eventually;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller};

use super::{STEPS, pipelines};
use crate::PATIENCE;
use crate::short::pipeline_with;

const PIPELINES: usize = 40;

/// At which of its runs one of them is killed, in one minute and in the next.
const KILLS: [(usize, Position); 2] = [(3, Position::AfterSent), (5, Position::Before)];

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The run of a time that has come.
fn is_run(method: &Method, path: &str) -> bool {
    *method == Method::POST && path.ends_with("/pipelineruns")
}

/// Of each pipeline, the times that have started runs, in order, with what became of each.
async fn started(team: &Team) -> BTreeMap<String, Vec<(Timestamp, String)>> {
    let mut started = BTreeMap::<_, Vec<_>>::new();
    for run in team.runs().list(&Default::default()).await.expect("the runs") {
        let (spec, status) = (&run.data["spec"], &run.data["status"]);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let at = spec["trigger"]["cron"]["at"].as_str().expect("a time").parse().expect("a time");
        started.entry(text(&spec["pipelineRef"]["name"])).or_default().push((at, text(&status["phase"])));
    }
    started.values_mut().for_each(|times| times.sort());
    started
}

#[tokio::test]
async fn every_minute_starts_one_run_of_each_pipeline_whoever_is_killed() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let faults = Faults::counting(is_run);
    let api_url = Some(faults.api(&cluster).await.expect("a proxy"));
    let mortal =
        Controller::start(&cluster, Options { api_url, ..team.controller_options() }).await.expect("a controller");
    let _other = team.controller().await;
    let names: Vec<String> = (0..PIPELINES).map(|number| format!("web-{number:02}")).collect();
    let often = "triggers: [{name: often, cron: {schedule: '* * * * *'}}]";
    let all: Vec<String> = names.iter().map(|name| pipeline_with(name, STEPS, often)).collect();
    team.home().apply(&all.join("\n---\n"));

    for (kills, (number, position)) in (1..).zip(KILLS) {
        faults.clear();
        faults.kill_at(number, position, mortal.killer());
        tokio::time::timeout(PATIENCE, faults.kills(kills)).await.expect("a controller that comes to its runs");
        mortal.restart().expect("a controller");
    }
    let all = eventually("two minutes of each pipeline have succeeded", PATIENCE, async || {
        let all = started(&team).await;
        let is_done =
            |times: &Vec<(Timestamp, String)>| times.iter().filter(|(_, phase)| phase == "Succeeded").count() >= 2;
        match all.values().filter(|times| is_done(times)).count() {
            PIPELINES => Ok(all),
            count => Err(format!("{count} of {PIPELINES} pipelines")),
        }
    })
    .await;

    for (name, times) in all {
        let first = times[0].0;
        assert_eq!(first.as_second() % 60, 0, "{first}");
        for (minutes, (at, _)) in (0..).zip(&times) {
            assert_eq!(*at, first + MINUTE * minutes, "one for each minute of {name}: {times:?}");
        }
        let pipeline = pipelines(&team).get(&name).await.expect("the pipeline");
        let last = &pipeline.data["status"]["triggers"][0]["last"];
        assert_eq!(last["result"], "Started", "{last}");
        // Of two that write it one is refused, and neither tells of it twice, nor of one that it missed.
        let events = team.events(&name).await;
        for (at, _) in &times {
            let of_time = events.iter().filter(|event| event.contains(&at.to_string())).count();
            assert!(of_time <= 1, "{events:?}");
        }
        assert!(!events.iter().any(|event| event.starts_with("TickDropped")), "{events:?}");
    }
}
