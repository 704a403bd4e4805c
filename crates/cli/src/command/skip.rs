//! `sluice skip`: passes a stage of a run, or a step.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::verb::{self, EXIT_CODES};
use crate::actions::{self, Ask};

/// Pass a stage of a run, or one step of it.
///
/// What is left of the stage, or that step alone, counts as skipped, and the run goes on behind it; so does a run that failed
/// there. It appends an entry `Skip` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it
/// takes the verb `skip` on what guards the stage.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    /// The stage.
    #[arg(value_name = "STAGE")]
    stage: String,
    /// The step; all that is left of the stage unless set.
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// The item of the stage's `forEach`; all of them unless set.
    #[arg(long, value_name = "ITEM")]
    item: Option<String>,
    #[command(flatten)]
    waiting: verb::Waiting,
    #[command(flatten)]
    options: verb::Options,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { run, stage, step, item, waiting, options } = arguments;
    let ask = Ask { stage: Some(stage), step, item, ..Ask::of_run(ActionType::Skip, options.reason.clone()) };
    verb::run(&run, ask, &options, waiting)
}
