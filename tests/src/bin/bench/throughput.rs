//! Runs that have all they need: how fast they are carried to their end, and at what cost.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use tokio::time::Instant;

use crate::counts::Counts;
use crate::line::{Line, Measured};
use crate::progress::{Progress, succeeded};
use crate::raw::Loader;
use crate::world::World;

const STEPS: usize = 5;

/// What the steps do.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// They compute.
    Pure,
    /// They send requests with an effect.
    Effects,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Effects => "effects",
        }
    }

    fn step(self, number: usize, services: &str) -> Value {
        let name = format!("step{number}");
        match self {
            Self::Pure => {
                let before = match number {
                    1 => "run.name".to_owned(),
                    _ => format!("steps.step{}.outputs.text", number - 1),
                };
                json!({"name": name, "set": {"values": {"text": format!("${{{{ {before} }}}}"), "number": number}}})
            }
            Self::Effects => json!({"name": name, "http": {
                "method": "POST", "delivery": "Idempotent", "url": format!("{services}/status/200"),
                "json": {"run": "${{ run.name }}", "number": number},
            }}),
        }
    }
}

/// Makes the runs, then starts the controller, and measures until the last has succeeded.
pub(crate) async fn measure(cluster: &Cluster, loader: &mut Loader, work: Work, runs: usize) -> Result<Line> {
    let world = World::new(cluster, work.name()).await;
    let steps: Vec<_> = (1..=STEPS).map(|number| work.step(number, &cluster.facts().services_url)).collect();
    world.apply_pipeline(&steps);
    world.create_runs("run", runs).await?;
    let raw = loader.rate().await?;
    let progress = Progress::from_now(&world, &World::runs()).await?;
    let before = Counts::settled(cluster, Duration::from_secs(1)).await?;

    let start = Instant::now();
    let controller = world.controller().await?;
    progress.all(runs, succeeded).await?;
    let wall = start.elapsed();

    // What it does behind the runs is part of its cost: it publishes Events.
    let counts = Counts::settled(cluster, Duration::from_secs(6)).await? - before;
    let usage = controller.usage()?;
    let raw = f64::midpoint(raw, loader.rate().await?);
    drop(controller);
    world.delete().await?;
    Ok(Measured { scenario: work.name(), runs, steps: STEPS, wall, usage, counts, raw, waits: None }.into())
}
