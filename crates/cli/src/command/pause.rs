//! `sluice pause`: has nothing new start in a run.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::verb::{self, EXIT_CODES};
use crate::actions::{self, Ask};

/// Pause a run: nothing new starts in it until `sluice resume`.
///
/// What is under way goes on to its own end, and hooks still run. The clocks of timeouts stand still while nothing is under
/// way. It appends an entry `Pause` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it
/// takes the verb `pause` on its pipeline.
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
    verb::run(run, Ask::of_run(ActionType::Pause, options.reason.clone()), options, *waiting)
}
