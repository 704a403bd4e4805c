//! A stage for each target of an Environment.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::environment;
use crate::flow::{entries, start};
use crate::short::{condition, gate, open_gate};

#[tokio::test]
async fn the_targets_are_those_of_when_the_stage_starts() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let targets = |ports: &[(&str, i64)]| -> Vec<Value> {
        ports
            .iter()
            .map(|(name, port)| json!({"name": name, "port": port, "labels": {"tier": ["web", null]}}))
            .collect()
    };
    let of = |ports: &[(&str, i64)]| {
        environment("regions", &json!({"allowedPipelines": ["web"], "targets": targets(ports)}))
    };
    team.home().apply(&of(&[("eu", 1), ("us", 2), ("asia", 3)]));
    let controller = team.controller().await;
    let stages = format!(
        "\
- name: fan
  environment: regions
  forEach: {{in: environment.targets, as: target}}
  steps:
  - {{name: wait, {}}}
  - {{name: port, set: {{values: {{at: '${{{{ environment.name }}}}/${{{{ target.name }}}}', port: '${{{{ target.port * 10 }}}}', tier: '${{{{ target.labels.tier[0] }}}}'}}}}}}
- {{name: after, steps: [{{name: sum, set: {{values: {{ports: '${{{{ steps.port.outputs.map(o, o.port) }}}}'}}}}}}]}}
",
        gate(&cluster, team.namespace())
    );
    start(&team, "web", &stages, "");
    team.until("web", "waits for three targets", |run| {
        let running = entries(run, "fan").iter().filter(|entry| entry["steps"][0]["phase"] == "Running").count();
        running == 3
    })
    .await;
    // What changes now is for the next run, also in the eyes of another process.
    team.home().apply(&of(&[("eu", 7)]));
    controller.kill9();
    controller.restart().expect("another life");
    open_gate(&cluster, team.namespace()).await;
    let run = team.succeeded("web").await;
    let items: Vec<_> = entries(&run, "fan").iter().map(|entry| entry["item"].clone()).collect();
    assert_eq!(items, ["eu", "us", "asia"]);
    assert_eq!(entries(&run, "fan")[1]["steps"][1]["outputs"], json!({"at": "regions/us", "port": 20, "tier": "web"}));
    assert_eq!(step_of(&run, "sum")["outputs"]["ports"], json!([10, 20, 30]));
}

#[tokio::test]
async fn no_targets_are_a_failure_that_names_the_environment() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&environment("nowhere", &json!({"allowedPipelines": ["*"]})));
    let _controller = team.controller().await;
    let stage = "- {name: fan, environment: nowhere, forEach: {in: environment.targets, as: target}, steps: [{name: a, set: {values: {}}}]}";
    start(&team, "web", stage, "");
    let run = team.ended("web").await;
    let message = "stage fan: Environment \"nowhere\" has no targets: add some to its spec.targets";
    assert_eq!(condition(&run), ("False", "NoItems", message));
}
