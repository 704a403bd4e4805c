//! The JSON Schemas for editors: valid themselves, they take the examples and refuse what the API server would.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use expect_test::{Expect, expect};
use jsonschema::{Validator, draft7};
use serde_json::{Value, json};
use sluice_api::json_schema;

/// Every manifest of ours under `examples/`.
fn examples() -> Vec<Value> {
    let mut found = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
                found.extend(documents.into_iter().filter(is_ours));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn is_ours(manifest: &Value) -> bool {
    manifest["apiVersion"].as_str().is_some_and(|version| version.starts_with("sluice.dev/"))
}

/// The schema for all kinds, made ready once.
static ALL: LazyLock<Validator> = LazyLock::new(|| draft7::new(&json_schema::all()).unwrap());

/// What a schema says against the manifest, each with its place.
fn complaints(validator: &Validator, manifest: &Value) -> String {
    let all = validator
        .iter_errors(manifest)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked_with("this")));
    all.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_schema_is_valid_itself() {
    for (file, schema) in json_schema::files() {
        let valid = draft7::meta::validate(&schema).map_err(|error| error.to_string());
        assert_eq!(valid, Ok(()), "{file}");
    }
}

#[test]
fn every_example_is_taken_by_the_schema_of_its_kind_and_by_the_one_for_all() {
    let mut by_kind = BTreeMap::new();
    for manifest in examples() {
        let kind = manifest["kind"].as_str().unwrap().to_owned();
        let of_kind =
            by_kind.entry(kind).or_insert_with_key(|kind| draft7::new(&json_schema::of(kind).unwrap()).unwrap());
        for validator in [of_kind, &*ALL] {
            assert_eq!(complaints(validator, &manifest), "", "{manifest:#}");
        }
    }
}

#[test]
fn a_kind_is_found_by_any_of_its_names() {
    for name in ["Pipeline", "pipeline", "pipelines", "pl"] {
        assert_eq!(json_schema::of(name).unwrap()["title"], "Pipeline", "{name}");
    }
    assert_eq!(json_schema::of("Deployment"), None);
}

#[test]
fn objects_of_other_groups_are_left_alone() {
    let others = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "hello"}, "secrets": []});
    assert_eq!(complaints(&ALL, &others), "");
}

/// A pipeline with one step of this configuration beside its name.
fn pipeline(step: Value) -> Value {
    let mut named = json!({"name": "only"});
    named.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": "web"},
        "spec": {"serviceAccountName": "deployer", "stages": [{"name": "only", "steps": [named]}]},
    })
}

#[track_caller]
fn check(manifest: &Value, expected: Expect) {
    expected.assert_eq(&complaints(&ALL, manifest));
}

#[test]
fn an_unknown_field_is_refused() {
    check(
        &pipeline(json!({"fail": {"mesage": "no", "message": "no"}})),
        expect!["/spec/stages/0/steps/0/fail: Additional properties are not allowed ('mesage' was unexpected)"],
    );
    check(
        &pipeline(json!({"fail": {"message": "no"}, "wen": "true"})),
        expect!["/spec/stages/0/steps/0: Additional properties are not allowed ('wen' was unexpected)"],
    );
}

#[test]
fn a_step_has_exactly_one_type() {
    check(
        &pipeline(json!({})),
        expect!["/spec/stages/0/steps/0: this is not valid under any of the schemas listed in the 'oneOf' keyword"],
    );
    check(
        &pipeline(json!({"fail": {"message": "no"}, "delay": {"duration": "1m"}})),
        expect![
            "/spec/stages/0/steps/0: this is valid under more than one of the schemas listed in the 'oneOf' keyword"
        ],
    );
}

#[test]
fn members_that_exclude_each_other_are_refused_together() {
    check(
        &pipeline(json!({"delay": {"duration": "1m", "until": "2026-11-01T06:00:00Z"}})),
        expect![
            "/spec/stages/0/steps/0/delay: this is valid under more than one of the schemas listed in the 'oneOf' keyword"
        ],
    );
    check(
        &pipeline(json!({"waitFor": {"condition": "true"}})),
        expect![
            "/spec/stages/0/steps/0/waitFor: this is not valid under any of the schemas listed in the 'oneOf' keyword"
        ],
    );
}

#[test]
fn a_text_that_is_no_duration_is_refused() {
    check(
        &pipeline(json!({"fail": {"message": "no"}, "timeout": "1 hour"})),
        expect![[r#"/spec/stages/0/steps/0/timeout: this does not match "^([0-9]{1,9}(h|m|s|ms))+$""#]],
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let mut run = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"generateName": "web-"},
        "spec": {"pipelineRef": {"name": "web"}, "params": {"version": "1.10", "replicas": 2}},
    });
    check(&run, expect![[""]]);
    run["spec"]["params"]["version"] = json!(1.1);
    check(&run, expect![[r#"/spec/params/version: this is not of types "null", "integer", "string""#]]);
}

#[test]
fn an_object_without_a_name_or_of_an_unknown_kind_is_refused() {
    let mut manifest = pipeline(json!({"fail": {"message": "no"}}));
    manifest["metadata"] = json!({"namespace": "shop"});
    check(&manifest, expect!["/metadata: this is not valid under any of the schemas listed in the 'anyOf' keyword"]);
    manifest["kind"] = json!("Pipelin");
    check(&manifest, expect![[r#"/kind: this is not one of "Pipeline", "PipelineRun" or 4 other candidates"#]]);
}

#[test]
fn a_provider_has_exactly_one_host_and_an_address_of_http() {
    let provider = |spec: Value| json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "ScmProvider", "metadata": {"name": "host"}, "spec": spec});
    let secret = json!({"name": "token"});
    check(&provider(json!({"gitea": {"url": "https://gitea.example"}, "secretRef": secret})), expect![[""]]);
    check(
        &provider(json!({"gitea": {"url": "ssh://gitea.example"}, "secretRef": secret})),
        expect![[r#"/spec/gitea/url: this does not match "^[hH][tT][tT][pP][sS]?:.""#]],
    );
    check(
        &provider(json!({"secretRef": secret})),
        expect!["/spec: this is not valid under any of the schemas listed in the 'oneOf' keyword"],
    );
}
