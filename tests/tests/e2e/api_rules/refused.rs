//! Manifests that the API server refuses, and its words: they name the field.

use sluice_tests::TestNamespace;

use super::namespace;
use crate::short::{kubectl, pipeline, pipeline_with};

/// Why a manifest is refused, client-side and server-side.
fn refusals(test: &TestNamespace, manifest: &str) -> [String; 2] {
    [&[][..], &["--server-side"]].map(|flags| {
        let arguments = [&["apply", "-n", test.name(), "-f", "-"], flags].concat();
        kubectl(test.cluster(), &arguments, manifest).expect_err("refused")
    })
}

/// Checks that both ways the refusal says this, and that nothing was stored.
fn check(test: &TestNamespace, manifest: &str, expected: &str) {
    for refusal in refusals(test, manifest) {
        assert!(refusal.contains(expected), "{refusal}\ninstead of\n{expected}");
    }
    let stored = kubectl(test.cluster(), &["get", "sluice", "-n", test.name(), "-o", "name"], "").expect("a list");
    assert_eq!(stored, "", "nothing is stored");
}

#[tokio::test]
async fn an_unknown_field_of_a_step() {
    let test = namespace().await;
    let [client_side, server_side] =
        refusals(&test, &pipeline("bad", "- {name: a, set: {valeus: {}, values: {b: c}}}"));
    assert_eq!(
        client_side,
        "Error from server (BadRequest): error when creating \"STDIN\": Pipeline in version \"v1alpha1\" cannot be handled \
         as a Pipeline: strict decoding error: unknown field \"spec.stages[0].steps[0].set.valeus\""
    );
    assert_eq!(
        server_side,
        format!(
            "Error from server: failed to create typed patch object ({}/bad; sluice.dev/v1alpha1, Kind=Pipeline): \
             .spec.stages[name=\"only\"].steps[name=\"a\"].set.valeus: field not declared in schema",
            test.name()
        )
    );
}

#[tokio::test]
async fn two_step_types_in_one_step_or_none() {
    let test = namespace().await;
    let expected = "is invalid: spec.stages[0].steps[0]: Invalid value: set exactly one step type: \
                    pullRequest, pullRequestWait, commit, argocdWait, validate, waitFor, http, job, resource, pipelineRun, set, fail, delay";
    check(&test, &pipeline("bad", "- {name: a, set: {values: {b: c}}, fail: {message: stop}}"), expected);
    check(&test, &pipeline("bad", "- {name: a}"), expected);
}

#[tokio::test]
async fn names_durations_and_sizes_out_of_bounds() {
    let test = namespace().await;
    let step = "- {name: a, set: {values: {b: c}}}";
    let many: String = (0..51).map(|number| format!("- {{name: a{number}, set: {{values: {{b: c}}}}}}\n")).collect();
    for (manifest, expected) in [
        (
            pipeline("bad", "- {name: Open-PR, set: {values: {b: c}}}"),
            "spec.stages[0].steps[0].name: Invalid value: \"Open-PR\": spec.stages[0].steps[0].name in body should match \
             '^[a-z][A-Za-z0-9]{0,62}$'",
        ),
        (
            pipeline("bad", "- {name: a, timeout: 5 minutes, set: {values: {b: c}}}"),
            "spec.stages[0].steps[0].timeout: Invalid value: \"5 minutes\": spec.stages[0].steps[0].timeout in body should \
             match '^([0-9]{1,9}(h|m|s|ms))+$'",
        ),
        (pipeline("bad", &many), "spec.stages[0].steps: Too many: 51: must have at most 50 items"),
        (
            pipeline_with("bad", step, "params: [{name: p, required: true, default: x}]"),
            "spec.params[0]: Invalid value: a required parameter has no default",
        ),
        (
            pipeline_with("bad", step, "hooks: [{name: h, events: [Failure], for: {stage: a, step: b}, steps: [{name: c, fail: {message: m}}]}]"),
            "spec.hooks[0].for: Invalid value: name either a stage or a step; leave `for` out for the whole pipeline",
        ),
        (
            pipeline_with("bad", step, "hooks: [{name: h, events: [Exploded], steps: [{name: c, fail: {message: m}}]}]"),
            "spec.hooks[0].events[0]: Unsupported value: \"Exploded\": supported values: \"Started\", \"Success\", \"Failure\", \
             \"Abortion\"",
        ),
        (
            pipeline_with("bad", step, "historyLimits: {succeeded: -1}"),
            "spec.historyLimits.succeeded: Invalid value: -1: spec.historyLimits.succeeded in body should be greater than or \
             equal to 0",
        ),
        (
            pipeline_with("bad", step, "ttlAfterFinished: 7d"),
            "spec.ttlAfterFinished: Invalid value: \"7d\": spec.ttlAfterFinished in body should match \
             '^([0-9]{1,9}(h|m|s|ms))+$'",
        ),
        (pipeline("bad", "- {name: a, http: {url: ''}}"), "spec.stages[0].steps[0].http.url in body should be at least 1 chars long"),
        (
            "{apiVersion: sluice.dev/v1alpha1, kind: ScmProvider, metadata: {name: bad}, spec: {gitea: {url: 'ftp://a'}, secretRef: {name: a}}}".to_owned(),
            "spec.gitea.url: Invalid value: \"ftp://a\": must be an http or https URL",
        ),
    ] {
        check(&test, &manifest, expected);
    }
}

#[tokio::test]
async fn a_name_that_is_used_twice_and_a_version_that_is_a_number() {
    let test = namespace().await;
    let name = test.name();
    let twice = pipeline("bad", "- {name: a, set: {values: {b: c}}}\n- {name: a, set: {values: {b: c}}}");
    let [client_side, server_side] = refusals(&test, &twice);
    assert_eq!(
        client_side,
        "The Pipeline \"bad\" is invalid: spec.stages[0].steps[1]: Duplicate value: {\"name\":\"a\"}"
    );
    assert_eq!(
        server_side,
        format!(
            "Error from server: failed to create typed patch object ({name}/bad; sluice.dev/v1alpha1, Kind=Pipeline): \
             .spec.stages[name=\"only\"].steps: duplicate entries for key [name=\"a\"]"
        )
    );

    // 1.10 would be 1.1.
    let run = "{apiVersion: sluice.dev/v1alpha1, kind: PipelineRun, metadata: {name: bad}, \
               spec: {pipelineRef: {name: a}, params: {version: 1.10}}}";
    let expected = "spec.params.version in body must be of type integer,string: \"number\"";
    check(&test, run, expected);
}
