//! `sluice approve`: lets a stage start that awaits an approval.

use std::process::ExitCode;

use sluice_api::ActionType;

use super::verb::{self, EXIT_CODES};
use crate::actions::{self, Ask};

/// Approve a stage of a run, which starts once enough people have.
///
/// It appends an entry `Approve` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could. The
/// API server lets it in if you have the verb `approve` on what guards the stage: `status.stages[].guard` names it. The
/// approval is for the attempt of the stage that waits now, and for no later one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    decision: Decision,
}

/// What a person decides about.
#[derive(Debug, clap::Args)]
pub(super) struct Decision {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    /// The stage; the one that waits unless set.
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// The item of the stage's `forEach`; all that wait unless set.
    #[arg(long, value_name = "ITEM")]
    item: Option<String>,
    /// The attempt of the stage; the one that waits unless set.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    attempt: Option<i32>,
    #[command(flatten)]
    waiting: verb::Waiting,
    #[command(flatten)]
    options: verb::Options,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    arguments.decision.ask(ActionType::Approve)
}

impl Decision {
    pub(super) fn ask(self, kind: ActionType) -> anyhow::Result<ExitCode> {
        let Self { run, stage, item, attempt, waiting, options } = self;
        let ask = Ask { stage, item, attempt, ..Ask::of_run(kind, options.reason.clone()) };
        verb::run(&run, ask, &options, waiting)
    }
}
