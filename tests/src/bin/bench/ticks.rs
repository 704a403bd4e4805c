//! Pipelines whose time comes in the same minute: how long it takes until the last of their runs is there.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sluice_tests::Cluster;
use tokio::time::Instant;

use crate::counts::Counts;
use crate::line::{Dealt, Rate};
use crate::progress::{Ignored, Progress};
use crate::raw::Loader;
use crate::world::{ACCOUNT, World};

/// So many pipelines a second are made and judged at least, on a slow machine.
const PREPARED_PER_S: usize = 50;

/// What a pipeline says of its triggers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Seen {
    triggers: Vec<Ignored>,
}

/// Makes the pipelines and starts the controller, and measures from the minute at which all are due until the last run is made. The
/// runs begin meanwhile, and then wait: what becomes of them is measured elsewhere.
pub(crate) async fn measure(cluster: &Cluster, loader: &mut Loader, ticks: usize) -> Result<Rate> {
    let world = World::new(cluster, "ticks").await;
    world.apply_account();
    let raw = loader.rate().await?;
    let kind = World::kind("Pipeline");
    let progress = Progress::<Seen>::from_now(&world, &kind).await?;
    let controller = world.controller().await?;
    let due = due(Timestamp::now() + SignedDuration::from_secs(10 + (ticks / PREPARED_PER_S) as i64))?;
    let schedule = due.strftime("%M %H %d %m *").to_string();
    let spec = |_| {
        json!({
            "serviceAccountName": ACCOUNT, "triggers": [{"name": "tick", "cron": {"schedule": schedule}}],
            "stages": [{"name": "work", "steps": [{"name": "step", "delay": {"duration": "20h"}}]}],
        })
    };
    world.create(&kind, "bench", ticks, spec).await?;
    progress.all(ticks, |seen| Ok(seen.is_some_and(|seen| !seen.triggers.is_empty()))).await?;
    let before = Counts::settled(cluster, Duration::from_secs(1)).await?;
    let used = controller.usage()?.cpu;
    let created = Progress::<Ignored>::from_now(&world, &World::runs()).await?;
    let early = due.duration_since(Timestamp::now());
    ensure!(early.is_positive(), "the pipelines were not ready at {due}: name fewer (--runs)");

    let start = Instant::now() + early.unsigned_abs();
    created.all(ticks, |_| Ok(true)).await?;
    let wall = start.elapsed();
    let counts = Counts::read(cluster).await? - before;
    let mut usage = controller.usage()?;
    usage.cpu -= used;

    let writes = (Counts::settled(cluster, Duration::from_secs(6)).await? - before).starts;
    let raw = f64::midpoint(raw, loader.rate().await?);
    drop(controller);
    world.delete().await?;
    Ok(Dealt { scenario: "ticks", count: ticks, wall, usage, counts, writes, raw }.into())
}

/// The next full minute.
fn due(time: Timestamp) -> Result<Timestamp> {
    Ok(Timestamp::from_second((time.as_second() / 60 + 1) * 60)?)
}
