//! Component updates: how fast they are recorded, and at what cost.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluice_tests::Cluster;
use tokio::time::Instant;

use crate::counts::Counts;
use crate::line::{Dealt, Rate};
use crate::progress::Progress;
use crate::raw::Loader;
use crate::world::World;

/// The components of the one Environment, which take turns.
const COMPONENTS: usize = 50;

/// What an update says of itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Said {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Condition {
    r#type: String,
    status: String,
}

/// Makes the updates, which deploy nothing, then starts the controller, and measures until the last is recorded.
pub(crate) async fn measure(cluster: &Cluster, loader: &mut Loader, updates: usize) -> Result<Rate> {
    let world = World::new(cluster, "updates").await;
    let components: Vec<Value> = (0..COMPONENTS).map(|number| json!({"name": component(number)})).collect();
    world.apply(&json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"},
        "spec": {"components": components},
    }));
    let spec = |number: usize| {
        let sequence = number / COMPONENTS + 1;
        json!({
            "environment": "staging", "component": component(number), "sequence": sequence, "id": number.to_string(),
            "version": format!("1.{sequence}"),
        })
    };
    let kind = World::kind("ComponentUpdate");
    world.create(&kind, "update", updates, spec).await?;
    let raw = loader.rate().await?;
    let progress = Progress::from_now(&world, &kind).await?;
    let before = Counts::settled(cluster, Duration::from_secs(1)).await?;

    let start = Instant::now();
    let controller = world.controller().await?;
    progress.all(updates, |said| Ok(said.is_some_and(is_recorded))).await?;
    let wall = start.elapsed();

    let counts = Counts::settled(cluster, Duration::from_secs(6)).await? - before;
    let usage = controller.usage()?;
    let raw = f64::midpoint(raw, loader.rate().await?);
    drop(controller);
    world.delete().await?;
    Ok(Dealt { scenario: "updates", count: updates, wall, usage, counts, writes: counts.writes(), raw }.into())
}

fn component(number: usize) -> String {
    format!("c{:02}", number % COMPONENTS)
}

fn is_recorded(said: Said) -> bool {
    said.conditions.iter().any(|condition| condition.r#type == "Recorded" && condition.status == "True")
}
