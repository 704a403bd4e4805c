//! Hooks beside the flow: when they run, in which order, and what they see.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use crate::short::{condition, pipeline_with, run, tell, told};

/// Hooks of this event on the pipeline, on its stage `only` and on its step `work`.
fn hooks(cluster: &Cluster, events: &[&str]) -> String {
    let subjects = [("Pipeline", ""), ("Stage", "for: {stage: only}, "), ("Step", "for: {step: work}, ")];
    let all = events.iter().flat_map(|event| subjects.map(|subject| (event, subject)));
    let hooks = all.map(|(event, (kind, subject))| {
        let name = format!("on{event}Of{kind}");
        format!("- {{name: {name}, events: [{event}], {subject}steps: [{}]}}\n", tell(cluster, &name))
    });
    format!("hooks:\n{}", hooks.collect::<String>())
}

async fn names_told(cluster: &Cluster, run: &Value) -> Vec<String> {
    told(cluster, run).await.iter().map(|told| told["hook"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn they_run_around_what_starts_and_succeeds_from_the_outside_in_and_back() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let all = hooks(&cluster, &["Success", "Failure", "Started"]);
    let services = &cluster.facts().services_url;
    let work = format!(
        "- {{name: work, http: {{method: POST, delivery: Idempotent, url: {services}/alerts, json: {{hook: work, uid: '${{{{ run.uid }}}}'}}}}}}"
    );
    team.home().apply(&format!("{}---\n{}", pipeline_with("web", &work, &all), run("web", "web")));
    let run = team.succeeded("web").await;
    assert_eq!(
        names_told(&cluster, &run).await,
        [
            "onStartedOfPipeline",
            "onStartedOfStage",
            "onStartedOfStep",
            "work",
            "onSuccessOfStep",
            "onSuccessOfStage",
            "onSuccessOfPipeline",
        ]
    );
}

#[tokio::test]
async fn those_on_a_failure_run_nearest_first_and_see_what_went_wrong() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let all = hooks(&cluster, &["Failure", "Success"]);
    let work = "- {name: work, fail: {message: 'no luck with ${{ run.name }}'}}";
    team.home().apply(&format!("{}---\n{}", pipeline_with("web", work, &all), run("web", "web")));
    let run = team.ended("web").await;
    assert_eq!(names_told(&cluster, &run).await, ["onFailureOfStep", "onFailureOfStage", "onFailureOfPipeline"]);
    for told in told(&cluster, &run).await {
        assert_eq!((&told["why"], &told["step"]), (&json!("no luck with web"), &json!("work")), "{told}");
    }
    assert_eq!(condition(&run), ("False", "Failed", "stage only: step work: no luck with web"));
}

#[tokio::test]
async fn one_that_fails_changes_no_result_and_says_so_in_its_own_place() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let services = &cluster.facts().services_url;
    let all = format!(
        "hooks: [{{name: bad, events: [Success], steps: [{{name: ask, http: {{url: {services}/status/418}}}}]}}]"
    );
    team.home().apply(&format!(
        "{}---\n{}",
        pipeline_with("web", "- {name: work, set: {values: {x: 1}}}", &all),
        run("web", "web")
    ));
    let run = team.succeeded("web").await;
    assert_eq!(run["status"]["hooks"][0]["phase"], "Failed");
    assert_eq!(step_of(&run, "ask")["reason"], "HttpStatus");
}
