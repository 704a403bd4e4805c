//! `sluice reject`: ends a run whose stage awaits an approval.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::{approve::Decision, verb::EXIT_CODES};

/// Reject a stage of a run that awaits an approval: the stage fails, and the run with it.
///
/// One rejection is enough. It appends an entry `Reject` to the `spec.actions` of the PipelineRun, under your name, as
/// `kubectl patch` could. Who may approve a stage may reject it: it takes the verb `approve` on what guards it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    decision: Decision,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    arguments.decision.ask(ActionType::Reject)
}
