//! What the chart says of itself.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use sluice_tests::helm;

use super::{object, rendered};

#[test]
fn helm_lint_finds_nothing() {
    let said = helm::run(&["lint", "--strict", &helm::chart().display().to_string()]).expect("no complaint");
    assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
}

#[test]
fn it_is_the_chart_of_this_version() {
    let text = std::fs::read_to_string(helm::chart().join("Chart.yaml")).expect("Chart.yaml");
    let chart: Value = serde_saphyr::from_str(&text).expect("YAML");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_schema_knows_every_value_and_no_other() {
    let read = |name: &str| std::fs::read_to_string(helm::chart().join(name)).expect("a file of the chart");
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    // Helm's own, and the usual condition of a chart of charts.
    check_keys(&values, &schema, &schema, &["enabled", "global"], "values");
}

/// Where a schema names the members of an object and lets no other in, they are the members that have a default.
fn check_keys(values: &Value, schema: &Value, root: &Value, besides: &[&str], path: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(place) => root.pointer(place.trim_start_matches('#')).expect("a definition"),
        None => schema,
    };
    let (Some(known), Some(values)) = (schema["properties"].as_object(), values.as_object()) else { return };
    assert_eq!(schema["additionalProperties"], false, "{path} takes anything");
    for (name, value) in values {
        let of_member = known.get(name).unwrap_or_else(|| panic!("the schema does not know {path}.{name}"));
        check_keys(value, of_member, root, &[], &format!("{path}.{name}"));
    }
    // What Kubernetes gives a meaning to has no default of ours.
    let foreign = ["affinity", "resources"].map(|name| format!(".{name}")).iter().any(|name| path.ends_with(name));
    let surplus = known.keys().find(|name| !values.contains_key(*name) && !besides.contains(&name.as_str()));
    assert!(foreign || surplus.is_none(), "values.yaml has no {path}.{}", surplus.map_or("", String::as_str));
}

/// Everything that adds an object.
const ALL: &str =
    "--set=networkPolicy.enabled=true,podDisruptionBudget.enabled=true,server.enabled=true,server.ingress.enabled=true";

#[test]
fn every_object_says_what_it_belongs_to() {
    for object in rendered(&[ALL]).expect("objects") {
        let labels = &object["metadata"]["labels"];
        let expected = [("name", "sluice"), ("instance", "sluice"), ("part-of", "sluice"), ("managed-by", "Helm")];
        for (label, value) in expected {
            assert_eq!(labels[format!("app.kubernetes.io/{label}")], value, "{} {label}", object["metadata"]["name"]);
        }
    }
}

#[test]
fn the_definitions_are_the_generated_ones_kept_unless_told_otherwise() {
    let kept = rendered(&[]).expect("objects");
    let not_kept = rendered(&["--set=crds.keep=false"]).expect("objects");
    for definition in sluice_api::crds() {
        let name = definition.metadata.name.as_deref().expect("a name");
        let made = object(&kept, "CustomResourceDefinition", name);
        // Of that type, as Helm writes 1 for 1.0.
        let of_made: CustomResourceDefinition = serde_json::from_value(made.clone()).expect("a definition");
        assert!(of_made.spec == definition.spec, "{name} is another one");
        assert_eq!(made["metadata"]["annotations"], json!({"helm.sh/resource-policy": "keep"}));
        assert_eq!(object(&not_kept, "CustomResourceDefinition", name)["metadata"].get("annotations"), None);
    }
    let without = rendered(&["--set=crds.install=false"]).expect("objects");
    assert!(without.iter().all(|object| object["kind"] != "CustomResourceDefinition"));
}
