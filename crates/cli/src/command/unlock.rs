//! `sluice unlock`: takes from a run that has ended the lock that it keeps.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::verb::{self, EXIT_CODES};
use crate::actions::{self, Ask};

/// Have a run that has ended let go of the lock that it keeps, so that the next one of its group begins.
///
/// A run keeps it after a failure where its pipeline says `concurrency.unlock: OnSuccess`. It appends an entry `Unlock` to
/// the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it takes the verb `unlock` on its
/// pipeline.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    #[command(flatten)]
    waiting: verb::Waiting,
    #[command(flatten)]
    options: verb::Options,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { run, waiting, options } = arguments;
    verb::run(run, Ask::of_run(ActionType::Unlock, options.reason.clone()), options, *waiting)
}
