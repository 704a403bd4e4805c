//! The last good run of another pipeline, of those in the state directory.

use serde_json::{Value, json};

use crate::support::{Place, Said};

const MANIFESTS: &str = r#"
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: build}
spec:
  serviceAccountName: a
  params: [{name: version, required: true}, {name: end, default: well}]
  stages:
  - {name: publish, steps: [{name: push, set: {values: {image: "web:${{ params.version }}"}}}]}
  - {name: verify, steps: [{name: judge, when: params.end == 'badly', fail: {message: as asked}}]}
  outputs: {image: "${{ steps.push.outputs.image }}"}
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: deploy}
spec:
  serviceAccountName: a
  sources:
  - {name: build, pipelineRef: {name: build}}
  - {name: published, pipelineRef: {name: build}, stage: publish}
  stages:
  - name: only
    steps:
    - name: show
      set: {values: {whole: "${{ sources.build.outputs.image }}", stage: "${{ sources.published.outputs.push.image }}"}}
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: release}
spec:
  serviceAccountName: a
  stages: [{name: only, steps: [{name: deploy, pipelineRun: {pipelineRef: {name: deploy}}}]}]
"#;

fn run(place: &Place, pipeline: &str, more: &[&str]) -> Said {
    place.sluice(&[&["run", "-f", "p.yaml", "--pipeline", pipeline], more].concat())
}

fn build(place: &Place, version: &str, end: &str) {
    run(place, "build", &["-p", &format!("version={version}"), "-p", &format!("end={end}")]);
}

fn shown(run: &Value) -> Value {
    run["status"]["stages"][0]["steps"][0]["outputs"].clone()
}

#[test]
fn the_newest_good_run_is_taken_or_the_one_that_is_named() {
    let place = Place::with(MANIFESTS);
    build(&place, "1", "well");
    build(&place, "2", "well");
    build(&place, "3", "badly");
    assert_eq!(run(&place, "deploy", &[]).code, Some(0));
    assert_eq!(shown(&place.run("deploy-1")), json!({"whole": "web:2", "stage": "web:3"}));
    assert_eq!(run(&place, "deploy", &["--from", "build=build-1", "--from", "published=build-2"]).code, Some(0));
    let named = place.run("deploy-2");
    assert_eq!(shown(&named), json!({"whole": "web:1", "stage": "web:2"}));
    assert_eq!(named["spec"]["from"][0], json!({"source": "build", "runRef": {"name": "build-1"}}));
}

#[test]
fn without_a_good_run_nothing_starts_and_the_command_that_makes_one_is_named() {
    let place = Place::with(MANIFESTS);
    let said = run(&place, "deploy", &[]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("source \"build\" has nothing to take"), "{said:?}");
    assert!(said.err.contains("run -f p.yaml --pipeline build -p version=...`"), "{said:?}");
    build(&place, "1", "badly");
    for (from, part) in [
        ("build=build-1", "which has not succeeded"),
        ("build=build-9", "there is none of that name"),
        ("biuld=build-1", "did you mean \"build\"?"),
        ("build", "SOURCE=RUN"),
    ] {
        let said = run(&place, "deploy", &["--from", from]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(part), "{said:?}");
    }
    assert!(!place.path(".sluice/runs/deploy-1.json").exists());
}

#[test]
fn a_run_that_a_step_starts_takes_its_own() {
    let place = Place::with(MANIFESTS);
    let said = run(&place, "release", &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(place.run("release-1")["status"]["stages"][0]["steps"][0]["reason"], "NoGoodRun");
    build(&place, "1", "well");
    assert_eq!(run(&place, "release", &[]).code, Some(0));
}
