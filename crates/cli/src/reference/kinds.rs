//! A page for each kind.

use anyhow::Result;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use sluice_api::step::STEP_TYPES;

use super::{Page, fields, markdown, schema_of};

pub(super) fn pages() -> Result<Vec<Page>> {
    sluice_api::crds().iter().map(page).collect()
}

fn page(crd: &CustomResourceDefinition) -> Result<Page> {
    let kind = &crd.spec.names.kind;
    let schema = schema_of(kind)?;
    let description = schema.description.clone().unwrap_or_default();
    let mut text = format!("{}# {kind}\n\n{description}\n\n{}\n", markdown::GENERATED, names(crd));
    for part in ["spec", "status"] {
        let Some(schema) = schema.properties.as_ref().and_then(|fields| fields.get(part)) else { continue };
        let description = schema.description.clone().unwrap_or_default();
        text.push_str(&format!("## {part}\n\n{description}\n\n"));
        let rules: String = fields::rules(schema).iter().map(|rule| format!("- Rule: {rule}.\n")).collect();
        if !rules.is_empty() {
            text.push_str(&format!("{rules}\n"));
        }
        text.push_str(&fields::fields(schema, elsewhere));
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    Ok(Page { file: format!("{}.md", kind.to_lowercase()), text: text + "\n" })
}

/// Where another page or row says what is in this field.
fn elsewhere(path: &str) -> Option<String> {
    let step_type = path.strip_prefix("stages[].steps[].").filter(|name| STEP_TYPES.iter().any(|it| it == name));
    match (path, step_type) {
        (_, Some(name)) => Some(format!("See [its fields](steps.md#{}).", name.to_lowercase())),
        ("hooks[].steps", _) => Some("As `stages[].steps`.".to_owned()),
        ("stages[].steps[].waitingOn", _) => Some("As the run's `waitingOn`.".to_owned()),
        ("conditions", _) => {
            let conventions = "https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties";
            Some(format!("Fields as in [all of Kubernetes]({conventions})."))
        }
        _ => None,
    }
}

fn names(crd: &CustomResourceDefinition) -> String {
    let names = &crd.spec.names;
    let short: Vec<String> = names.short_names.iter().flatten().map(|name| markdown::code(name)).collect();
    let short = if short.is_empty() { String::new() } else { format!("; short {}", short.join(", ")) };
    let (group, version) = (sluice_api::names::GROUP, sluice_api::names::VERSION);
    format!("`apiVersion: {group}/{version}`, `kind: {}`; for kubectl `{}`{short}\n", names.kind, names.plural)
}
