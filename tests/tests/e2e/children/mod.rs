//! Runs that steps start: what goes down to them, what comes back, and that there is one of each.

mod abort;
mod once;
mod refused;
mod results;

use serde_json::Value;
use sluice_tests::eventually;
use sluice_tests::fixture::{Team, step_of};

use crate::PATIENCE;

/// The name of the run that this step has started, once it has.
async fn child_of(team: &Team, parent: &str, step: &str) -> String {
    eventually(&format!("{step} of {parent} has started a run"), PATIENCE, async || {
        let children = children(team).await;
        let own = children.iter().find(|run| {
            let trigger = &run["spec"]["trigger"]["parent"];
            trigger["name"] == parent && trigger["step"] == step
        });
        own.and_then(|run| run["metadata"]["name"].as_str().map(str::to_owned)).ok_or_else(|| format!("{children:#?}"))
    })
    .await
}

/// The runs of the namespace that steps have started.
async fn children(team: &Team) -> Vec<Value> {
    let runs = team.runs().list(&kube::api::ListParams::default()).await.expect("the runs");
    let runs = runs.items.into_iter().map(|run| serde_json::to_value(run).expect("JSON"));
    runs.filter(|run| run["spec"]["trigger"]["parent"].is_object()).collect()
}

/// Why a step failed: its reason and its message.
fn failure<'a>(run: &'a Value, step: &str) -> (&'a str, &'a str) {
    let step = step_of(run, step);
    (step["reason"].as_str().unwrap_or_default(), step["message"].as_str().unwrap_or_default())
}

/// A pipeline whose one step runs that pipeline.
fn running(name: &str, other: &str) -> String {
    crate::short::pipeline(name, &format!("- {{name: call, pipelineRun: {{pipelineRef: {{name: {other}}}}}}}"))
}
