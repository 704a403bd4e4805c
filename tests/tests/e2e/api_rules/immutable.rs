//! A run's spec never changes, nor a report's, whatever fields they will ever have.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use serde_json::{Value, json};
use sluice_tests::TestNamespace;

use super::{change, create, namespace, of_kind};

/// The schema of the spec of a kind as the API server has it.
async fn schema(test: &TestNamespace, definition: &str) -> Value {
    let definitions: Api<CustomResourceDefinition> = Api::all(test.cluster().admin());
    let definition = definitions.get(definition).await.expect("the definition");
    let schema = serde_json::to_value(&definition.spec.versions[0].schema).expect("its schema");
    schema["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// A value that the schema accepts; another one for another `variant`.
fn sample(schema: &Value, variant: usize) -> Value {
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed[variant % allowed.len()].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let mut object: serde_json::Map<_, _> =
                members.map(|(name, member)| (name.clone(), sample(member, variant))).collect();
            if schema["additionalProperties"].is_object() {
                object.insert("any".to_owned(), sample(&schema["additionalProperties"], variant));
            }
            object.into()
        }
        Some("array") => json!([sample(&schema["items"], variant)]),
        Some("integer") => json!(variant + 1),
        Some("boolean") => json!(variant == 0),
        _ if schema["format"] == "date-time" => json!(format!("2026-11-0{}T06:00:00Z", variant + 1)),
        _ => json!(format!("value-{variant}")),
    }
}

#[tokio::test]
async fn no_field_but_actions_is_changed_removed_or_added_later() {
    let test = namespace().await;
    let least = |_: &str| json!({"pipelineRef": {"name": "any"}});
    let tried = nothing_changes(&test, "PipelineRun", least, "a run never changes; create another one").await;
    assert!(tried >= 3, "the schema was not understood");
}

#[tokio::test]
async fn no_field_of_a_report_is_changed_removed_or_added_later() {
    let test = namespace().await;
    let least = |besides: &str| {
        let which = if besides == "version" { "sha" } else { "version" };
        json!({"environment": "any", "component": "any", which: "any", "sequence": 7, "id": "any"})
    };
    let words = "a report never changes; send another one, with a new id and a higher sequence";
    let tried = nothing_changes(&test, "ComponentUpdate", least, words).await;
    assert!(tried >= 8, "the schema was not understood");
}

/// Tries to change each field of the spec of a kind; returns how many there are. `least` makes a spec without a field that may be
/// missing.
async fn nothing_changes(test: &TestNamespace, kind: &str, least: impl Fn(&str) -> Value, words: &str) -> usize {
    let schema = schema(test, &format!("{}s.sluice.dev", kind.to_lowercase())).await;
    let required = |field: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(field)));
    let objects = of_kind(test, kind);
    let mut tried = 0;
    for (field, schema) in
        schema["properties"].as_object().expect("fields").iter().filter(|(name, _)| *name != "actions")
    {
        let without = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": kind,
            "metadata": {"name": format!("without-{}", field.to_lowercase())}, "spec": least(field),
        });
        let mut with = without.clone();
        with["metadata"]["name"] = format!("with-{}", field.to_lowercase()).into();
        with["spec"][field] = sample(schema, 0);
        create(&objects, &with).await.unwrap_or_else(|error| panic!("{field}: {error}"));
        let refused = async |object: &Value, to: Value| {
            let name = object["metadata"]["name"].as_str().expect("a name");
            let refusal = change(&objects, name, &json!({"spec": {field: to.clone()}})).await.map(|_| ());
            let refusal = refusal.expect_err(&format!("{field} of {name} became {to}"));
            let expected = format!("spec.{field}: Invalid value: {words}");
            assert!(refusal.contains(&expected), "{refusal}");
        };
        refused(&with, sample(schema, 1)).await;
        if !required(field) {
            refused(&with, Value::Null).await;
            create(&objects, &without).await.unwrap_or_else(|error| panic!("{field}: {error}"));
            refused(&without, sample(schema, 0)).await;
        }
        tried += 1;
    }
    tried
}
