//! The raw rate: how many status patches a second the API server takes from a client that does nothing else.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use kube::Client;
use kube::core::{DynamicObject, PartialObjectMeta, Resource};
use serde_json::{Value, json};
use sluice_tests::Cluster;
use tokio::time::Instant;

use crate::world::World;

/// Patches that are under way at the same time, each of a run of its own.
const IN_FLIGHT: usize = 64;

/// The size of a status, as JSON.
const STATUS_BYTES: usize = 1536;

/// Runs that nobody but the loader writes.
pub(crate) struct Loader {
    world: World,
    /// How many patches a measurement makes.
    patches: usize,
    /// Names and versions.
    runs: Vec<(String, String)>,
}

impl Loader {
    /// Makes the runs.
    pub(crate) async fn new(cluster: &Cluster, patches: usize) -> Result<Self> {
        let world = World::new(cluster, "raw").await;
        let runs = world.create_runs("raw", IN_FLIGHT).await?;
        Ok(Self { world, patches, runs })
    }

    /// Patches a second: JSON patches of a whole status that hold for the version that was read, as the controller's do.
    pub(crate) async fn rate(&mut self) -> Result<f64> {
        let start = Instant::now();
        let each = self.patches.div_ceil(IN_FLIGHT);
        let path = DynamicObject::url_path(&World::runs(), Some(self.world.namespace()));
        let client = self.world.client();
        try_join_all(self.runs.iter_mut().map(|run| write(&client, &path, run, each))).await?;
        Ok((each * IN_FLIGHT) as f64 / start.elapsed().as_secs_f64())
    }
}

async fn write(client: &Client, path: &str, (name, version): &mut (String, String), times: usize) -> Result<()> {
    for time in 0..times {
        let patch = json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": status(time)},
        ]);
        let request = hyper::Request::patch(format!("{path}/{name}/status?fieldManager=bench"))
            .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
            .header("content-type", "application/json-patch+json")
            .body(serde_json::to_vec(&patch)?)?;
        let written: PartialObjectMeta<DynamicObject> = client.request(request).await?;
        *version = written.metadata.resource_version.context("an object without a version")?;
    }
    Ok(())
}

/// A status like that of a run in its fifth step; each differs, or nothing would be written.
fn status(time: usize) -> Value {
    let step = |number: usize| {
        json!({
            "name": format!("step{number}"), "phase": "Succeeded", "attempt": 1, "epoch": 1,
            "startedAt": "2026-01-01T00:00:00.000Z", "finishedAt": "2026-01-01T00:00:01.000Z",
            "outputs": {"text": format!("the value that step {number} computed")},
        })
    };
    let mut status = json!({
        "phase": "Running", "startedAt": "2026-01-01T00:00:00.000Z",
        "stages": [{"name": "work", "phase": "Running", "attempt": 1, "steps": (1..=5).map(step).collect::<Vec<_>>()}],
        "message": format!("{time:06} "),
    });
    let lacking = STATUS_BYTES.saturating_sub(status.to_string().len());
    status["message"] = format!("{time:06} {}", "x".repeat(lacking)).into();
    status
}
