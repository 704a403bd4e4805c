//! Environments on the real cluster: who may use one and its account, its targets, and what is written in its status.

mod fences;
mod judged;
mod recorded;
mod targets;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use crate::PATIENCE;

/// An Environment as a manifest.
fn environment(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

fn environments(team: &Team) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Environment"));
    Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind)
}

/// Waits until an Environment is as `is` wants it, and returns it.
async fn until(team: &Team, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("Environment {name} {what}"), PATIENCE, async || {
        let object = environments(team).get(name).await.map_err(|error| error.to_string())?;
        let object = serde_json::to_value(object).map_err(|error| error.to_string())?;
        if is(&object) { Ok(object) } else { Err(format!("{:#}", object["status"])) }
    })
    .await
}

/// The last run of a pipeline that succeeded in an Environment.
fn last<'a>(environment: &'a Value, pipeline: &str) -> &'a Value {
    let mut runs = environment["status"]["lastSucceededRuns"].as_array().into_iter().flatten();
    runs.find(|run| run["pipeline"] == pipeline).unwrap_or(&Value::Null)
}

/// What a run brought to an Environment of a component.
fn deployed<'a>(environment: &'a Value, component: &str) -> &'a Value {
    let mut components = environment["status"]["components"].as_array().into_iter().flatten();
    components.find(|known| known["name"] == component).map_or(&Value::Null, |known| &known["deployed"])
}
