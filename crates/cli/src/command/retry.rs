//! `sluice retry`: has what failed done again.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::verb::{self, EXIT_CODES};
use crate::actions::{self, Ask};

/// Have what failed in a run done again; what succeeded is kept.
///
/// Every stage that failed or was aborted goes on from the step that failed. With STAGE it is that one, and all that needs
/// it: from the step that failed; from its first step, if it had succeeded; with STEP, from that step. A run that is about to
/// end does so first. What steps did before stays.
///
/// It appends an entry `Retry` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it takes
/// the verb `retry` on what guards the stage, or on the pipeline.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    /// The stage; all that failed unless set.
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// The step that it begins with.
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// The item of the stage's `forEach`; all of them unless set.
    #[arg(long, value_name = "ITEM", requires = "stage")]
    item: Option<String>,
    #[command(flatten)]
    waiting: verb::Waiting,
    #[command(flatten)]
    options: verb::Options,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { run, stage, step, item, waiting, options } = arguments;
    let ask = Ask { stage, step, item, ..Ask::of_run(ActionType::Retry, options.reason.clone()) };
    verb::run(&run, ask, &options, waiting)
}
