//! One line of results.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use sluice_tests::process::Usage;

use crate::counts::Counts;

/// What was measured; durations in seconds, memory in MiB.
#[derive(Serialize)]
pub(crate) struct Line {
    scenario: &'static str,
    runs: usize,
    steps_per_run: usize,
    wall_s: f64,
    runs_per_s: f64,
    cpu_s: f64,
    rss_mib: f64,
    peak_rss_mib: f64,
    status_patches_per_run: f64,
    other_writes_per_run: f64,
    gets_per_run: f64,
    writes_per_step: f64,
    status_patches_per_s: f64,
    raw_status_patches_per_s: f64,
    ratio: f64,
    #[serde(flatten)]
    waits: Option<Waits>,
}

/// What is measured of waiting runs beside that.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Waits {
    /// All of them wait, and nothing happens.
    Idle { idle_cpu_s_per_min: f64, idle_writes_per_min: f64 },
    /// The controller has started again.
    Restart { ready_s: f64, writes: u64 },
}

/// What a line is made of.
pub(crate) struct Measured {
    pub(crate) scenario: &'static str,
    pub(crate) runs: usize,
    pub(crate) steps: usize,
    pub(crate) wall: Duration,
    pub(crate) usage: Usage,
    pub(crate) counts: Counts,
    /// Status patches a second.
    pub(crate) raw: f64,
    pub(crate) waits: Option<Waits>,
}

impl From<Measured> for Line {
    fn from(measured: Measured) -> Self {
        let Measured { scenario, runs, steps, wall, usage, counts, raw, waits } = measured;
        let wall = wall.as_secs_f64();
        let per_run = |count: u64| round(count as f64 / runs as f64);
        let rate = counts.status_patches as f64 / wall;
        Self {
            scenario,
            runs,
            steps_per_run: steps,
            wall_s: round(wall),
            runs_per_s: round(runs as f64 / wall),
            cpu_s: round(usage.cpu.as_secs_f64()),
            rss_mib: mebibytes(usage.resident),
            peak_rss_mib: mebibytes(usage.peak),
            status_patches_per_run: per_run(counts.status_patches),
            other_writes_per_run: per_run(counts.other_writes),
            gets_per_run: per_run(counts.gets),
            writes_per_step: round(counts.writes() as f64 / (runs * steps) as f64),
            status_patches_per_s: round(rate),
            raw_status_patches_per_s: round(raw),
            ratio: round(rate / raw),
            waits,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// How fast one thing after the other is dealt with; durations in seconds, memory in MiB.
#[derive(Serialize)]
pub(crate) struct Rate {
    scenario: &'static str,
    count: usize,
    wall_s: f64,
    per_s: f64,
    cpu_s: f64,
    peak_rss_mib: f64,
    /// Of each, whatever else was written meanwhile.
    writes_each: f64,
    gets_each: f64,
    /// All of them.
    writes_per_s: f64,
    raw_status_patches_per_s: f64,
    ratio: f64,
}

/// What such a line is made of.
pub(crate) struct Dealt {
    pub(crate) scenario: &'static str,
    pub(crate) count: usize,
    /// Until the last was dealt with.
    pub(crate) wall: Duration,
    pub(crate) usage: Usage,
    /// Up to then.
    pub(crate) counts: Counts,
    /// What dealing with them has written, up to the end of it.
    pub(crate) writes: u64,
    /// Status patches a second.
    pub(crate) raw: f64,
}

impl From<Dealt> for Rate {
    fn from(dealt: Dealt) -> Self {
        let Dealt { scenario, count, wall, usage, counts, writes, raw } = dealt;
        let wall = wall.as_secs_f64();
        let each = |number: u64| round(number as f64 / count as f64);
        let rate = counts.writes() as f64 / wall;
        Self {
            scenario,
            count,
            wall_s: round(wall),
            per_s: round(count as f64 / wall),
            cpu_s: round(usage.cpu.as_secs_f64()),
            peak_rss_mib: mebibytes(usage.peak),
            writes_each: each(writes),
            gets_each: each(counts.gets),
            writes_per_s: round(rate),
            raw_status_patches_per_s: round(raw),
            ratio: round(rate / raw),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

fn mebibytes(bytes: u64) -> f64 {
    round(bytes as f64 / f64::from(1 << 20))
}

/// To what can be told apart: three digits behind the point.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
