//! `examples/deploy-v1.yaml` from its beginning to its end, on the real parts.

mod applying;
mod by_itself;
mod nothing_to_do;
mod people;
mod rollout;

use serde_json::Value;
use sluice_tests::fixture::{Plan, Shop, step_of};
use sluice_tests::{Cluster, Controller};

/// The steps of the stages, in their order. The ninth is the hook's, `tell`.
const STEPS: [&str; 8] = [
    "getPreActualState",
    "waitForPreActualState",
    "createDeployRequest",
    "waitForAcceptedDeployRequest",
    "monitorDeploymentProgress",
    "getPostActualState",
    "waitForPostActualState",
    "validatePostDeployActualState",
];

/// A shop with its pipeline, its controller, and the first version deployed.
async fn open(plan: Plan) -> (Shop, Controller) {
    let cluster = Cluster::connect().await;
    let shop = plan.open(&cluster).await;
    {
        let _nodes = shop.let_pods_start();
        shop.deployed().await;
    }
    shop.apply();
    let controller = shop.controller().await;
    (shop, controller)
}

/// The phases of [`STEPS`].
fn phases(run: &Value) -> Vec<&str> {
    STEPS.iter().map(|step| step_of(run, step)["phase"].as_str().unwrap_or_default()).collect()
}

/// The number of the pull request that a run has opened.
fn pull_of(run: &Value) -> i64 {
    step_of(run, "createDeployRequest")["outputs"]["number"].as_i64().expect("a pull request")
}
