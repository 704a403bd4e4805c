//! The conventions that every definition keeps, so that no field can slip past them.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use serde_json::{Map, Value};

/// Calls `visit` with each property of each definition: its path, its name and its schema.
fn for_each_property(mut visit: impl FnMut(&str, &str, &Map<String, Value>)) {
    for crd in sluice_api::crds() {
        let kind = crd.spec.names.kind.clone();
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(version.schema.as_ref().unwrap()).unwrap();
            walk(&kind, &schema["openAPIV3Schema"], &mut visit);
        }
    }
}

fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &str, &Map<String, Value>)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, name, property.as_object().unwrap());
        walk(&path, property, visit);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(&format!("{path}[]"), &schema[inner], visit);
        }
    }
}

/// The paths of the properties for which `is_wrong` holds.
fn wrong(is_wrong: impl Fn(&str, &str, &Map<String, Value>) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for_each_property(|path, name, schema| {
        if is_wrong(path, name, schema) {
            found.push(path.to_owned());
        }
    });
    found
}

/// Conditions are the API machinery's type, with its own text.
fn is_ours(path: &str) -> bool {
    !path.contains("conditions")
}

#[test]
fn every_field_is_documented() {
    let bare = |_: &str, _: &str, schema: &Map<String, Value>| schema.get("description").is_none();
    assert_eq!(
        wrong(|path, name, schema| !matches!(path.split_once('.'), Some((_, "spec" | "status")))
            && bare(path, name, schema)),
        [""; 0]
    );
}

#[test]
fn every_description_is_made_of_sentences() {
    let is_sentence = |text: &str| {
        let first = text.trim_start_matches("- ").chars().next();
        first.is_some_and(|first| first.is_uppercase() || first == '`') && text.ends_with('.')
    };
    let odd = wrong(|path, _, schema| {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        is_ours(path) && !text.is_empty() && !text.lines().filter(|line| !line.is_empty()).all(is_sentence)
    });
    assert_eq!(odd, [""; 0]);
}

#[test]
fn no_description_speaks_of_how_the_program_is_written() {
    let odd = wrong(|path, _, schema| {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        is_ours(path) && ["::", "Option<", "Vec<", "[`", "Rust"].iter().any(|word| text.contains(word))
    });
    assert_eq!(odd, [""; 0]);
}

#[test]
fn what_people_write_is_bounded() {
    let unbounded = wrong(|path, _, schema| {
        let is_spec = path.split('.').nth(1) == Some("spec");
        let has = |key: &str| schema.contains_key(key);
        let bounded = match schema.get("type").and_then(Value::as_str) {
            Some("string") => has("maxLength") || has("enum"),
            Some("array") => has("maxItems"),
            Some("object") if schema.contains_key("additionalProperties") => has("maxProperties"),
            _ => true,
        };
        is_spec && !bounded
    });
    assert_eq!(unbounded, [""; 0]);
}

#[test]
fn numbers_are_signed_integers() {
    let odd = wrong(|path, _, schema| {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        is_ours(path) && (schema.get("type") == Some(&Value::from("number")) || format.starts_with('u'))
    });
    assert_eq!(odd, [""; 0]);
}

#[test]
fn no_field_is_a_word_that_yaml_reads_as_a_bool() {
    assert_eq!(wrong(|_, name, _| ["y", "n", "on", "off", "yes", "no"].contains(&name)), [""; 0]);
}

#[test]
fn enums_are_camel_case_words() {
    let odd = wrong(|path, _, schema| {
        let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let is_word =
            |word: &Value| word.as_str().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        is_ours(path) && !words.into_iter().all(is_word)
    });
    assert_eq!(odd, [""; 0]);
}

#[test]
fn no_rule_stands_at_a_definitions_root() {
    for crd in sluice_api::crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        assert!(schema["openAPIV3Schema"]["x-kubernetes-validations"].is_null(), "{}", crd.spec.names.kind);
    }
}

#[test]
fn every_field_of_a_run_but_its_actions_has_its_rule() {
    let crd = sluice_api::crds().into_iter().find(|crd| crd.spec.names.kind == "PipelineRun").unwrap();
    let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
    let spec = &schema["openAPIV3Schema"]["properties"]["spec"];
    let rules: Vec<&str> = spec["x-kubernetes-validations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["fieldPath"].as_str().unwrap())
        .collect();
    let fields = spec["properties"].as_object().unwrap().keys().filter(|field| *field != "actions");
    assert_eq!(rules, fields.map(|field| format!(".{field}")).collect::<Vec<_>>());
}
