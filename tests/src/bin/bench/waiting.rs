//! Runs that wait: what they cost while nothing happens, and what a restart of the controller costs with all of them.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use sluice_tests::process::Usage;
use sluice_tests::{Cluster, Controller};
use tokio::time::{Instant, sleep};

use crate::counts::Counts;
use crate::line::{Line, Measured, Waits, round};
use crate::looks::Looks;
use crate::raw::Loader;
use crate::world::World;

/// Longer than the pause between two writes of a wait's progress.
const SETTLED: Duration = Duration::from_secs(12);

/// What all measurements of this file share.
struct Bench<'a> {
    cluster: &'a Cluster,
    runs: usize,
    looks: Looks,
    raw: f64,
}

/// Measures a start with runs that then wait, `idle` seconds of waiting, and a restart.
pub(crate) async fn measure(cluster: &Cluster, loader: &mut Loader, runs: usize, idle: u64) -> Result<[Line; 2]> {
    let looks = Looks::serve().await?;
    let world = World::new(cluster, "waiting").await;
    world.apply_pipeline(&[json!({"name": "wait", "timeout": "24h", "waitFor": {
        "sources": {"state": {"http": {"url": format!("{}${{{{ run.name }}}}", looks.url)}}},
        "condition": "state.json.done", "interval": "2h",
    }})]);
    world.create_runs("run", runs).await?;
    let bench = Bench { cluster, runs, looks, raw: loader.rate().await? };
    let before = Counts::settled(cluster, Duration::from_secs(1)).await?;
    let start = Instant::now();
    let controller = world.controller().await?;
    let waiting = bench.waiting(&controller, before, start, idle).await?;
    let restart = bench.restart(&controller, &world).await?;
    drop(controller);
    world.delete().await?;
    Ok([waiting, restart])
}

impl Bench<'_> {
    async fn waiting(&self, controller: &Controller, before: Counts, start: Instant, idle: u64) -> Result<Line> {
        let wall = self.looks.reach(self.runs, start).await;
        let counts = Counts::settled(self.cluster, SETTLED).await? - before;
        let usage = controller.usage()?;
        let waits = self.idle(controller, idle).await?;
        Ok(self.line("waiting", wall, usage, counts, waits))
    }

    async fn idle(&self, controller: &Controller, seconds: u64) -> Result<Waits> {
        let (usage, counts) = (controller.usage()?, Counts::read(self.cluster).await?);
        sleep(Duration::from_secs(seconds)).await;
        let cpu = controller.usage()?.cpu - usage.cpu;
        let writes = (Counts::read(self.cluster).await? - counts).writes();
        let per_minute = |value: f64| round(value * 60.0 / seconds as f64);
        Ok(Waits::Idle {
            idle_cpu_s_per_min: per_minute(cpu.as_secs_f64()),
            idle_writes_per_min: per_minute(writes as f64),
        })
    }

    async fn restart(&self, controller: &Controller, world: &World) -> Result<Line> {
        let before = Counts::read(self.cluster).await?;
        self.looks.forget();
        let start = Instant::now();
        controller.restart()?;
        let (ready, wall) =
            tokio::try_join!(world.ready(start), async { anyhow::Ok(self.looks.reach(self.runs, start).await) })?;
        let counts = Counts::settled(self.cluster, SETTLED).await? - before;
        let waits = Waits::Restart { ready_s: round(ready.as_secs_f64()), writes: counts.writes() };
        Ok(self.line("restart", wall, controller.usage()?, counts, waits))
    }

    fn line(&self, scenario: &'static str, wall: Duration, usage: Usage, counts: Counts, waits: Waits) -> Line {
        let Self { runs, raw, .. } = *self;
        Measured { scenario, runs, steps: 1, wall, usage, counts, raw, waits: Some(waits) }.into()
    }
}
