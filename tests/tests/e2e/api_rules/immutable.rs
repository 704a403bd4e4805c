//! A run's spec never changes, whatever fields it will ever have.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use serde_json::{Value, json};
use sluice_tests::TestNamespace;

use super::{change, create, namespace, runs};

/// The schema of a run's spec as the API server has it.
async fn schema(test: &TestNamespace) -> Value {
    let definitions: Api<CustomResourceDefinition> = Api::all(test.cluster().admin());
    let definition = definitions.get("pipelineruns.sluice.dev").await.expect("the definition");
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
    let schema = schema(&test).await;
    let required = |field: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(field)));
    let runs = runs(&test);
    let mut tried = 0;
    for (field, schema) in
        schema["properties"].as_object().expect("fields").iter().filter(|(name, _)| *name != "actions")
    {
        let without = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": format!("without-{}", field.to_lowercase())}, "spec": {"pipelineRef": {"name": "any"}},
        });
        let mut with = without.clone();
        with["metadata"]["name"] = format!("with-{}", field.to_lowercase()).into();
        with["spec"][field] = sample(schema, 0);
        create(&runs, &with).await.unwrap_or_else(|error| panic!("{field}: {error}"));
        let refused = async |run: &Value, to: Value| {
            let name = run["metadata"]["name"].as_str().expect("a name");
            let refusal = change(&runs, name, &json!({"spec": {field: to.clone()}})).await.map(|_| ());
            let refusal = refusal.expect_err(&format!("{field} of {name} became {to}"));
            let expected = format!("spec.{field}: Invalid value: a run never changes; create another one");
            assert!(refusal.contains(&expected), "{refusal}");
        };
        refused(&with, sample(schema, 1)).await;
        if !required(field) {
            refused(&with, Value::Null).await;
            create(&runs, &without).await.unwrap_or_else(|error| panic!("{field}: {error}"));
            refused(&without, sample(schema, 0)).await;
        }
        tried += 1;
    }
    assert!(tried >= 3, "the schema was not understood");
}
