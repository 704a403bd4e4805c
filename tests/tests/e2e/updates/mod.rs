//! Component updates on the real cluster: what is recorded, in which order, and the runs that deploy them.

mod deployed;
mod golden;
mod kept;
mod killed;
mod listed;
mod many;
mod recorded;
mod refused;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::{Value, json};
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use crate::PATIENCE;
use crate::flow::pipeline;

/// An Environment `staging` that every pipeline may use, with these components.
pub(crate) fn staging(components: &Value, more: &Value) -> String {
    let mut spec = json!({"allowedPipelines": ["*"], "components": components});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"}, "spec": spec})
        .to_string()
}

/// A component whose updates this pipeline deploys.
pub(crate) fn deployed_by(name: &str, pipeline: &str) -> Value {
    json!({"name": name, "onUpdate": {"deploy": {"pipelineRef": {"name": pipeline}}}})
}

/// What a pipeline takes of an update.
pub(crate) const PARAMS: &str = "params: [{name: environment}, {name: component}, {name: version}, {name: sha}]";

/// A pipeline that deploys what it is told to, in no time.
pub(crate) fn deploy(name: &str) -> String {
    pipeline(
        name,
        "- {name: deploy, environment: '${{ params.environment }}', steps: [{name: it, set: {values: {version: '${{ params.version }}'}}}]}",
        PARAMS,
    )
}

/// An update of a component of `staging` to the version of its sequence.
pub(crate) fn update(name: &str, component: &str, sequence: u32) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "ComponentUpdate", "metadata": {"name": name},
        "spec": {
            "environment": "staging", "component": component, "version": format!("1.{sequence}"), "sequence": sequence,
            "id": name, "by": "ci",
        },
    })
}

/// The objects of a kind, whatever they contain.
pub(crate) fn objects(team: &Team, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", kind));
    Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind)
}

/// All objects of a kind.
async fn all(team: &Team, kind: &str) -> Vec<Value> {
    let list = objects(team, kind).list(&ListParams::default()).await.expect("a list");
    list.into_iter().map(|object| serde_json::to_value(object).expect("JSON")).collect()
}

/// Waits until an object is as `is` wants it, and returns it.
async fn until(team: &Team, kind: &str, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{kind} {name} {what}"), PATIENCE, async || {
        let object = objects(team, kind).get(name).await.map_err(|error| error.to_string())?;
        let object = serde_json::to_value(object).map_err(|error| error.to_string())?;
        if is(&object) { Ok(object) } else { Err(format!("{:#}", object["status"])) }
    })
    .await
}

/// Waits until a condition of an update is this, `status reason`, and returns the update.
pub(crate) async fn until_says(team: &Team, name: &str, condition: &str, expected: &str) -> Value {
    let what = format!("says {condition}: {expected}");
    until(team, "ComponentUpdate", name, &what, |it| said(it, condition).starts_with(expected)).await
}

/// A condition of an object: `status reason: message`.
fn said(object: &Value, condition: &str) -> String {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    conditions.find(|known| known["type"] == condition).map_or_else(String::new, |known| {
        format!("{} {}: {}", text(&known["status"]), text(&known["reason"]), text(&known["message"]))
    })
}

/// What an Environment says of a component.
fn component<'a>(environment: &'a Value, name: &str) -> &'a Value {
    let mut components = environment["status"]["components"].as_array().into_iter().flatten();
    components.find(|known| known["name"] == name).unwrap_or(&Value::Null)
}

/// Waits until this is the recorded update of a component of `staging`.
async fn until_recorded(team: &Team, of: &str, update: &str) -> Value {
    let what = format!("has recorded {update}");
    until(team, "Environment", "staging", &what, |it| component(it, of)["recorded"]["updateRef"]["name"] == update)
        .await
}
