//! Mistakes that are seen when a pipeline is written: its condition `Ready` names field, position and remedy, and a run of
//! it fails at once with the same words.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use super::Trouble;
use crate::PATIENCE;
use crate::short::{condition, pipeline, pipeline_with, run};

/// Pipelines with one mistake each, and what is said of it.
fn mistakes() -> Vec<(&'static str, String, &'static str)> {
    let fine = "- {name: a, set: {values: {x: 1}}}\n";
    vec![
        (
            "param",
            pipeline_with(
                "param",
                "- {name: a, when: params.vresion == '1', fail: {message: stop}}",
                "params: [{name: version}]",
            ),
            "spec.stages[0].steps[0].when (at character 8): `params` has no `vresion`; did you mean `version`?",
        ),
        (
            "root",
            pipeline("root", "- {name: a, set: {values: {x: 'in ${{ pipelin.name }}'}}}"),
            "spec.stages[0].steps[0].set.values.x (at character 8): unknown name `pipelin`; did you mean `pipeline`?",
        ),
        (
            "step",
            pipeline("step", &format!("{fine}- {{name: b, set: {{values: {{z: '${{{{ steps.aa.outputs.x }}}}'}}}}}}")),
            "spec.stages[0].steps[1].set.values.z (at character 11): `steps` has no `aa`; did you mean `a`?",
        ),
        (
            "output",
            pipeline(
                "output",
                &format!("{fine}- {{name: b, set: {{values: {{z: '${{{{ steps.a.outputs.xx }}}}'}}}}}}"),
            ),
            "spec.stages[0].steps[1].set.values.z (at character 21): `steps.a.outputs` has no `xx`; did you mean `x`?",
        ),
        (
            "later",
            pipeline(
                "later",
                &format!("- {{name: b, set: {{values: {{z: '${{{{ steps.a.outputs.x }}}}'}}}}}}\n{fine}"),
            ),
            "spec.stages[0].steps[0].set.values.z (at character 11): step `a` has not run yet here; an expression sees the \
             steps before it",
        ),
        (
            "from",
            pipeline("from", &format!("{fine}- {{name: b, pullRequestWait: {{from: a}}}}")),
            "spec.stages[0].steps[1].pullRequestWait.from: step \"a\" is of type set; it has to be one of type pullRequest",
        ),
        (
            "type",
            pipeline("type", "- {name: a, when: run.name, fail: {message: stop}}"),
            "spec.stages[0].steps[0].when (at character 1): the condition is a string, not a bool; compare it with something, \
             such as `... == 1`",
        ),
        (
            "syntax",
            pipeline("syntax", "- {name: a, when: '1 ==', fail: {message: stop}}"),
            "spec.stages[0].steps[0].when (at character 5): the expression ends too early",
        ),
        (
            "hook",
            pipeline_with(
                "hook",
                fine,
                "hooks: [{name: h, events: [Failure], for: {stage: onyl}, steps: [{name: t, fail: {message: m}}]}]",
            ),
            "spec.hooks[0].for.stage: there is no stage \"onyl\"; did you mean \"only\"?",
        ),
    ]
}

pub(super) fn pipelines(team: &Team) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind)
}

/// The pipeline once its condition speaks of its newest generation.
pub(super) async fn judged(team: &Team, name: &str) -> Value {
    eventually(&format!("pipeline {name} is judged"), PATIENCE, async || {
        let pipeline = pipelines(team).get(name).await.map_err(|error| error.to_string())?;
        let pipeline = serde_json::to_value(pipeline).map_err(|error| error.to_string())?;
        let generation = &pipeline["metadata"]["generation"];
        let seen =
            [&pipeline["status"]["observedGeneration"], &pipeline["status"]["conditions"][0]["observedGeneration"]];
        if seen == [generation, generation] { Ok(pipeline) } else { Err(pipeline["status"].to_string()) }
    })
    .await
}

#[tokio::test]
async fn each_is_named_in_the_condition_and_by_a_run() {
    let trouble = Trouble::open().await;
    for (name, manifest, _) in mistakes() {
        trouble.apply(&format!("{manifest}---\n{}", run(name, name)));
    }
    for (name, _, message) in mistakes() {
        let pipeline = judged(&trouble.team, name).await;
        assert_eq!(condition(&pipeline), ("False", "Invalid", message), "{name}");
        let run = trouble.team.ended(name).await;
        let expected = format!("Pipeline {name:?} cannot run: {message}");
        assert_eq!(condition(&run), ("False", "PipelineInvalid", &*expected), "{name}");
        assert_eq!(run["status"]["phase"], "Failed");
    }
    trouble.no_harm().await;
}

#[tokio::test]
async fn a_pipeline_heals_and_its_revision_is_named_by_its_content() {
    let trouble = Trouble::open().await;
    let team = &trouble.team;
    let with = |value: &str| pipeline("web", &format!("- {{name: a, set: {{values: {{x: '{value}'}}}}}}"));
    let bad = with("${{ nothing.here }}");
    trouble.apply(&bad);
    assert_eq!(condition(&judged(team, "web").await).1, "Invalid");

    trouble.apply(&with("1"));
    assert_eq!(condition(&judged(team, "web").await), ("True", "Valid", "runs can start"));
    let mut revisions = Vec::new();
    for (number, manifest) in [with("1"), with("2"), with("1")].iter().enumerate() {
        let name = format!("run-{number}");
        trouble.apply(&format!("{manifest}---\n{}", run(&name, "web")));
        revisions.push(team.succeeded(&name).await["status"]["pipelineRevision"].clone());
    }
    assert_eq!(revisions[0], revisions[2]);
    assert_ne!(revisions[0], revisions[1]);

    trouble.apply(&bad);
    assert_eq!(condition(&judged(team, "web").await).0, "False");
    trouble.no_harm().await;
}
