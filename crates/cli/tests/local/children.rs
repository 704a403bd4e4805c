//! Runs that steps start: beside the first one, in the same directory, by the same process.

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Place, read};

/// Two pipelines: `release` starts `build`, in the mode, and `build` has this one step. Both have a hook on an abortion.
fn place(mode: &str, build: &str) -> Place {
    let pipeline = |name: &str, rest: &str| {
        let hook =
            "{name: end, events: [Abortion], steps: [{name: say, set: {values: {why: '${{ failure.message }}'}}}]}";
        format!(
            "apiVersion: sluice.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  serviceAccountName: a\n  hooks: [{hook}]\n{rest}"
        )
    };
    let build = pipeline(
        "build",
        &format!(
            "  params: [{{name: version, required: true}}]\n  outputs: {{image: 'web:${{{{ params.version }}}}'}}\n  stages: [{{name: s, steps: [{build}]}}]\n"
        ),
    );
    let release = pipeline(
        "release",
        &format!(
            "  stages:\n  - name: s\n    steps:\n    - name: build\n      pipelineRun: {{pipelineRef: {{name: build}}, params: {{version: '1.10'}}, mode: {mode}}}\n    - {{name: after, set: {{values: {{x: 1}}}}}}\n"
        ),
    );
    Place::with(&format!("{build}---\n{release}"))
}

const RUN: &[&str] = &["run", "-f", "p.yaml", "--pipeline", "release"];

/// The run that a step has started, once it has.
fn child(place: &Place) -> String {
    let mut found = String::new();
    crate::support::eventually("a run is started", || {
        let entries = std::fs::read_dir(place.path(".sluice/runs")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
        found = names.find(|name| name.starts_with("release-1-build-")).unwrap_or_default();
        !found.is_empty() && read(&place.path(&format!(".sluice/runs/{found}.json"))).is_some()
    });
    found
}

fn is_at_its_step(status: &Value) -> bool {
    status["stages"][0]["steps"][0]["phase"] == "Running"
}

#[test]
fn an_attached_one_is_carried_on_while_its_parent_waits() {
    let place = place("Attached", "{name: wait, delay: {duration: 100ms}}");
    let said = place.sluice(RUN);
    assert_eq!(said.code, Some(0), "{said:?}");
    let (parent, child) = (place.run("release-1"), child(&place));
    let outputs = &parent["status"]["stages"][0]["steps"][0]["outputs"];
    assert_eq!((&outputs["run"]["name"], &outputs["outputs"]), (&json!(child), &json!({"image": "web:1.10"})));
    let child = place.run(&child);
    assert_eq!(child["spec"]["trigger"]["parent"]["uid"], parent["metadata"]["uid"]);
    assert_eq!(child["spec"]["requestedBy"], "ada");
    assert!(
        said.out.contains(&format!("{}: step s/wait Succeeded", child["metadata"]["name"].as_str().unwrap())),
        "{}",
        said.out
    );
}

#[test]
fn one_that_fails_fails_its_parent() {
    let place = place("Attached", "{name: work, fail: {message: no luck}}");
    let said = place.sluice(RUN);
    assert_eq!(said.code, Some(1), "{said:?}");
    let parent = place.run("release-1");
    let step = &parent["status"]["stages"][0]["steps"][0];
    assert_eq!(step["reason"], "ChildFailed");
    assert!(step["message"].as_str().unwrap().ends_with("failed (Failed): stage s: step work: no luck"), "{step}");
}

#[test]
fn a_detached_one_has_ended_when_the_process_ends() {
    let place = place("Detached", "{name: wait, delay: {duration: 1s}}");
    let said = place.sluice(RUN);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(place.run(&child(&place))["status"]["phase"], "Succeeded");
}

#[test]
fn both_go_on_after_a_kill_and_nothing_is_started_twice() {
    let place = place("Attached", "{name: wait, delay: {duration: 1h}}");
    let running = place.start(RUN);
    let child = child(&place);
    place.wait_for(&child, is_at_its_step);
    running.kill();
    place.hours_pass(&child);
    let said = place.sluice(&["resume", "release-1"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(place.run(&child)["status"]["phase"], "Succeeded");
    let again = place.sluice(&["resume"]);
    assert!(again.out.contains("no run in .sluice is unfinished"), "{again:?}");
}

#[test]
fn a_signal_aborts_both_and_the_parents_hook_comes_last() {
    let place = place("Attached", "{name: wait, delay: {duration: 1h}}");
    let running = place.start(RUN);
    let child = child(&place);
    place.wait_for(&child, is_at_its_step);
    place.wait_for("release-1", is_at_its_step);
    running.signal(Signal::SIGINT);
    let said = running.end();
    assert_eq!(said.code, Some(3), "{said:?}");
    let (parent, child) = (place.run("release-1"), place.run(&child));
    for run in [&parent, &child] {
        assert_eq!((&run["status"]["phase"], run["spec"]["actions"].as_array().unwrap().len()), (&json!("Aborted"), 1));
    }
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let began = time(&parent["status"]["hooks"][0]["startedAt"]);
    assert!(began >= time(&child["status"]["finishedAt"]), "{parent:#}");
}
