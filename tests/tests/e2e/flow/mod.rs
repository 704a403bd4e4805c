//! Every control flow on the real cluster: what runs when, how often, and what is left of it.

mod aborted;
mod again;
mod conflicts;
mod deleted;
mod hooks;
mod items;
mod killed;
mod outputs;
mod seen;
pub(crate) mod server;
mod stages;
mod undone;

use serde_json::Value;
use sluice_tests::fixture::Team;

use crate::short::run;

/// A pipeline of these stages (a YAML list), with more members of its spec.
pub(crate) fn pipeline(name: &str, stages: &str, more: &str) -> String {
    let indented = |text: &str| -> String {
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("  {line}\n")).collect()
    };
    format!(
        "\
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {{name: {name}}}
spec:
  serviceAccountName: deployer
{}  stages:
{}",
        indented(more),
        indented(stages)
    )
}

/// Applies a pipeline and starts a run of it of the same name.
pub(crate) fn start(team: &Team, name: &str, stages: &str, more: &str) {
    team.home().apply(&format!("{}---\n{}", pipeline(name, stages, more), run(name, name)));
}

/// The entries of a stage in a run's status: one, or one for each item.
pub(crate) fn entries<'a>(run: &'a Value, stage: &str) -> Vec<&'a Value> {
    run["status"]["stages"].as_array().into_iter().flatten().filter(|entry| entry["name"] == stage).collect()
}

/// How the condition of an aborted run reads.
const ABORTED: (&str, &str, &str) = ("False", "Aborted", "aborted by alice: enough");
