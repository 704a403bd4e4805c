//! `bench`: measures the real controller on the cluster that runs, one JSON line a scenario.
//!
//! Every line carries the rate of status patches that a loader of nothing but them reaches in the same run, and the
//! controller's part of it: absolute figures differ by machine, the ratio should not.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod counts;
mod line;
mod looks;
mod progress;
mod raw;
mod throughput;
mod ticks;
mod updates;
mod waiting;
mod world;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use sluice_tests::{Cluster, fixture};

use raw::Loader;
use throughput::Work;

/// Measures the controller on the running test cluster; prints one JSON line a scenario.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything unless named.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// The runs of `pure` and of `effects`, the pipelines of `ticks`, and the updates of `updates`.
    #[arg(long, default_value_t = 1000)]
    runs: usize,
    /// The runs of `waiting`.
    #[arg(long, default_value_t = 5000)]
    waiting: usize,
    /// How many seconds the waiting runs are watched doing nothing.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// The status patches of each measurement of the raw rate.
    #[arg(long, default_value_t = 3000)]
    raw: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Runs of five steps that only compute.
    Pure,
    /// Runs of five HTTP requests with an effect each.
    Effects,
    /// Pipelines whose time comes in the same minute, with a run each.
    Ticks,
    /// Component updates that are recorded.
    Updates,
    /// Runs that wait: memory, idle cost, and a restart of the controller with all of them.
    Waiting,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(arguments: Arguments) -> Result<()> {
    let Arguments { scenarios, runs, waiting, idle, raw } = arguments;
    let wanted = |scenario| scenarios.is_empty() || scenarios.contains(&scenario);
    let cluster = Cluster::try_connect().await?;
    fixture::install(&cluster).await;
    let mut loader = Loader::new(&cluster, raw).await?;
    for (scenario, work) in [(Scenario::Pure, Work::Pure), (Scenario::Effects, Work::Effects)] {
        if wanted(scenario) {
            println!("{}", throughput::measure(&cluster, &mut loader, work, runs).await?);
        }
    }
    if wanted(Scenario::Ticks) {
        println!("{}", ticks::measure(&cluster, &mut loader, runs).await?);
    }
    if wanted(Scenario::Updates) {
        println!("{}", updates::measure(&cluster, &mut loader, runs).await?);
    }
    if wanted(Scenario::Waiting) {
        let [waiting, restart] = waiting::measure(&cluster, &mut loader, waiting, idle).await?;
        println!("{waiting}\n{restart}");
    }
    Ok(())
}
