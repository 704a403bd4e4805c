//! Hooks at all three levels, for all four events: which run, in which order, and how often.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{ABORTED, server::Server, start};
use crate::abort::abort;
use crate::short::condition;

/// A hook for each event of the pipeline, of two stages and of a step in each; each tells its own name, such as
/// `failureOfBad`.
fn hooks(server: &Server) -> String {
    let subjects = [
        ("Pipeline", ""),
        ("Good", "for: {stage: good}, "),
        ("Fine", "for: {step: fine}, "),
        ("Bad", "for: {stage: bad}, "),
        ("Broken", "for: {step: broken}, "),
    ];
    let events = ["Started", "Success", "Failure", "Abortion"];
    let hooks = events.iter().flat_map(|event| subjects.map(|(name, subject)| (event, name, subject)));
    let hooks = hooks.map(|(event, name, subject)| {
        let hook = format!("{}Of{name}", event.to_lowercase());
        let step = server.post(&hook, &format!("/tell/{hook}"));
        format!("- {{name: {hook}, events: [{event}], {subject}steps: [{step}]}}\n")
    });
    format!("hooks:\n{}", hooks.collect::<String>())
}

/// A stage that succeeds, and one with this step.
fn stages(server: &Server, broken: &str) -> String {
    format!("- {{name: good, steps: [{}]}}\n- {{name: bad, steps: [{broken}]}}\n", server.post("fine", "/tell/fine"))
}

/// What is told up to the second stage's step.
const BEGINNING: [&str; 8] = [
    "startedOfPipeline",
    "startedOfGood",
    "startedOfFine",
    "fine",
    "successOfFine",
    "successOfGood",
    "startedOfBad",
    "startedOfBroken",
];

#[tokio::test]
async fn a_failed_run_tells_its_starts_from_the_outside_in_and_its_failure_nearest_first_each_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = stages(&server, &server.post("broken", "/fails/9/broken"));
    start(&team, "web", &stages, &hooks(&server));
    let run = team.ended("web").await;
    assert_eq!(condition(&run).1, "HttpStatus");
    let end = ["broken", "failureOfBroken", "failureOfBad", "failureOfPipeline"];
    assert_eq!(server.names(), [&BEGINNING[..], &end].concat());
}

#[tokio::test]
async fn an_aborted_run_tells_its_abortion_nearest_first_and_each_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    start(&team, "web", &stages(&server, "{name: broken, delay: {duration: 1h}}"), &hooks(&server));
    team.at("web", "broken").await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    let end = ["abortionOfBroken", "abortionOfBad", "abortionOfPipeline"];
    assert_eq!(server.names(), [&BEGINNING[..], &end].concat());
    let phases = run["status"]["hooks"].as_array().expect("hooks").iter().map(|hook| &hook["phase"]);
    assert!(phases.clone().all(|phase| *phase == json!("Succeeded")), "{:?}", phases.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_hooks_of_a_stage_that_is_tried_again_follow_each_attempt_and_those_of_the_pipeline_the_end() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- {{name: good, steps: [{}]}}\n- name: bad\n  retry: {{limit: 1, backoff: {{initial: 1s}}}}\n  steps: [{}]\n",
        server.post("fine", "/tell/fine"),
        server.post("broken", "/fails/1/broken"),
    );
    start(&team, "web", &stages, &hooks(&server));
    team.succeeded("web").await;
    let first = ["broken", "failureOfBroken", "failureOfBad"];
    let second = ["startedOfBad", "startedOfBroken", "broken", "successOfBroken", "successOfBad", "successOfPipeline"];
    assert_eq!(server.names(), [&BEGINNING[..], &first, &second].concat());
}
