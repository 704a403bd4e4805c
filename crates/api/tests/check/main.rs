//! The static check: a pipeline with a mistake in it, and what is said about it.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

mod bound;
mod early;
mod flow;
mod items;
mod large;
mod locks;
mod loops;
mod sources;
mod triggers;

use expect_test::{Expect, expect};
use sluice_api::{PipelineSpec, check};

/// Checks a pipeline of these stages (and hooks), with the parameters `version` and `replicas`.
pub(crate) fn check(stages_and_hooks: &str, expected: &Expect) {
    let params = "params: [{name: version, required: true}, {name: replicas, type: Integer, default: 2}]";
    let text = format!("serviceAccountName: a\n{params}\nstages:{stages_and_hooks}");
    let spec: PipelineSpec = serde_saphyr::from_str(&text).unwrap();
    let mistakes: String = check::pipeline(&spec).iter().map(|mistake| format!("{mistake}\n")).collect();
    expected.assert_eq(&mistakes);
}

#[test]
fn a_pipeline_without_mistakes_has_none() {
    check(
        r#"
- name: look
  steps:
  - {name: actual, resource: {apiVersion: apps/v1, kind: Deployment, name: web, outputs: {ready: object.status.readyReplicas}}}
- name: tell
  when: steps.actual.outputs.ready < params.replicas
  steps: [{name: stop, fail: {message: "only ${{ steps.actual.outputs.ready }} of ${{ params.replicas }}"}}]
hooks:
- {name: bye, events: [Failure], for: {stage: tell}, steps: [{name: note, set: {values: {why: "${{ failure.message }}"}}}]}
"#,
        &expect![""],
    );
}

#[test]
fn unknown_names_are_found_with_their_place_and_what_was_meant() {
    check(
        r#"
- name: only
  when: params.verion != '1'
  steps:
  - {name: a, set: {values: {x: "v${{ param.version }}"}}}
  - {name: b, when: steps.a.outputs.y == 1, set: {values: {}}}
"#,
        &expect![[r#"
            spec.stages[0].when (at character 8): `params` has no `verion`; did you mean `version`?
            spec.stages[0].steps[0].set.values.x (at character 6): unknown name `param`; did you mean `params`?
            spec.stages[0].steps[1].when (at character 17): `steps.a.outputs` has no `y`; there is `x`
        "#]],
    );
}

#[test]
fn a_step_that_runs_later_is_not_unknown_but_too_late() {
    check(
        r#"
- name: first
  when: steps.late.outputs.x == 1
  steps: [{name: early, set: {values: {x: "${{ steps.late.outputs.x }}"}}}]
- name: second
  steps: [{name: late, set: {values: {x: 1}}}]
"#,
        &expect![[r#"
            spec.stages[0].when (at character 7): step `late` has not run yet here: `second` runs after `first`; an expression sees the steps before it
            spec.stages[0].steps[0].set.values.x (at character 11): step `late` has not run yet here: `second` runs after `first`; an expression sees the steps before it
        "#]],
    );
}

#[test]
fn types_are_checked_as_far_as_they_are_known() {
    check(
        r#"
- name: only
  when: params.replicas == 'two'
  steps:
  - {name: a, when: params.version, set: {values: {}}}
"#,
        &expect![[r#"
            spec.stages[0].when (at character 1): `params.replicas` is an int and `'two'` is a string: `==` is always false
            spec.stages[0].steps[0].when (at character 1): the condition is a string, not a bool; compare it with something, such as `... == 1`
        "#]],
    );
}

#[test]
fn names_are_unique_and_leave_the_languages_words_alone() {
    check(
        r#"
- {name: only, steps: [{name: only, set: {values: {}}}, {name: params, set: {values: {}}}, {name: Up, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[0].steps[0].name: "only" is used twice; the names of stages and steps are unique in a pipeline
            spec.stages[0].steps[1].name: "params" is a word of the expression language; choose another name
            spec.stages[0].steps[2].name: "Up" is no name; use letters and digits, a small letter first, 63 at most
        "#]],
    );
}

#[test]
fn a_step_has_exactly_one_type() {
    check(
        r#"
- {name: only, steps: [{name: none}, {name: two, fail: {message: m}, delay: {duration: 1s}}]}
"#,
        &expect![[r#"
            spec.stages[0].steps[0]: the step has no step type; set exactly one of pullRequest, pullRequestWait, commit, argocdWait, validate, waitFor, http, job, resource, pipelineRun, set, fail, delay
            spec.stages[0].steps[1]: the step has several step types: fail, delay; set exactly one of pullRequest, pullRequestWait, commit, argocdWait, validate, waitFor, http, job, resource, pipelineRun, set, fail, delay
        "#]],
    );
}

#[test]
fn what_a_step_takes_from_is_an_earlier_step_of_the_right_type() {
    check(
        r#"
- name: only
  steps:
  - {name: other, set: {values: {}}}
  - {name: a, pullRequestWait: {from: other}}
  - {name: b, pullRequestWait: {from: nowhere}}
  - {name: c, argocdWait: {application: {name: web}, commitFrom: d}}
  - {name: d, commit: {providerRef: {name: g}, repository: o/r, message: m, edits: [{file: a.yaml, set: {path: a, value: 1}}]}}
"#,
        &expect![[r#"
            spec.stages[0].steps[1].pullRequestWait.from: step "other" is of type set; it has to be one of type pullRequest
            spec.stages[0].steps[2].pullRequestWait.from: there is no step "nowhere"; name an earlier step of type pullRequest
            spec.stages[0].steps[3].argocdWait.commitFrom: step `d` has not run yet here; an expression sees the steps before it
        "#]],
    );
}

#[test]
fn hooks_name_stages_and_steps_that_exist() {
    check(
        r#"
- {name: only, steps: [{name: a, set: {values: {}}}]}
hooks:
- {name: x, events: [Failure], for: {stage: olny}, steps: [{name: n, set: {values: {}}}]}
- {name: y, events: [Failure], for: {step: b}, steps: [{name: n, set: {values: {z: "${{ failure.mesage }}"}}}]}
"#,
        &expect![[r#"
            spec.hooks[0].for.stage: there is no stage "olny"; did you mean "only"?
            spec.hooks[1].for.step: there is no step "b"; the pipeline has: a
            spec.hooks[1].steps[0].set.values.z (at character 13): `failure` has no `mesage`; did you mean `message`?
        "#]],
    );
}

#[test]
fn a_default_fits_its_type() {
    let text = "serviceAccountName: a\nparams: [{name: n, type: Integer, default: many}]\nstages: [{name: s, steps: [{name: a, fail: {message: m}}]}]";
    let spec: PipelineSpec = serde_saphyr::from_str(text).unwrap();
    let mistakes: Vec<String> = check::pipeline(&spec).iter().map(ToString::to_string).collect();
    assert_eq!(
        mistakes,
        [
            "spec.params[0].default: the default of a parameter of type Integer must be a whole number, not \"many\"; change the default or the type"
        ]
    );
}

#[test]
fn syntax_errors_and_open_templates_are_found() {
    check(
        r#"
- name: only
  when: params.version ==
  steps: [{name: a, set: {values: {x: "${{ params.version"}}}]
"#,
        &expect![[r#"
            spec.stages[0].when (at character 18): the expression ends too early
            spec.stages[0].steps[0].set.values.x (at character 1): `${{` has no `}}`; write `$${{` for a `${{` that is text
        "#]],
    );
}

#[test]
fn values_nest_only_so_deep() {
    for (levels, expected) in [
        (40, ""),
        (
            80,
            "spec.stages[0].steps[0].set: it nests deeper than 64 levels; flatten it, or write the inner part as a text",
        ),
    ] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let steps = format!(r#"[{{"name": "a", "set": {{"values": {{"x": {deep}}}}}}}]"#);
        let text = format!(r#"{{"serviceAccountName": "a", "stages": [{{"name": "s", "steps": {steps}}}]}}"#);
        let spec: PipelineSpec = serde_json::from_str(&text).unwrap();
        let mistakes: Vec<String> = check::pipeline(&spec).iter().map(ToString::to_string).collect();
        assert_eq!(mistakes.join("\n"), expected, "{levels} levels");
    }
}

#[test]
fn places_count_characters_and_lines_as_people_do() {
    check(
        r#"
- name: only
  steps:
  - {name: a, set: {values: {x: "é ${{ param }}", y: "one\ntwo ${{ param }}"}}}
"#,
        &expect![[r#"
            spec.stages[0].steps[0].set.values.x (at character 7): unknown name `param`; did you mean `params`?
            spec.stages[0].steps[0].set.values.y (line 2, character 9): unknown name `param`; did you mean `params`?
        "#]],
    );
}

#[test]
fn no_time_is_no_timeout() {
    check(
        r#"
- name: only
  timeout: 0s
  steps:
  - {name: one, timeout: 0m, set: {values: {a: 1}}}
"#,
        &expect![[r#"
            spec.stages[0].timeout: nothing can end within no time; set a longer time, or leave it out
            spec.stages[0].steps[0].timeout: nothing can end within no time; set a longer time, or leave it out
        "#]],
    );
}

#[test]
fn a_run_is_not_kept_for_no_time() {
    check(
        r#"
- {name: only, steps: [{name: one, set: {values: {a: 1}}}]}
ttlAfterFinished: 0s
historyLimits: {succeeded: 0}
"#,
        &expect![[r#"
            spec.ttlAfterFinished: nobody could read how a run ended; set a longer time, or leave it out
        "#]],
    );
}
