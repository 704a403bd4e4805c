//! What is not started.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use sluice_tests::Cluster;
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use super::{child_of, children, failure, running};
use crate::PATIENCE;
use crate::short::{condition, pipeline, pipeline_with, run};

#[tokio::test]
async fn a_pipeline_that_names_itself_is_not_ready() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&running("again", "again"));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    let pipelines: Api<DynamicObject> = Api::namespaced_with(cluster.admin(), team.namespace(), &kind);
    eventually("the pipeline is judged", PATIENCE, async || {
        let pipeline = pipelines.get("again").await.map_err(|error| error.to_string())?;
        let message = pipeline.data["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned();
        if message.contains("pipeline \"again\" would start itself") { Ok(()) } else { Err(message) }
    })
    .await;
}

#[tokio::test]
async fn a_circle_through_others_ends_where_it_closes() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    for (name, other) in [("one", "two"), ("two", "three"), ("three", "one")] {
        team.home().apply(&running(name, other));
    }
    team.home().apply(&run("circle", "one"));
    let run = team.ended("circle").await;
    assert_eq!(failure(&run, "call").0, "ChildFailed");
    let two = child_of(&team, "circle", "call").await;
    let three = team.ended(&child_of(&team, &two, "call").await).await;
    let chain = "pipeline \"one\" would start itself: one -> two -> three -> one; end the chain before it";
    assert_eq!(failure(&three, "call"), ("Recursion", chain));
    assert_eq!(children(&team).await.len(), 2);
    assert!(condition(&run).2.contains(chain), "{}", condition(&run).2);
}

#[tokio::test]
async fn a_pipeline_that_is_not_there_and_parameters_it_does_not_take_fail_the_step_at_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&running("typo", "biuld"));
    team.home().apply(&pipeline_with(
        "build",
        "- {name: a, set: {values: {x: 1}}}",
        "params: [{name: version, required: true}]",
    ));
    team.home().apply(&running("bare", "build"));
    for name in ["typo", "bare"] {
        team.home().apply(&run(name, name));
    }
    let typo = team.ended("typo").await;
    let missing = format!("there is no Pipeline \"biuld\" in namespace {:?}: create it", team.namespace());
    assert_eq!(failure(&typo, "call"), ("PipelineNotFound", &*missing));
    let wrong = "the parameters are not those of Pipeline \"build\": spec.params.version: is required and missing: add it to \
                 the run";
    assert_eq!(failure(&team.ended("bare").await, "call"), ("InvalidParameters", wrong));
    assert!(children(&team).await.is_empty());
}

#[tokio::test]
async fn a_mistake_of_the_child_itself_is_the_parents_message() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&pipeline("broken", "- {name: a, set: {values: {x: '${{ params.missing }}'}}}"));
    team.home().apply(&running("release", "broken"));
    team.home().apply(&run("release-1", "release"));
    let (reason, message) = (team.ended("release-1").await, "failed (PipelineInvalid): Pipeline \"broken\" cannot run");
    assert_eq!(failure(&reason, "call").0, "ChildFailed");
    assert!(failure(&reason, "call").1.contains(message), "{}", failure(&reason, "call").1);
}
